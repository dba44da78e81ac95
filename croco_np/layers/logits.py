"""The logits of a gate: a linear layer, after hidden layers or at once."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from .linear import Linear, LinearCache
from .mlp import MLP


class GateLogitsCache(NamedTuple):
    hidden: list[Any]
    logits: LinearCache


@dataclass(frozen=True)
class GateLogits:
    """The logits of a gate with hidden layers: a = relu-MLP(x) W (+ b).

    x (B, n_0) -> a (B, n_out), with hidden sizes (n_0, ..., n_L)

    The papers of MMoE and PLE write a gate as one linear layer; code of the systems often has hidden layers before it.

    Backward, given da: that of `Linear`, then that of `MLP`.
    """

    sizes: tuple[int, ...]
    n_out: int
    bias: bool = True

    @property
    def hidden(self) -> MLP:
        return MLP(self.sizes)

    @property
    def logits(self) -> Linear:
        return Linear(self.sizes[-1], self.n_out, self.bias)

    def init(self, rng: np.random.Generator) -> dict:
        return {"hidden": self.hidden.init(rng), "logits": self.logits.init(rng)}

    def forward(self, p: dict, x: np.ndarray) -> tuple[np.ndarray, GateLogitsCache]:
        v, hidden = self.hidden.forward(p["hidden"], x)
        a, logits = self.logits.forward(p["logits"], v)
        return a, GateLogitsCache(hidden, logits)

    def backward(self, c: GateLogitsCache, da: np.ndarray) -> tuple[np.ndarray, dict]:
        dv, logits = self.logits.backward(c.logits, da)
        dx, hidden = self.hidden.backward(c.hidden, dv)
        return dx, {"hidden": hidden, "logits": logits}


def gate_logits(n_in: int, hidden: tuple[int, ...], n_out: int, bias: bool = True) -> Linear | GateLogits:
    """The layer of a gate's logits: `GateLogits` with hidden layers of the given widths, `Linear` without any."""
    return GateLogits((n_in, *hidden), n_out, bias) if hidden else Linear(n_in, n_out, bias)
