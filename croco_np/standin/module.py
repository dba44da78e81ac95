"""The stand-in in the place of the module `cupy`: as much of it as `croco_np.backend` and streaming ask for.

There is no device, so streams and events have nothing to wait for, and the time between two events is the host's.
"""

import time
from contextlib import AbstractContextManager
from types import SimpleNamespace
from typing import Any

import numpy as np

from .array import DeviceArray
from .journal import Refused

__version__ = "14.2.0 (stand-in)"
ndarray = DeviceArray
MEMORY = 2**33  # bytes that the device is said to have


class OutOfMemoryError(MemoryError):
    """The device has no room for an array."""


def asarray(a: Any, dtype: Any = None) -> DeviceArray:
    """An array on the device: a copy of one of the host."""
    return a if type(a) is DeviceArray and dtype in (None, a.dtype) else DeviceArray(np.array(a, dtype))


def empty(shape: Any, dtype: Any = float) -> DeviceArray:
    """An array on the device whose entries are not set."""
    return DeviceArray(np.empty(shape, dtype))


def asnumpy(a: DeviceArray) -> np.ndarray:
    """A copy in the host's memory."""
    return a.get()


class Stream(AbstractContextManager):
    """An order of work. Here all work is done when it is asked for."""

    def __init__(self, non_blocking: bool = False) -> None:
        self.non_blocking = non_blocking

    def __exit__(self, *error: object) -> None:
        """Nothing is current."""

    def synchronize(self) -> None:
        """Nothing is under way."""

    def record(self, event: "Event") -> "Event":
        event.record(self)
        return event

    def wait_event(self, event: "Event") -> None:
        """Nothing to wait for."""


class Event:
    """A moment in a stream."""

    def __init__(self, disable_timing: bool = False) -> None:
        self.at: float | None = None

    def record(self, stream: Stream | None = None) -> None:
        self.at = time.perf_counter()

    def synchronize(self) -> None:
        """It has passed."""


def get_elapsed_time(start: Event, end: Event) -> float:
    """Milliseconds between two recorded events."""
    if start.at is None or end.at is None:
        raise Refused("an event that was not recorded")
    return 1000 * (end.at - start.at)


class Pool:
    """The memory that CuPy keeps for arrays: here nothing is kept."""

    def total_bytes(self) -> int:
        return 0

    def used_bytes(self) -> int:
        return 0

    def free_all_blocks(self) -> None:
        """There are none."""


def get_default_memory_pool() -> Pool:
    """The pool of the current device."""
    return Pool()


def _properties(device):
    return {"name": b"stand-in for a GPU", "major": 0, "minor": 0, "multiProcessorCount": 1}


_runtime = SimpleNamespace(
    getDeviceCount=lambda: 1,
    getDevice=lambda: 0,
    getDeviceProperties=_properties,
    memGetInfo=lambda: (MEMORY, MEMORY),
    driverGetVersion=lambda: 0,
    runtimeGetVersion=lambda: 0,
)
_stream = Stream()
cuda = SimpleNamespace(
    cublas=SimpleNamespace(setMathMode=lambda handle, mode: None),
    device=SimpleNamespace(get_cublas_handle=lambda: 0),
    Stream=Stream,
    Event=Event,
    alloc_pinned_memory=bytearray,
    get_current_stream=lambda: _stream,
    get_elapsed_time=get_elapsed_time,
    memory=SimpleNamespace(OutOfMemoryError=OutOfMemoryError),
    runtime=_runtime,
)
_core = SimpleNamespace(
    _routines_linalg=SimpleNamespace(
        COMPUTE_TYPE_FP32=1, COMPUTE_TYPE_TF32=2, set_compute_type=lambda dtype, compute_type: None
    )
)
