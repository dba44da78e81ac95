"""Progress of long work: a bar on a terminal, a plain line now and then in a pipe or a log file."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

from .interrupts import stop_if_asked

if TYPE_CHECKING:
    from tqdm import tqdm

SECONDS_BETWEEN_LINES = 5


class Lines:
    """The part of tqdm's interface used here, as lines: "epoch 1: 45% of 165,058 rows, loss=0.61, 41,000 rows/s".

    Work that is done within a few seconds says nothing.
    """

    def __init__(self, total: int | None, desc: str, unit: str, initial: int = 0) -> None:
        self.total, self.desc, self.unit, self.n, self.postfix = total, desc, unit, initial, ""
        self.first, self.started, self.last = initial, time.monotonic(), time.monotonic()

    def set_postfix(self, refresh: bool = False, **values: Any) -> None:
        self.postfix = "".join(f", {name}={value}" for name, value in values.items())

    def update(self, n: int) -> None:
        stop_if_asked()
        self.n += n
        now = time.monotonic()
        if now - self.last >= SECONDS_BETWEEN_LINES:
            self.last = now
            rate = (self.n - self.first) / (now - self.started)
            done = f"{100 * self.n / max(self.total, 1):.0f}% of {self.total:,}" if self.total else f"{self.n:,}"
            print(f"{self.desc}: {done} {self.unit}{self.postfix}, {rate:,.0f} {self.unit}/s", flush=True)

    def close(self) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass


class Hidden(Lines):
    """Progress that is not shown. It still looks for Ctrl-C."""

    def update(self, n: int) -> None:
        stop_if_asked()


def bar(total: int | None, desc: str, unit: str = "rows", initial: int = 0, shown: bool = True) -> Lines | tqdm:
    """A context manager with `update(n)` and `set_postfix(loss=...)`, counting up to `total`; None where unknown.

    shown  False counts without a word
    """
    if not shown:
        return Hidden(total, desc, unit, initial)
    if sys.stderr is None or not sys.stderr.isatty():
        return Lines(total, desc, unit, initial)
    try:
        from tqdm import tqdm
    except Exception:  # a bar is no reason to stop
        return Lines(total, desc, unit, initial)
    return tqdm(
        total=total, desc=desc, unit=f" {unit}", unit_scale=True, initial=initial, leave=False, dynamic_ncols=True
    )


@contextmanager
def bars(unit: str = "bytes") -> Iterator[Callable[[int, int, str], None]]:
    """A function progress(done, total, what), to be called with absolute numbers: a bar for each `what` in turn."""
    what_now, now = None, None

    def progress(done, total, what):
        nonlocal what_now, now
        stop_if_asked()
        if what != what_now:
            close()
            what_now, now = what, bar(total, what, unit)
        now.update(done - now.n)

    def close():
        if now is not None:
            now.close()

    try:
        yield progress
    finally:
        close()
