"""How strongly each loss pulls by default: a weight alpha for each, measured so that all pull alike."""

from typing import Any

# alpha at which a loss pulls as CovLoss does at its own default; the docstring below says how that was measured
ALPHAS = {
    "covariance": 1.024,
    "dot": 0.031,
    "cosine": 0.25,
    "distance_correlation": 0.11,
    "ole soft": 20.0,
    "ole nuclear": 0.48,
    "ole frobenius": 4.4,
    "importance": 3.7,
    "trans5": 0.0066,
    "vicreg": 20.0,
}


def default_alpha(loss: str, batch_size: int, *, reduction: str = "sum", form: str = "soft", **_: Any) -> float:
    """The default weight alpha of a loss: one at which all losses of Table 4 pull alike; 0 for "none".

    The values of the losses differ by orders of magnitude, and so do their gradients: at one alpha, Table 4 would
    compare strengths, not losses. Hence alpha is that at which a loss's gradient at its tap is as long, over the rows
    of a batch, as CovLoss's: 0.10 of the cross-entropy's.

    Measured by `diagnostics.pull` on KuaiRand-Pure at the best epoch of me_peg (seed 0, the recipe of the data set),
    over the first 4 batches of 512 training rows, and rounded to two digits. CovLoss itself has alpha = 2e-3 there. The
    matrices of trans5 are those of its start, which training makes fit the experts; importance is measured at the
    gates' logits.

    CovLoss with the reduction "sum" grows with the rows of a batch: its alpha is 1.024 / `batch_size`, which is 1e-3 at
    1024 rows and 2e-3 at 512. The other losses, and CovLoss as a mean, are means over the rows and do not.

    loss, reduction, form   as in `LOSSES`, and the arguments of `covariance` and `ole`
    """
    if loss == "none":
        return 0.0
    alpha = ALPHAS[f"ole {form}" if loss == "ole" else loss]
    return alpha / batch_size if loss == "covariance" and reduction == "sum" else alpha
