"""The training objective, Eq. (7): binary cross-entropy of every row plus alpha times a loss on the taps."""

from dataclasses import dataclass, field

import numpy as np

from .batch import Batch
from .losses import LOSSES, bce, row_weights
from .models import Output
from .options import did_you_mean


@dataclass(frozen=True)
class Objective:
    """L = sum_s 1/N_s sum_{i in s} BCE_i + alpha L_Cov (Eq. 7), or another loss in the place of L_Cov (Table 4).

    reduction    what 1/N_s means in a mini-batch; see `losses.row_weights`
    domain_rows  rows of each domain in the training set; needed for "dataset_mean"
    alpha        weight of the loss; 0 leaves it out
    loss         which one, a name in `losses.LOSSES`, or "none"
    options      arguments for it, such as {"reduction": "mean"}
    rows         compute a loss that takes `rows` on this many, drawn anew for each batch; 0 = all rows

    The loss pulls on one tap of the model's output; a model without that tap is trained without the loss.
    """

    reduction: str = "batch_mean"
    domain_rows: tuple[int, ...] | None = None
    alpha: float = 0.0
    loss: str = "covariance"
    options: dict = field(default_factory=dict)
    rows: int = 0

    def __post_init__(self) -> None:
        if self.loss != "none" and self.loss not in LOSSES:
            known = ", ".join(["none", *LOSSES])
            raise ValueError(f"loss {self.loss!r}: choose one of {known}{did_you_mean(self.loss, LOSSES)}")

    @property
    def active(self) -> bool:
        """Whether there is a loss beside the cross-entropy."""
        return self.alpha > 0 and self.loss != "none"

    @property
    def title(self) -> str:
        """The name of the loss for people."""
        return "CovLoss" if self.loss == "covariance" else self.loss

    @property
    def has_parameters(self) -> bool:
        """Whether the loss has parameters of its own, to be trained with the model's."""
        return self.active and LOSSES[self.loss].init is not None

    def init(self, rng: np.random.Generator, out: Output) -> dict:
        """The loss's own parameters, for an output of the model, of which only the shapes count."""
        init = LOSSES[self.loss].init if self.active else None
        return init(rng, *self._tap(out).shape[1:]) if init else {}

    def __call__(
        self, out: Output, batch: Batch, rng: np.random.Generator | None = None, params: dict | None = None
    ) -> tuple[dict[str, float], Output, dict]:
        """Value of each part, the gradient at every tap, and that of the loss's own parameters.

        rng     draws the rows of a loss on some of them; not needed for `rows` = 0
        params  from `init` -> {"bce", "cov" (the loss, whichever it is), "total"}, Output, gradients like params
        """
        w = row_weights(batch.domains, self.reduction, self.domain_rows, batch.labels.dtype, like=batch.labels)
        fit, dlogits = bce(out.logits, batch.labels, w)
        parts = {"bce": fit, "cov": 0.0, "total": fit}
        params, tap, pull, own = params or {}, self._tap(out), {}, []
        if tap is not None:
            if self.has_parameters and not params:
                raise ValueError(f"the loss {self.loss} has parameters of its own: params=objective.init(rng, out)")
            parts["cov"], dtap, *own = LOSSES[self.loss].loss(tap, **params, **self.options, **self._sample(tap, rng))
            pull = {LOSSES[self.loss].tap: self.alpha * dtap}
            parts["total"] = fit + self.alpha * parts["cov"]
        if out.penalty is not None:
            parts["total"] = parts["total"] + out.penalty
            pull["penalty"] = 1.0
        return parts, Output(dlogits, **pull), {name: self.alpha * d for name, d in zip(params, own, strict=True)}

    def _tap(self, out):
        """The tap that the loss acts on; None if there is no loss, or no such tap."""
        return getattr(out, LOSSES[self.loss].tap) if self.active else None

    def _sample(self, tap, rng):
        """The argument `rows`, for a loss on some of the rows."""
        if not LOSSES[self.loss].sampled or not 0 < self.rows < len(tap):
            return {}
        if rng is None:
            raise ValueError(f"the loss is on {self.rows} sampled rows, so it needs rng, a numpy.random.Generator")
        return {"rows": np.sort(rng.choice(len(tap), self.rows, replace=False))}
