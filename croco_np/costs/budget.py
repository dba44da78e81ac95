"""What a system costs: parameters, multiply-adds of a sample, and which parameters a domain has to itself.

Nothing here is written down by system. Parameters are counted on a model that is shaped but not drawn, multiply-adds
while a forward pass runs, and a domain's own parameters from gradients.
"""

from dataclasses import replace
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ..batch import Batch
from ..datasets.splits import Schema
from ..models import System
from ..models.assembly import count_trained, shapes_of
from ..models.output import Output
from ..tree import RowGrad, Tree, flatten, tree_map
from .products import forward_products

N_VALUES = 3  # of a field, in trials
N_ROWS = 64  # of a domain, in trials: enough to name every value
SHARED = -1


class Budget(NamedTuple):
    """The cost of a system.

    parameters     trained scalars; running values (means, counters) are not among them
    tables         those of them in embedding tables of any kind
    multiply_adds  of one sample in the forward pass, in matrix products: mean over the domains. Products by element
                   (mixtures, scales, norms) are left out. A training step takes about three times as many.
    owned          for each domain, {path: scalars} of what it alone trains, such as `towers.0.logit.W` or, of a part of
                   a leaf, `embeddings.table[:, 0]`
    """

    parameters: int
    tables: int
    multiply_adds: float
    owned: list[dict[str, int]]


def budget(system: type[System], schema: Schema, sizes: dict[str, Any]) -> Budget:
    """The `Budget` of the model `system.build(schema, **sizes)`."""
    owners, shapes = ownership(system, schema, sizes), shapes_of(system.build(schema, **sizes))
    own: list[dict[str, int]] = [{} for _ in schema.domains]
    for path, owner in owners.items():
        for s in set(np.unique(owner).tolist()) - {SHARED}:
            part = owner == s
            own[s][path + _where(part)] = int(part.sum()) * prod(shapes[path]) // part.size
    model, params = _trial_model(system, schema, sizes)
    return Budget(
        parameters=count_trained(system.build(schema, **sizes)),
        tables=sum(prod(shapes[path]) for path in owners if path.split(".")[-1] == "table"),
        multiply_adds=multiply_adds(model, params, _trial_batch(schema, range(len(schema.domains)))),
        owned=own,
    )


def ownership(system: type[System], schema: Schema, sizes: dict[str, Any]) -> dict[str, np.ndarray]:
    """Owners: {path: int array}, for each scalar of a trained leaf the domain that alone trains it, or SHARED.

    Measured, not declared: one backward pass for each domain, on a batch with rows of that domain only. A scalar is a
    domain's own if it gets a gradient there and nowhere else. All parameters of the trial are positive, which keeps
    every ReLU on, so where the gradient is 0 there is no road. The vocabulary of the trial is N_VALUES a field: no row
    of a table differs from another. Values do not depend on the domain, so that the row of an ordinary field that only
    occurs in one domain, such as the domain itself, counts as shared.
    """
    model, params = _trial_model(system, schema, sizes)
    leaves, reached = flatten(params), []
    for s in range(len(schema.domains)):
        out, cache = model.forward(params, _trial_batch(schema, [s]))
        pull = np.random.default_rng(1).uniform(0.5, 1.5, len(out.logits))
        grads = flatten(model.backward(cache, Output(pull)))
        grads = {path: g.dense(leaves[path].shape) if isinstance(g, RowGrad) else g for path, g in grads.items()}
        reached.append({path: g != 0 for path, g in grads.items()})
    owners = {}
    for path in reached[0]:
        by = np.stack([r[path] for r in reached])
        owners[path] = np.where(by.sum(axis=0) == 1, by.argmax(axis=0), SHARED)
    return owners


def table_owners(system: type[System], schema: Schema, sizes: dict[str, Any]) -> list[int | None]:
    """For each ordinary embedding table, in the order of `diagnostics.field_tables`, its one domain or None."""
    owners = ownership(system, schema, sizes)
    tables = [o for path, o in owners.items() if f".{path}".endswith(".embeddings.table")]
    each = [np.unique(o[:, m]) for o in tables for m in range(o.shape[1])]
    return [int(o[0]) if len(o) == 1 and o[0] != SHARED else None for o in each]


def multiply_adds(model: System, params: Tree, batch: Batch) -> float:
    """Multiply-adds of a row of the batch in the forward pass: those in matrix products with parameters, counted."""
    return sum(shape.flop for shape in forward_products(model, params, batch)[0]) / 2 / len(batch.labels)


def _trial_model(system, schema, sizes):
    """The model with tiny tables, and positive parameters of a size that leaves activations about 1."""
    model = system.build(replace(schema, vocabulary=(N_VALUES,) * len(schema.vocabulary)), **sizes)
    rng = np.random.default_rng(0)

    def positive(w):
        return rng.uniform(0.5, 1.5, w.shape) / (w.shape[-2] if w.ndim > 1 else 1)

    return model, tree_map(positive, model.init(rng))


def _trial_batch(schema, present):
    """N_ROWS rows of each domain in `present`, none of the others."""
    rng = np.random.default_rng(0)
    ends = np.cumsum([N_ROWS * (s in present) for s in range(len(schema.domains))])
    ids = rng.integers(0, N_VALUES, (ends[-1], len(schema.fields)))
    domains = tuple(slice(int(a), int(b)) for a, b in zip([0, *ends[:-1]], ends, strict=True))
    return Batch(ids, ids[:, schema.prior_fields], domains, np.zeros(len(ids)))


def _where(part):
    """The index of a part of an array (bool, some True) as text: "" for all of it, or "[:, 2]", "[0:2]"."""
    for axis in range(part.ndim):
        others = tuple(a for a in range(part.ndim) if a != axis)
        some, every = part.any(axis=others), part.all(axis=others)
        at = np.flatnonzero(some)
        if every.all():
            return ""
        if (some == every).all() and len(at) == at[-1] - at[0] + 1:
            return f"[{':, ' * axis}{at[0] if len(at) == 1 else f'{at[0]}:{at[-1] + 1}'}]"
    return "[in part]"
