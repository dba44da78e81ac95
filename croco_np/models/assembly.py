"""What all models have in common: they are made of layers."""

from collections.abc import Iterator
from dataclasses import fields
from math import prod
from typing import Any, ClassVar

import numpy as np

from ..batch import Batch
from ..tree import Tree, flatten
from .system import System


class Assembly(System):
    """A frozen dataclass of layers. Its parameters are those of its layers, under the names of the fields.

    A field that is a tuple of layers becomes a list; fields that are no layers have no parameters.
    """

    __dataclass_fields__: ClassVar[dict[str, Any]]  # of each system, a dataclass

    def init(self, rng: np.random.Generator) -> dict:
        """Parameters of all layers, drawn in the order of the fields."""
        params = {}
        for name in (f.name for f in fields(self)):
            part = getattr(self, name)
            if hasattr(part, "init"):
                params[name] = part.init(rng)
            elif isinstance(part, tuple) and all(hasattr(layer, "init") for layer in part):
                params[name] = [layer.init(rng) for layer in part]
        return params

    def looks_up(self, batch: Batch) -> dict[str, np.ndarray]:
        """The ids that each layer of embeddings looks up in `forward`: {name of the field: (B, F) int}."""
        return {"embeddings": batch.ids}

    def reads(self, batch: Batch) -> Iterator[tuple[str, np.ndarray]]:
        """The rows of tables that `forward` reads: pairs of a table's path and its rows, with repeats."""
        for name, ids in self.looks_up(batch).items():
            yield f"{name}.table", getattr(self, name).rows(ids).ravel()


class _Shapes(np.random.Generator):
    """A generator whose normal numbers take no memory: only their shape is wanted, and tables are large."""

    def normal(self, loc=0.0, scale=1.0, size=None):
        return np.broadcast_to(np.float64(0), size)


def shape_tree(model: Any) -> Tree:
    """The tree of a model's parameters, in arrays that have a shape and hold nothing."""
    return model.init(_Shapes(np.random.PCG64(0)))


def shapes_of(model: Any) -> dict[str, tuple[int, ...]]:
    """{path: shape} of a model's parameters, running values among them, without drawing them."""
    return {path: np.shape(w) for path, w in flatten(shape_tree(model)).items()}


def count_trained(model: Any) -> int:
    """Number of trained scalars of a model: its parameters without the running values."""
    return sum(prod(shape) for path, shape in shapes_of(model).items() if path not in model.running)
