"""A profiling clock of nested phases: time counts for the innermost open phase."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

REST = "rest"
# Phases in which all that is called counts, whatever else it would be.
CLOSED = ("gate", "towers", "loss", "BCE")
PHASES: tuple[str, ...] = ("gather", "products forward", "bias + ReLU", "gate", "towers", "BCE", "loss")
PHASES += ("products backward", "scatter", "optimiser rows", "optimiser dense", REST)


class Clock:
    """Exclusive seconds, operations and bytes of each phase since it was made."""

    def __init__(self) -> None:
        self.seconds, self.flop, self.bytes = (dict.fromkeys(PHASES, 0) for _ in range(3))
        self.stack, self.last = [REST], time.perf_counter()

    def _tick(self):
        now = time.perf_counter()
        self.seconds[self.stack[-1]] += now - self.last
        self.last = now

    def stop(self) -> None:
        """Book the time up to now."""
        self._tick()

    @contextmanager
    def phase(self, name: str | None) -> Iterator[str]:
        """Open a phase, or stay in the one that is open where that one keeps what it calls; yields which."""
        now = self.stack[-1]
        stays = now in CLOSED and (now, name) != ("BCE", "loss")
        opened = now if name is None or stays or (now, name) == ("products backward", "products forward") else name
        self._tick()
        self.stack.append(opened)
        try:
            yield opened
        finally:
            self._tick()
            self.stack.pop()
