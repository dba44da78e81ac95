"""What the stand-in writes down: what was asked of the device, where the host waited for it, where it was refused."""

import sys
from collections import Counter
from pathlib import Path

import numpy as np

OWN_FOLDER, NUMPY = str(Path(__file__).parent), str(Path(np.__file__).parent)
IDLE = frozenset(["reshape", "ravel", "swapaxes", "transpose", "squeeze", "diagonal", "view", "split", "broadcast_to"])
IDLE |= frozenset(["shape", "ndim", "size", "result_type", "may_share_memory", "shares_memory", "empty", "empty_like"])
SIZED = {"unique": 1, "flatnonzero": 1, "nonzero": 1, "argwhere": 1, "bincount": 2}  # waits for a size, or for a check

waits: Counter[str] = Counter()  # {"file:line": how often the host had to wait for a value of the device there}
asked: Counter[str] = Counter()  # {function: how often it was asked of the device}; each starts a kernel there, or more


class Refused(TypeError):
    """What CuPy refuses, and where in the program it was asked for."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{where()}: {what}")


def where() -> str:
    """file:line of the innermost frame that is neither NumPy's nor the stand-in's."""
    frame = sys._getframe(1)
    while frame.f_back and frame.f_code.co_filename.startswith((OWN_FOLDER, NUMPY, "<")):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


def wait() -> None:
    """Note that the host waits for a value of the device, or for the size of a result."""
    waits[where()] += 1


def ask(name: str) -> None:
    """Note that a function was called, unless it starts nothing on a device: views, questions, memory to be filled."""
    if name not in IDLE:
        asked[name] += 1
    for _ in range(SIZED.get(name, 0)):
        wait()
