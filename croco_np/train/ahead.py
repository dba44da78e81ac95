"""Batches on their way to where the parameters lie: to a device, one ahead of the step that it computes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..backend import Backend
from ..batch import Batch
from ..errors import InputError

ARRAYS = ("ids", "prior_ids", "labels")  # of a batch; its slices stay on the host, which launches by them
SLOTS = 2  # batches under way: that of the step, and the next


def arriving(batches: Iterator[Batch], backend: Backend) -> AsTheyCome:
    """The same batches where the parameters lie; call `look_ahead` when a step was launched."""
    return AsTheyCome(batches) if backend.name == "numpy" else Ahead(batches, backend)


class AsTheyCome:
    """Batches of the host for steps on the host: each is cut when its turn comes."""

    def __init__(self, batches: Iterator[Batch]) -> None:
        self.batches = batches

    def __iter__(self) -> Iterator[Batch]:
        yield from self.batches

    def look_ahead(self) -> None:
        """The host is busy with the step itself."""


class Ahead(AsTheyCome):
    """Batches for steps on a GPU. While it computes step k, the host cuts batch k+1, and a copy engine brings it there.

    Work that is launched returns at once, so the host is free until it reads the loss of step k. `look_ahead`, called
    before that, cuts batch k+1, writes it to a buffer in pinned memory (which the copy engine reads by itself; pageable
    memory would be copied once more, and be waited for), and launches the copy in a stream of its own, which does not
    queue behind the step's kernels. Two slots of buffers take turns. Three waits keep them apart, in a slot's order:

        the host waits for `ready`             before it writes the pinned buffer: the copy out of it has ended
        the copy stream waits for `free`       before it writes the device buffer: the step that read it has ended
        the compute stream waits for `ready`   before the step: its batch has arrived

    The device buffers stay for the whole epoch. One that was freed would go back to CuPy's memory pool, which hands it
    out again by the order of one stream and knows nothing of work that another still does on it.
    """

    def __init__(self, batches: Iterator[Batch], gpu: Any) -> None:
        super().__init__(batches)
        self.xp = gpu.xp
        self.copying, self.computing = self.xp.cuda.Stream(non_blocking=True), self.xp.cuda.get_current_stream()
        self.slots: list[Slot] = []
        self.launched: Slot | None = None  # of the step that was launched last
        self.next: tuple[Batch, Slot] | None = None
        self.n_sent = 0
        self.wrong: Exception | None = None  # with the rows of the next batch: the step before it still counts

    def __iter__(self) -> Iterator[Batch]:
        try:
            self._send()
            while self.next:
                batch, slot = self.next
                self.next, self.launched = None, slot
                self.computing.wait_event(slot.ready)
                yield batch
                self.look_ahead()
            if self.wrong:
                raise self.wrong
        finally:
            self.copying.synchronize()  # nothing is on its way when the buffers go

    def look_ahead(self) -> None:
        """Cut the next batch and send it, once for each step."""
        if self.launched:
            self.launched.free.record(self.computing)
            self.launched = None
            self._send()

    def _send(self):
        try:
            batch = next(self.batches, None)
        except (InputError, TypeError, ValueError, IndexError) as error:  # what `make_batch` raises
            self.wrong, batch = error, None
        if batch is None:
            return
        if len(self.slots) < SLOTS:  # the first two batches are whole, if there are two
            self.slots.append(Slot(self.xp, batch, self.computing))
        slot = self.slots[self.n_sent % SLOTS]
        self.next = slot.fill(batch, self.copying), slot
        self.n_sent += 1


class Slot:
    """Buffers for a batch in pinned memory of the host and on the device, and the two events that guard them.

    ready  the last copy from the one to the other has ended
    free   the last step that read the device buffers has ended
    """

    def __init__(self, xp: Any, batch: Batch, computing: Any) -> None:
        arrays = {name: getattr(batch, name) for name in ARRAYS}
        self.pinned = {name: _pinned(xp, a) for name, a in arrays.items()}
        self.there = {name: xp.empty(a.shape, a.dtype) for name, a in arrays.items()}
        self.ready, self.free = (xp.cuda.Event(disable_timing=True) for _ in range(2))
        self.free.record(computing)  # the pool may have taken the buffers from arrays that kernels still read

    def fill(self, batch: Batch, copying: Any) -> Batch:
        """The batch with arrays on the device, in which it arrives by the event `ready`."""
        n = len(batch.labels)
        self.ready.synchronize()
        copying.wait_event(self.free)
        for name, pinned in self.pinned.items():
            pinned[:n] = getattr(batch, name)
            self.there[name][:n].set(pinned[:n], stream=copying)
        self.ready.record(copying)
        return batch._replace(**{name: a[:n] for name, a in self.there.items()})


def _pinned(xp, a):
    """An array like one of the host in pinned memory, of which CuPy gives more than was asked for."""
    return np.frombuffer(xp.cuda.alloc_pinned_memory(a.nbytes), a.dtype, a.size).reshape(a.shape)
