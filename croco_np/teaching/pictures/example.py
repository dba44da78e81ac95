"""A Crocodile small enough to be read, and one batch of it: what the graphs of the lessons are drawn from."""

from functools import cache
from typing import Any

import numpy as np

from ...batch import Batch
from ...datasets.splits import Schema
from ...models import Crocodile
from ...objective import Objective
from .graph import training_graph
from .scene import Scene

SCHEMA = Schema(
    fields=("user", "item", "domain"),
    vocabulary=(5, 5, 3),
    user="user",
    item="item",
    domain="domain",
    domains=("X", "Y"),
    context=(),
)
SIZES: dict[str, Any] = {
    "n_experts": 3,
    "embedding_width": 2,
    "embedding_std": 0.5,
    "expert_sizes": (2,),
    "tower_sizes": (2,),
    "prior_width": 2,
}


@cache
def example() -> tuple[Crocodile, Objective, dict, Batch]:
    """The model, its objective with CovLoss, its parameters and a batch: three rows of domain X, one of domain Y."""
    ids = np.array([[1, 2, 1], [3, 2, 1], [1, 4, 1], [2, 1, 2]])
    batch = Batch(ids, ids[:, SCHEMA.prior_fields], (slice(0, 3), slice(3, 4)), np.array([1.0, 0, 0, 1]))
    model = Crocodile.build(SCHEMA, **SIZES)
    return model, Objective(alpha=0.1), model.init(np.random.default_rng(5)), batch


def crocodile_steps() -> Scene:
    """One training step of the small Crocodile, forward and backward, call by call, with its numbers."""
    return training_graph(*example())


def you_are_here(*layers: str) -> Scene:
    """The model as a graph, with the layers marked that a lesson is about; "loss" is the objective."""
    return training_graph(*example(), here=layers, steps=False)
