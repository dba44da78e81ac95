"""Equal use of the experts (Table 4: Importance). It acts on the gate shares, not on the expert outputs."""

import numpy as np

from ..arguments import SOME, expect


def importance(g: np.ndarray, unbiased: bool = False) -> tuple[float, np.ndarray]:
    """Importance: the squared coefficient of variation of the experts' total shares (Shazeer et al. 2017, Eqs. 6, 7).

        I_m = sum_i g_im                       importance of expert m in the batch
        L = Var(I) / (mean(I)^2 + 1e-10)       over the M experts

    g (B, M) shares, or element-wise (B, M, K), then g_im is the mean over the K dimensions -> L, dg like g

    unbiased   divide the variance by M - 1 instead of M

    Rows of all domains count together, each with its own domain's gate. Shares that add up to 1 in each row make
    mean(I) = B/M, so L = M sum_m I_m^2 / B^2 - 1 whatever B is: 0 if all experts are used alike, M - 1 if only one is.
    Our choice: Var with 1/M as in the authors' tensor2tensor; other public code takes 1/(M - 1).

    Backward. With mu = mean(I), kappa = mu^2 + 1e-10, and every row and dimension of expert m alike:
        dI_m = 2 (I_m - mu) / (M kappa) - 2 mu Var / (M kappa^2),     dg_im = dI_m,   dg_imk = dI_m / K
    The second term is the same for all experts: it vanishes behind a softmax, which cannot raise all shares at once.
    """
    if np.ndim(g) == 3:
        expect("g", g, None, SOME, SOME)
        shares, width = g.sum(axis=2) / g.shape[2], g.shape[2]
    else:
        expect("g", g, None, SOME)
        shares, width = g, 1
    n_experts, importances = g.shape[1], shares.sum(axis=0)
    mean = importances.sum() / n_experts
    apart = importances - mean
    divisor = max(n_experts - 1, 1) if unbiased else n_experts
    variance = (apart * apart).sum() / divisor
    kappa = mean**2 + 1e-10
    di = 2 * apart / (divisor * kappa) - 2 * mean * variance / (n_experts * kappa**2)
    dg = np.zeros_like(g)
    dg[:] = (di / width)[:, None] if g.ndim == 3 else di
    return variance / kappa, dg
