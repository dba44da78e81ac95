"""What a model returns: its logits, and the taps a loss can pull on."""

from typing import NamedTuple

import numpy as np

from ..layers.reading import Reading


class Output(NamedTuple):
    """The taps of a model; the gradient that goes back in has the same form, with None where no loss pulls.

    logits   (B,)                     click logits, each row from its own domain's tower
    experts  (B, M, K) or None        expert outputs, where the model has experts that every row runs through
    gates    (B, M[, K]) or None      the experts' shares
    penalty  float or None            a term that the model itself adds to the objective
    """

    logits: np.ndarray
    experts: np.ndarray | None = None
    gates: np.ndarray | None = None
    penalty: float | None = None


def merge(do: np.ndarray, pull: np.ndarray | Reading | None) -> np.ndarray:
    """Two gradients of the same tap: from the layers above, and from a loss that pulls on it directly (or None).

    With a `Reading` in the place of the second, the first alone, and the reading keeps it.
    """
    if isinstance(pull, Reading):
        return pull.keep(do)
    return do if pull is None else do + pull
