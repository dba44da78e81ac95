"""A reading of the gradient that comes to a tap from the layers above it."""

from __future__ import annotations

import numpy as np


class Reading:
    """In the place of a loss's gradient at a tap: keeps the gradient that comes from above, and adds nothing to it.

    What a backward pass hands from one layer to the next is nowhere in its result, the gradients of the parameters. To
    compare a loss with the cross-entropy where both pull, go backward with a `Reading` at the tap:

        reading = Reading()
        model.backward(cache, Output(dlogits, experts=reading))
        reading.gradient        (B, M, K)

    At the tap `gates` it is the gradient of the gates' logits: behind a softmax, shares can only be moved.
    """

    def __init__(self) -> None:
        self.gradient: np.ndarray | None = None

    def keep(self, gradient: np.ndarray) -> np.ndarray:
        """Keep a copy of a gradient; returns it as it is."""
        self.gradient = gradient.copy()
        return gradient
