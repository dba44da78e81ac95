"""Twins of models: a faster form of a system that computes the same, kept beside the plain one that is its definition.

    @twin_of(Crocodile)                      # the definition: what a reader reads, reads like the figure
    @dataclass(frozen=True)
    class FusedCrocodile(Crocodile): ...     # the twin: same fields, same parameters, same results to rounding

Training, prediction and the benchmark run `fastest(model)`; counts, golden files and tutorials speak of the definition.
One switch serves kernels and models: where kernels run in NumPy (`CROCO_NP_KERNELS=numpy`, or Numba is absent), models
run as they are defined, too. A twin owes its speed to compiled kernels; in NumPy `FusedCrocodile` is the slower one.
"""

from collections.abc import Callable
from dataclasses import fields
from typing import Any

from ..kernels.twin import running

# definition -> twin, both classes: tests, the gradient checker and the benchmark walk over it
TWINS: dict[type, Any] = {}


def twin_of(definition: type) -> Callable[[type], type]:
    """Register the decorated class as the twin of a model. It inherits from it, adds no fields, and has a `label`."""

    def register(twin: type) -> type:
        TWINS[definition] = twin
        return twin

    return register


def fastest(model: Any) -> Any:
    """The twin of a model, of the same sizes, if it has one and compiled kernels run; else the model itself.

    A class that inherits from a definition is another model, and has no twin.
    """
    twin = TWINS.get(type(model)) if running() == "numba" else None
    return _as(twin, model) if twin else model


def definition(model: Any) -> Any:
    """The definition of a twin, of the same sizes; any other model is its own."""
    plain = next((plain for plain, twin in TWINS.items() if twin is type(model)), None)
    return _as(plain, model) if plain else model


def forms(model: Any) -> dict[str, Any]:
    """A definition and its twin, if any, by label: {"": model, "fused": twin}."""
    twin = TWINS.get(type(model))
    return {"": model} | ({twin.label: _as(twin, model)} if twin else {})


def _as(kind: type, model: Any) -> Any:
    """A model of another class with the same values in its fields."""
    return kind(**{field.name: getattr(model, field.name) for field in fields(model)})
