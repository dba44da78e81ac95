"""A profiling clock of nested phases: time counts for the innermost open phase."""

import time
from contextlib import contextmanager

REST = "rest"
# Phases in which all that is called counts, whatever else it would be.
CLOSED = ("gate", "towers", "loss", "BCE")
PHASES = ("gather", "products forward", "bias + ReLU", "gate", "towers", "BCE", "loss", "products backward", "scatter")
PHASES += ("optimiser rows", "optimiser dense", REST)


class Clock:
    """Exclusive seconds, operations and bytes of each phase since it was made."""

    def __init__(self):
        self.seconds, self.flop, self.bytes = (dict.fromkeys(PHASES, 0) for _ in range(3))
        self.stack, self.last = [REST], time.perf_counter()

    def _tick(self):
        now = time.perf_counter()
        self.seconds[self.stack[-1]] += now - self.last
        self.last = now

    def stop(self):
        """Book the time up to now."""
        self._tick()

    @contextmanager
    def phase(self, name):
        """Open a phase, or stay in the one that is open where that one keeps what it calls; yields which."""
        now = self.stack[-1]
        stays = name is None or (now in CLOSED and (now, name) != ("BCE", "loss"))
        name = now if stays or (now, name) == ("products backward", "products forward") else name
        self._tick()
        self.stack.append(name)
        try:
            yield name
        finally:
            self._tick()
            self.stack.pop()
