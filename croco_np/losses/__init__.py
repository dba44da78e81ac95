"""Losses: functions of arrays that return (value, gradient). They know no models."""

from collections.abc import Callable
from typing import NamedTuple

from .bce import bce, row_weights
from .correlation import distance_correlation
from .covariance import covariance
from .importance import importance
from .orthogonal import ole
from .similarity import cosine, dot
from .strength import default_alpha
from .transform import init_trans5, trans5
from .vicreg import vicreg


class Loss(NamedTuple):
    """A loss beside the cross-entropy of Eq. (7), and how to call it.

    loss      function(tap, **own parameters, **arguments) -> value, gradient of the tap, gradients of the parameters
    variants  {label: arguments}, which the gradient checker goes through
    tap       what it acts on: "experts" (B, M, K) or "gates" (B, M[, K])
    init      function(rng, n_experts, width) -> own parameters; None for a loss without
    sampled   whether it takes `rows`, to be computed on some of the rows only
    alone     whether it means something for a single expert
    """

    loss: Callable
    variants: dict[str, dict]
    tap: str = "experts"
    init: Callable | None = None
    sampled: bool = False
    alone: bool = False


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
        sampled=True,
    ),
    "dot": Loss(dot, {"": {}}),
    "cosine": Loss(cosine, {"": {}}),
    "distance_correlation": Loss(distance_correlation, {"": {}, "sampled": {"rows": [0, 2, 3, 7, 11]}}, sampled=True),
    "ole": Loss(ole, {"": {}, "nuclear": {"form": "nuclear"}, "frobenius": {"form": "frobenius"}}),
    "importance": Loss(importance, {"": {}, "unbiased": {"unbiased": True}}, tap="gates"),
    "trans5": Loss(trans5, {"": {}, "no alignment": {"eta": 0.0}}, init=init_trans5),
    "vicreg": Loss(vicreg, {"": {}}, alone=True),
}

__all__ = ["LOSSES", "Loss", "bce", "cosine", "covariance", "default_alpha", "distance_correlation", "dot"]
__all__ += ["importance", "init_trans5", "ole", "row_weights", "trans5", "vicreg"]
