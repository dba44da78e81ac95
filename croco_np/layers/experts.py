"""M experts side by side (Eq. 4)."""

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from ..kernels.relu import bias_relu, relu_backward
from .chain import Chain
from .linear import xavier


class StackedCache(NamedTuple):
    p: dict
    x: np.ndarray
    y: np.ndarray


@dataclass(frozen=True)
class StackedDense:
    """M dense layers with ReLU, y_m = relu(x_m W_m + b_m), as one batched product.

    x (B, M, n_in), W (M, n_in, n_out), b (M, n_out) -> y (B, M, n_out)

    x may also be (B, 1, n_in): one input for all experts; its gradient is then the sum over the experts.

    Backward, given dy, expert by expert as in `Dense`:
        dz = dy 1[y > 0],  db = sum_i dz_i,  dW_m = x_m^T dz_m,  dx_m = dz_m W_m^T
    """

    n_experts: int
    n_in: int
    n_out: int

    def init(self, rng):
        return {"W": xavier(rng, self.n_in, self.n_out, self.n_experts), "b": np.zeros((self.n_experts, self.n_out))}

    def forward(self, p, x):
        z = np.empty((len(x), self.n_experts, self.n_out), np.result_type(x, p["W"], p["b"]))
        np.matmul(x.swapaxes(0, 1), p["W"], out=z.swapaxes(0, 1))
        y = bias_relu(z.reshape(len(x), self.n_experts * self.n_out), p["b"].ravel()).reshape(z.shape)
        return y, StackedCache(p, x, y)

    def backward(self, c, dy):
        flat = (len(dy), self.n_experts * self.n_out)
        dz, db = relu_backward(c.y.reshape(flat), dy.reshape(flat))
        dz = dz.reshape(dy.shape)
        dW = np.matmul(c.x.transpose(1, 2, 0), dz.swapaxes(0, 1))
        dx = np.empty((len(dy), self.n_experts, self.n_in), dy.dtype)
        np.matmul(dz.swapaxes(0, 1), c.p["W"].swapaxes(1, 2), out=dx.swapaxes(0, 1))
        if c.x.shape[1] < self.n_experts:
            dx = dx.sum(axis=1, keepdims=True)
        return dx, {"W": dW, "b": db.reshape(self.n_experts, self.n_out)}


@dataclass(frozen=True)
class Experts(Chain):
    """M experts, Eq. (4): o_m = MLP_m(x_m), ReLU after every layer, the last one too (Section 4.5 of the paper).

    x (B, M, n_0) -> o (B, M, n_L), with sizes (n_0, ..., n_L). The experts share no weights; they are stacked so that
    one batched matrix product serves all of them. Non-negative outputs are what CovLoss's argument rests on.
    """

    n_experts: int
    sizes: tuple[int, ...]

    @property
    def layers(self):
        return tuple(StackedDense(self.n_experts, a, b) for a, b in pairwise(self.sizes))
