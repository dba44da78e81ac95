"""The training objective, Eq. (7): binary cross-entropy of every row plus alpha times a loss on the taps."""

from dataclasses import dataclass

import numpy as np

from .losses import bce, covariance, row_weights
from .models import Output


@dataclass(frozen=True)
class Objective:
    """L = sum_s 1/N_s sum_{i in s} BCE_i + alpha L_Cov (Eq. 7).

    reduction       what 1/N_s means in a mini-batch; see `losses.row_weights`
    domain_rows     rows of each domain in the training set; needed for "dataset_mean"
    alpha           weight of CovLoss; 0 leaves it out
    cov_reduction, cov_within
                    see `losses.covariance`
    cov_rows        compute CovLoss on this many rows, drawn anew for each batch; 0 = all rows
    """

    reduction: str = "batch_mean"
    domain_rows: tuple[int, ...] | None = None
    alpha: float = 0.0
    cov_reduction: str = "sum"
    cov_within: bool = False
    cov_rows: int = 0

    def __call__(self, out, batch, rng):
        """Value of each part and the gradient at every tap: ({"bce", "cov", "total"}, Output)."""
        w = row_weights(batch.domains, self.reduction, self.domain_rows, batch.labels.dtype)
        fit, dlogits = bce(out.logits, batch.labels, w)
        parts = {"bce": fit, "cov": 0.0, "total": fit}
        dexperts = None
        if self.alpha and out.experts is not None:
            n = len(out.experts)
            rows = np.sort(rng.choice(n, self.cov_rows, replace=False)) if 0 < self.cov_rows < n else None
            parts["cov"], dexperts = covariance(out.experts, self.cov_reduction, self.cov_within, rows)
            dexperts = self.alpha * dexperts
            parts["total"] = fit + self.alpha * parts["cov"]
        return parts, Output(dlogits, experts=dexperts)
