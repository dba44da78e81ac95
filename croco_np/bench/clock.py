"""A profiling clock of nested phases: time counts for the innermost open phase."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..machine.watch import HOST, Watch

REST = "rest"
# Phases in which all that is called counts, whatever else it would be.
CLOSED = ("gate", "towers", "loss", "BCE")
PHASES: tuple[str, ...] = ("gather", "products forward", "bias + ReLU", "gate", "towers", "BCE", "loss")
PHASES += ("products backward", "scatter", "optimiser rows", "optimiser dense", REST)


class Clock:
    """Exclusive seconds, operations and bytes of each phase since it was made.

    watch  the source of its marks (`machine.watch`). Between two marks lies a span of one phase. Its seconds are asked
           for in `stop`, after the last span: of a GPU the host would have to wait for them.
    """

    def __init__(self, watch: Watch = HOST) -> None:
        self.seconds: dict[str, float] = dict.fromkeys(PHASES, 0)
        self.flop, self.bytes = (dict.fromkeys(PHASES, 0) for _ in range(2))
        self.watch, self.spans = watch, list[tuple[str, Any, Any]]()
        self.stack, self.last = [REST], watch.mark()

    def _tick(self):
        now = self.watch.mark()
        self.spans.append((self.stack[-1], self.last, now))
        self.last = now

    def skip(self) -> None:
        """Leave the time since the last mark to no phase."""
        self.last = self.watch.mark()

    def stop(self) -> None:
        """Book the time up to now."""
        self._tick()
        for phase, start, end in self.spans:
            self.seconds[phase] += self.watch.seconds(start, end)
        self.spans.clear()

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
