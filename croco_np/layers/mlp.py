"""Multi-layer perceptrons: the dense layer with ReLU, a stack of it, and the tower (Eq. 5)."""

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from ..arguments import expect
from ..kernels.relu import bias_relu, relu_backward
from .chain import Chain
from .linear import Linear, LinearCache, xavier


class DenseCache(NamedTuple):
    p: dict
    x: np.ndarray
    y: np.ndarray


@dataclass(frozen=True)
class Dense:
    """y = relu(x W + b).

    x (B, n_in), W (n_in, n_out), b (n_out,) -> y (B, n_out)

    Backward, given dy, with z = x W + b:
        dz = dy 1[y > 0]                       y > 0 exactly where z > 0; 0 at 0, as in PyTorch
        db = sum_i dz_i,  dW = x^T dz,  dx = dz W^T
    """

    n_in: int
    n_out: int

    def init(self, rng: np.random.Generator) -> dict:
        return {"W": xavier(rng, self.n_in, self.n_out), "b": np.zeros(self.n_out)}

    def forward(self, p: dict, x: np.ndarray) -> tuple[np.ndarray, DenseCache]:
        expect("x", x, None, self.n_in)
        expect("W", p["W"], self.n_in, self.n_out)
        y = bias_relu(x @ p["W"], p["b"])
        return y, DenseCache(p, x, y)

    def backward(self, c: DenseCache, dy: np.ndarray) -> tuple[np.ndarray, dict]:
        dz, db = relu_backward(c.y, dy)
        return dz @ c.p["W"].T, {"W": c.x.T @ dz, "b": db}


@dataclass(frozen=True)
class MLP(Chain):
    """Dense layers in a row: n_0 -> n_1 -> ... -> n_L, each followed by ReLU, the last one too.

    sizes (n_0, ..., n_L); with a single size it is the identity.
    """

    sizes: tuple[int, ...]

    @property
    def layers(self) -> tuple[Dense, ...]:
        return tuple(Dense(a, b) for a, b in pairwise(self.sizes))


class TowerCache(NamedTuple):
    hidden: list
    logit: LinearCache


@dataclass(frozen=True)
class Tower:
    """The tower of one domain, Eq. (5): an MLP, then a linear layer to one logit.

    h (B, n_0) -> z (B, 1), with sizes (n_0, ..., n_L)

    The sigmoid of Eq. (5) is not here: the loss takes logits (`losses.bce`), which is exact where sigmoid and logarithm
    one after the other overflow. p = sigmoid(z) is the click probability.
    """

    sizes: tuple[int, ...]

    @property
    def hidden(self) -> MLP:
        return MLP(self.sizes)

    @property
    def logit(self) -> Linear:
        return Linear(self.sizes[-1], 1)

    def init(self, rng: np.random.Generator) -> dict:
        return {"hidden": self.hidden.init(rng), "logit": self.logit.init(rng)}

    def forward(self, p: dict, h: np.ndarray) -> tuple[np.ndarray, TowerCache]:
        t, hidden = self.hidden.forward(p["hidden"], h)
        z, logit = self.logit.forward(p["logit"], t)
        return z, TowerCache(hidden, logit)

    def backward(self, c: TowerCache, dz: np.ndarray) -> tuple[np.ndarray, dict]:
        dt, logit = self.logit.backward(c.logit, dz)
        dh, hidden = self.hidden.backward(c.hidden, dt)
        return dh, {"hidden": hidden, "logit": logit}
