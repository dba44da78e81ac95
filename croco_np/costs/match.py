"""Sizes at which one system has as many parameters as another, for comparisons at equal cost."""

from typing import Any, NamedTuple

from ..datasets.splits import Schema
from ..errors import OptionError
from ..models import System
from ..models.assembly import count_trained

KNOBS = {"embedding_width": "embedding_width", "expert_width": "expert_sizes"}  # name -> the size that it turns
LARGEST = 1 << 14


class Match(NamedTuple):
    """The width that was varied, its value, the sizes that follow from it, and their number of parameters."""

    knob: str
    value: int
    sizes: dict[str, Any]
    parameters: int


def turned(sizes: dict[str, Any], knob: str, value: int) -> dict[str, Any]:
    """Sizes with the width E of an embedding at `value`, or K at `value` and an expert's other layers in proportion."""
    if KNOBS[knob] not in sizes:
        raise OptionError(lambda called: f"{called('knob')} {knob}: this system has no {KNOBS[knob]}")
    if knob == "embedding_width":
        return sizes | {"embedding_width": value}
    *hidden, last = sizes["expert_sizes"]
    return sizes | {"expert_sizes": (*(max(1, round(n * value / last)) for n in hidden), value)}


def match_parameters(
    system: type[System], schema: Schema, sizes: dict[str, Any], target: int, knob: str = "embedding_width"
) -> Match:
    """The width that brings a system closest to `target` parameters -> Match; all other sizes stay.

    The count grows with the width, so the search is by bisection. The knob has steps: the result is the closest width,
    not an exact match, and at the knob's ends (1 and LARGEST) it may be far away.
    """

    def count(value):
        return count_trained(system.build(schema, **turned(sizes, knob, value)))

    low, high = 1, LARGEST
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if count(middle) <= target else (low, middle)
    value = min((low, high), key=lambda v: abs(count(v) - target))
    return Match(knob, value, turned(sizes, knob, value), count(value))
