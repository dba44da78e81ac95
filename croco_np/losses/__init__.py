"""Losses: functions of arrays that return (value, gradient). They know no models."""

from typing import Any, NamedTuple

from .bce import bce, row_weights
from .covariance import covariance


class Loss(NamedTuple):
    """A loss on the expert outputs, and the variants of it that the gradient checker goes through."""

    loss: Any
    variants: dict[str, dict]


LOSSES = {
    "covariance": Loss(
        covariance,
        {
            "": {},
            "mean": {"reduction": "mean"},
            "unbiased": {"reduction": "unbiased"},
            "within": {"within": True},
            "sampled": {"rows": [0, 2, 3, 7, 11]},
            "sampled mean": {"rows": [0, 2, 3, 7, 11], "reduction": "mean"},
        },
    ),
}

__all__ = ["LOSSES", "Loss", "bce", "covariance", "row_weights"]
