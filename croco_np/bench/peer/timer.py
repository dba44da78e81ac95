"""Time: by the clock of the processor, or by events in the stream of a GPU, as ours is timed."""

import time
from typing import Any

import torch


class Timer:
    """mark() ... seconds(start, end): between two marks, where the device's own moments count, not the host's."""

    def __init__(self, device: torch.device) -> None:
        self.on_gpu = device.type == "cuda"

    def mark(self) -> Any:
        if not self.on_gpu:
            return time.perf_counter()
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event

    def seconds(self, start: Any, end: Any) -> float:
        if not self.on_gpu:
            return end - start
        end.synchronize()
        return start.elapsed_time(end) / 1000
