"""Signs of the covariances between experts, and the sum of their absolute values: what CovLoss makes of its matrix."""

import numpy as np

from ..arguments import NUMBER, real
from .twin import kernel


@kernel
def cross_signs(C: np.ndarray, own: float) -> tuple[np.ndarray, np.ndarray]:
    """Ω sgn(C) and sum Ω |C|, with Ω = 1 on blocks of two experts and `own` on those of an expert with itself.

    C (M, K, M, K), every pair of experts a K x K block -> Ω sgn(C) of the same shape, and a number. sgn(0) = 0.
    """
    signs = np.sign(C.real)  # of the real part: under a complex step |C| is sgn(C) C
    for m in range(len(C)):
        signs[m, :, m] *= own
    return signs, (signs * C).sum()


cross_signs.takes(C=real("M K M K"), own=NUMBER)
