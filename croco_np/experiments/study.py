"""What all runs of one command have in common: the data, the seeds, the budget of tuning, where records are kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from ..config import ABLATIONS, Config
from ..datasets.splits import Splits
from ..errors import InputError
from .pool import Outcome, make
from .run import Run, data, data_key
from .store import Store

TUNING_SEED = 1000  # of the first tuning run: never a seed of a table
DRAWN = "laboratory"  # a data set that is drawn anew for each seed, in memory


class Budget(NamedTuple):
    """What may be tried for each system, the same for all, on validation rows only.

    lr, l2  factors on the data set's recipe; of l2, where the recipe has none, `L2_OF_NONE` stands for it
    seeds   tuning runs of each setting
    """

    lr: tuple[float, ...]
    l2: tuple[float, ...]
    seeds: int

    @property
    def in_words(self) -> str:
        """What it allows, for `--help`."""
        seeds = "one seed" if self.seeds == 1 else f"{self.seeds} seeds"
        return f"{len(self.lr)} learning rates x {len(self.l2)} weight decays, {seeds} each"


BUDGETS = {
    "small": Budget(lr=(1.0, 2.0), l2=(1.0, 10.0), seeds=1),
    "full": Budget(lr=(0.25, 0.5, 1.0, 2.0, 4.0), l2=(0.1, 1.0, 10.0, 100.0), seeds=2),
}
L2_OF_NONE = 1e-6


@dataclass
class Study:
    """The runs of a command, made or found.

    base    settings of all runs, as keywords of `Config`: data set, its files, recipe, what flags have changed
    seeds   of the runs that are reported
    budget  a key of `BUDGETS`
    failed  {key: (title, what went wrong)} of all runs so far that failed
    """

    base: dict[str, Any]
    seeds: tuple[int, ...]
    budget: str
    store: Store
    jobs: int
    say: Callable[[str], None] = print
    failed: dict[str, tuple[str, str]] = field(default_factory=dict)

    def config(self, system: str, seed: int, **settings: Any) -> Config:
        """The config of a system, its own name or that of a row of Table 5; `settings` go over all else."""
        about = dict(ABLATIONS.get(system, {"model": system}))
        if self.base["dataset"] == DRAWN:
            about["world_seed"] = seed
        return Config(**self.base | about | settings | {"seed": seed})

    def run(self, system: str, seed: int, looks: tuple[str, ...] = ("learnt",), **settings: Any) -> Run:
        """A run of a system; `looks` are names of `run.LOOKS`."""
        config = self.config(system, seed, **settings)
        return Run(config, self.fingerprint(config), looks)

    def fingerprint(self, config: Config) -> str:
        """The fingerprint of the data of a config; of data drawn in memory their dials, which are in the config."""
        return DRAWN if config.dataset == DRAWN else data(data_key(config)).fingerprint

    @cached_property
    def splits(self) -> Splits:
        """The data; of a data set that is drawn for each seed, those of the first."""
        return data(data_key(self.config("shared_bottom", self.seeds[0])))

    def usual_alpha(self, **settings: Any) -> float:
        """Crocodile's alpha, of which an experiment tries multiples; InputError for 0, whose multiples are all 0."""
        alpha = self.config("crocodile", self.seeds[0], **settings).resolved_alpha
        if not alpha:
            raise InputError("--alpha 0: the experiment tries multiples of it, so it must be above 0")
        return alpha

    def make(self, runs: Iterable[Run], what: str) -> dict[str, dict]:
        """Make the runs that have no record yet -> {key: record} of those that have one now."""
        outcome: Outcome = make(list(runs), self.store, self.jobs, what, self.say)
        self.failed |= outcome.failed
        return outcome.records

    def settings(self) -> list[dict[str, float]]:
        """What the budget lets each system try: keywords of `Config`, the recipe's own among them."""
        budget, lr = BUDGETS[self.budget], self.base.get("lr", 1e-3)
        l2 = self.base.get("l2", 0.0) or L2_OF_NONE
        return [{"lr": _round(lr * a), "l2": _round(l2 * b)} for a in budget.lr for b in budget.l2]

    @property
    def tuning_seeds(self) -> range:
        """The seeds of tuning runs."""
        return range(TUNING_SEED, TUNING_SEED + BUDGETS[self.budget].seeds)


def _round(x):
    """Two digits: 0.00025, not 0.00025000000000000001."""
    return float(f"{x:.2g}")


def seeds_of(n: int) -> tuple[int, ...]:
    """The first n seeds."""
    if not 1 <= n <= TUNING_SEED:
        raise InputError(f"--seeds {n}: must be from 1 to {TUNING_SEED:,}, where the seeds of tuning begin")
    return tuple(range(n))
