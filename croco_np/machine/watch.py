"""Two ways to read the time: the clock of the processor, and events in the stream of a GPU.

    start = watch.mark()
    ...                                  what is timed
    watch.seconds(start, watch.mark())

The processor hands work to a GPU and goes on: its own clock would time the handing over. An event is a mark that is
handed over like the work itself. The device notes the time when it comes to the mark, between the kernels before it
and those after; this costs the kernels nothing, and the processor does not wait for it. It waits when it asks for the
time between two marks. Where the device runs out of work because the processor is slow to hand it over, the pause
lies between two marks like any work and is counted.
"""

import time
from typing import Any, Protocol


class Watch(Protocol):
    """A source of marks."""

    def mark(self) -> Any:
        """A moment: now, or when the device has done all that it was handed so far."""

    def seconds(self, start: Any, end: Any) -> float:
        """The time between two marks."""


class HostWatch:
    """The processor's clock. A mark is the time in seconds."""

    def mark(self) -> float:
        return time.perf_counter()

    def seconds(self, start: float, end: float) -> float:
        return end - start


class EventWatch:
    """Events of CUDA in the current stream. A mark is an event; CUDA resolves about half a microsecond.

    xp  the module `cupy`
    """

    def __init__(self, xp: Any) -> None:
        self.xp = xp

    def mark(self) -> Any:
        event = self.xp.cuda.Event()
        event.record()
        return event

    def seconds(self, start: Any, end: Any) -> float:
        end.synchronize()
        return self.xp.cuda.get_elapsed_time(start, end) / 1000


HOST = HostWatch()
