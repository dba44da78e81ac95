"""What is timed: the sizes of a data set, a config, and made-up clicks in the place of the data.

Ids are drawn log-uniformly, P(value of rank r) about 1/r, as long-tailed as such fields are, and ranks are shuffled so
that frequent values do not lie side by side in a table. Labels are coin tosses. Nothing here is real data; speed
depends on sizes and on how often a row repeats in a batch, not on what a click means.
"""

from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np

from ..config import RECIPES, Config
from ..costs.schemas import SCHEMAS
from ..datasets.splits import Rows, Schema, Splits
from ..layers.lookup import FEW

CLICKS = 0.04  # share of clicks among the labels


@dataclass(frozen=True)
class Workload:
    """Sizes, and the seed of made-up rows.

    schema     columns and vocabularies
    shares     (S,) share of each domain in a batch; the rest of rounding goes to the last
    options    fields of `Config` that differ from its defaults
    n_batches  different batches, which are used in turn
    twins      whether models run as their twins (`models.twins`), as in training, or as they are defined
    """

    name: str
    schema: Schema
    shares: tuple[float, ...]
    options: dict = field(default_factory=dict)
    n_batches: int = 4
    seed: int = 0
    twins: bool = True

    @property
    def config(self) -> Config:
        return Config(**self.options)

    def with_options(self, **options: Any) -> Self:
        """The same with other fields of `Config`."""
        return replace(self, options=self.options | options)

    def with_vocabulary(self, times: int) -> Self:
        """Every field that grows with users and items `times` as large; there are no more genders or ages."""
        sizes = (n * times if n > FEW else n for n in self.schema.vocabulary)
        return replace(self, schema=replace(self.schema, vocabulary=tuple(sizes)))

    def with_domains(self, n: int) -> Self:
        """`n` domains with equal shares."""
        schema = self.schema
        sizes = (n + 1 if f == schema.domain else v for f, v in zip(schema.fields, schema.vocabulary, strict=True))
        domains = tuple(f"domain {s + 1}" for s in range(n))
        return replace(self, schema=replace(schema, vocabulary=tuple(sizes), domains=domains), shares=(1 / n,) * n)

    def splits(self) -> Splits:
        """The rows: `n_batches` batches, which stand for all three parts of a data set."""
        rng, schema = np.random.default_rng(self.seed), self.schema
        n = self.n_batches * self.config.batch_size
        domains = np.searchsorted(np.cumsum(self.shares)[:-1], rng.random(n), side="right").astype(np.uint8)
        ids = np.empty((n, len(schema.fields)), np.int32)
        for f, (name, size) in enumerate(zip(schema.fields, schema.vocabulary, strict=True)):
            rank = np.minimum(np.exp(rng.random(n) * np.log(size)).astype(np.int32), size) - 1
            ids[:, f] = domains + 1 if name == schema.domain else rng.permutation(size)[rank]
        rows = Rows(ids, (rng.random(n) < CLICKS).astype(np.uint8), domains, ids[:, schema.prior_fields[0]].astype(int))
        return Splits(self.name, True, schema, rows, rows, rows)


# The 23 fields of the usual public preparation: those of `SCHEMAS`, and six more. For five of them no vocabulary after
# the filter is published; theirs are of our choosing, such that all fields together have 1.29 million values.
_MORE = {"853": 37_148, "109_14": 1_382, "110_14": 1_382, "127_14": 1_382, "150_14": 1_382, "210": 1_382}
_ALICCP = replace(
    SCHEMAS["aliccp"],
    fields=(*SCHEMAS["aliccp"].fields, *_MORE),
    vocabulary=(*SCHEMAS["aliccp"].vocabulary, *_MORE.values()),
)
_TINY = replace(SCHEMAS["kuairand"], vocabulary=tuple(min(n, 300) for n in SCHEMAS["kuairand"].vocabulary))

WORKLOADS = {
    "aliccp": Workload(
        "aliccp",
        _ALICCP,
        (0.38, 0.01, 0.61),
        {
            **{"dataset": "aliccp", "batch_size": 4096, "optimiser": "lazy_adam", "alpha": 1e-3},
            **{"n_experts": 5, "embedding_width": 16, "prior_width": 16},
            **{"expert_sizes": (512, 256, 128), "tower_sizes": (64,)},
        },
    ),
    # Shares of the tabs as in the published counts of KuaiRand-1K.
    "kuairand": Workload(
        "kuairand",
        SCHEMAS["kuairand"],
        (0.206, 0.666, 0.035, 0.077, 0.016),
        {"dataset": "kuairand", **RECIPES["kuairand"]},
    ),
    "tiny": Workload(
        "tiny",
        _TINY,
        (0.3, 0.3, 0.2, 0.1, 0.1),
        {
            **{"dataset": "kuairand", "batch_size": 64, "embedding_width": 4, "prior_width": 3, "n_experts": 5},
            **{"expert_sizes": (8, 6), "tower_sizes": (5,), "gate_width": 4},
        },
    ),
}
