"""Sizes at which one system has as many parameters as another, for comparisons at equal cost."""

from math import prod
from types import SimpleNamespace
from typing import NamedTuple

from .budget import ownership, shapes_of

KNOBS = ("embedding_width", "expert_width")
LARGEST = 1 << 14


class Match(NamedTuple):
    """The width that was varied, its value, the sizes that follow from it, and their number of parameters."""

    knob: str
    value: int
    sizes: SimpleNamespace
    parameters: int


def turned(sizes, knob, value):
    """Sizes with the width E of an embedding at `value`, or K at `value` and an expert's other layers in proportion."""
    if knob == "embedding_width":
        return SimpleNamespace(**vars(sizes) | {"embedding_width": value})
    last = sizes.expert_sizes[-1]
    hidden = tuple(max(1, round(n * value / last)) for n in sizes.expert_sizes[:-1])
    return SimpleNamespace(**vars(sizes) | {"expert_sizes": (*hidden, value)})


def match_parameters(build, schema, sizes, target, knob="embedding_width"):
    """The width that brings `build` closest to `target` parameters -> Match; all other sizes stay.

    The count grows with the width, so the search is by bisection. The knob has steps: the result is the closest width,
    not an exact match, and at the knob's ends (1 and LARGEST) it may be far away.
    """
    trained = list(ownership(build, schema, sizes))

    def count(value):
        shapes = shapes_of(build(schema, turned(sizes, knob, value)))
        return sum(prod(shapes[path]) for path in trained)

    low, high = 1, LARGEST
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if count(middle) <= target else (low, middle)
    value = min((low, high), key=lambda v: abs(count(v) - target))
    return Match(knob, value, turned(sizes, knob, value), count(value))
