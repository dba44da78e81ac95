"""How strongly a loss pulls on a model, beside the cross-entropy."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..batch import Batch
from ..errors import InputError
from ..kernels.mix import softmax_backward
from ..layers.reading import Reading
from ..losses import LOSSES
from ..models import Output
from ..objective import Objective


def pull(
    model: Any, params: dict, batches: Iterable[Batch], objective: Objective, rng: np.random.Generator | None = None
) -> float:
    """The pull of a loss: the norm of its gradient over that of the cross-entropy, at the tap that it acts on.

        ||alpha dL/do|| / ||dBCE/do||        o: the expert outputs; for a loss on the gates: the gates' logits

    Both norms are over all batches. The pull is proportional to alpha, so alpha x 0.1 / pull is the alpha of a pull of
    0.1. At equal pulls the losses of Table 4 are compared as losses; at one alpha they differ in strength first.

    model      a system, or its twin
    params     its parameters; "loss" among them are those of a loss that has some, else they are drawn
    batches    rows, such as `itertools.islice(trainer.batches(1), 4)`
    objective  the loss, its alpha and its options, as in training
    rng        draws the rows of a sampled loss, and parameters of a loss; seed 0 if None

    Raises InputError for a model without the tap, for alpha = 0, and where the cross-entropy has no gradient.
    """
    tap = LOSSES[objective.loss].tap if objective.active else None
    if tap is None or tap not in model.taps:
        raise InputError(f"pull: no loss to measure; want alpha above 0 and a loss on one of the taps {model.taps}")
    rng = rng or np.random.default_rng(0)
    own, of_loss, of_fit = params.get("loss"), 0.0, 0.0
    for batch in batches:
        out, cache = model.forward(params, batch)
        if own is None:
            own = {name: w.astype(out.logits.dtype) for name, w in objective.init(rng, out).items()}
        _, d, _ = objective(out, batch, rng, own)
        reading, gradient = Reading(), getattr(d, tap)
        model.backward(cache, Output(d.logits, **{tap: reading}))  # type: ignore[arg-type]  # in a gradient's place
        of_loss += _square(softmax_backward(out.gates, gradient) if tap == "gates" else gradient)
        of_fit += _square(reading.gradient)
    if not of_fit:
        raise InputError(f"pull: the cross-entropy has no gradient at the {tap} on these rows")
    return float(np.sqrt(of_loss / of_fit))


def _square(gradient):
    """Squared norm, in double precision: squares of small numbers would leave the range of single."""
    wide = gradient.astype(np.float64)
    return float((wide * wide).sum())
