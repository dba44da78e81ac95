"""The state of training: what a checkpoint holds, and what every step changes."""

import time
from dataclasses import dataclass, field

import numpy as np


@dataclass
class State:
    """All that changes while training.

    params   parameters now
    moments  state of the optimiser
    rng      draws the rows of a sampled loss
    facts    plain numbers: where training stands, and its history
    best     parameters at the best validation AUC so far; None before the first validation
    """

    params: dict
    moments: dict
    rng: np.random.Generator
    facts: dict
    best: dict | None = None
    clock: float = field(default_factory=time.perf_counter)

    @property
    def chosen(self) -> dict:
        """The parameters to use: the best ones, or those of now where nothing was validated yet."""
        return self.params if self.best is None else self.best

    def tick(self) -> None:
        """Add the time since the last tick to the seconds of training."""
        now = time.perf_counter()
        self.facts["seconds"] += now - self.clock
        self.clock = now

    def next_epoch(self) -> None:
        """Go on to the first row of the next epoch."""
        self.facts["epoch"] += 1
        self.facts["position"], self.facts["sums"] = 0, dict.fromkeys(self.facts["sums"], 0.0)
