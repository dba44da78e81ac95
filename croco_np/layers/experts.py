"""M experts side by side (Eq. 4)."""

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from ..arguments import expect
from ..kernels.relu import bias_relu, relu_backward
from ..kernels.stacks import matmul
from .chain import Chain
from .linear import xavier


def products(x: np.ndarray, W: np.ndarray) -> np.ndarray:
    """One product an expert, z_m = x_m W_m: x (B, M or 1, n_in), W (M, n_in, n_out) -> z (B, M, n_out)."""
    z = np.empty((len(x), len(W), W.shape[2]), np.result_type(x, W), like=x)
    matmul(x.swapaxes(0, 1), W, z.swapaxes(0, 1))
    return z


def products_backward(x: np.ndarray, W: np.ndarray, dz: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Backward of `products`: dx_m = dz_m W_m^T (summed over m where x is one input for all), dW_m = x_m^T dz_m."""
    dW = np.empty(W.shape, np.result_type(x, dz), like=dz)
    matmul(x.transpose(1, 2, 0), dz.swapaxes(0, 1), dW)
    dx = products(dz, W.swapaxes(1, 2))
    return (dx if x.shape[1] == len(W) else dx.sum(axis=1, keepdims=True)), dW


def add_bias_relu(z: np.ndarray, b: np.ndarray) -> np.ndarray:
    """`bias_relu` for M experts: z (B, M, N), b (M, N)."""
    return bias_relu(z.reshape(len(z), b.size), b.ravel()).reshape(z.shape)


def stacked_relu_backward(y: np.ndarray, dy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`relu_backward` for M experts: y, dy (B, M, N) -> dz (B, M, N), db (M, N)."""
    flat = (len(y), y.shape[1] * y.shape[2])
    dz, db = relu_backward(y.reshape(flat), dy.reshape(flat))
    return dz.reshape(y.shape), db.reshape(y.shape[1:])


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

    def init(self, rng: np.random.Generator) -> dict:
        return {"W": xavier(rng, self.n_in, self.n_out, self.n_experts), "b": np.zeros((self.n_experts, self.n_out))}

    def forward(self, p: dict, x: np.ndarray) -> tuple[np.ndarray, StackedCache]:
        is_one_input = np.shape(x)[1:2] == (1,)
        expect("x", x, None, 1 if is_one_input else self.n_experts, self.n_in)
        expect("W", p["W"], self.n_experts, self.n_in, self.n_out)
        expect("b", p["b"], self.n_experts, self.n_out)
        y = add_bias_relu(products(x, p["W"]), p["b"])
        return y, StackedCache(p, x, y)

    def backward(self, c: StackedCache, dy: np.ndarray) -> tuple[np.ndarray, dict]:
        expect("dy", dy, *c.y.shape)
        dz, db = stacked_relu_backward(c.y, dy)
        dx, dW = products_backward(c.x, c.p["W"], dz)
        return dx, {"W": dW, "b": db}


@dataclass(frozen=True)
class Experts(Chain):
    """M experts, Eq. (4): o_m = MLP_m(x_m), ReLU after every layer, the last one too (Section 4.5 of the paper).

    x (B, M, n_0) -> o (B, M, n_L), with sizes (n_0, ..., n_L). The experts share no weights; they are stacked so that
    one batched matrix product serves all of them. Non-negative outputs are what CovLoss's argument rests on.
    """

    n_experts: int
    sizes: tuple[int, ...]

    @property
    def layers(self) -> tuple[StackedDense, ...]:
        return tuple(StackedDense(self.n_experts, a, b) for a, b in pairwise(self.sizes))
