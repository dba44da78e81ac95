"""The linear layer."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..arguments import expect


def xavier(rng: np.random.Generator, n_in: int, n_out: int, *copies: int) -> np.ndarray:
    """Normal weights (*copies, n_in, n_out) with variance 2 / (n_in + n_out) (Glorot & Bengio 2010, Eq. 12)."""
    return rng.normal(0, np.sqrt(2 / (n_in + n_out)), (*copies, n_in, n_out))


class LinearCache(NamedTuple):
    p: dict
    x: np.ndarray


@dataclass(frozen=True)
class Linear:
    """y = x W + b.

    x (B, n_in), W (n_in, n_out), b (n_out,) or absent -> y (B, n_out)

    Backward, given dy: y_ij = sum_k x_ik W_kj + b_j, hence
        dx = dy W^T        every output that x_ik reached, weighted by the path
        dW = x^T dy        summed over the rows, since all rows share W
        db = sum_i dy_i
    """

    n_in: int
    n_out: int
    bias: bool = True

    def init(self, rng: np.random.Generator) -> dict:
        params = {"W": xavier(rng, self.n_in, self.n_out)}
        if self.bias:
            params["b"] = np.zeros(self.n_out)
        return params

    def forward(self, p: dict, x: np.ndarray) -> tuple[np.ndarray, LinearCache]:
        expect("x", x, None, self.n_in)
        expect("W", p["W"], self.n_in, self.n_out)
        y = x @ p["W"]
        if self.bias:
            expect("b", p["b"], self.n_out)
            y = y + p["b"]
        return y, LinearCache(p, x)

    def backward(self, c: LinearCache, dy: np.ndarray) -> tuple[np.ndarray, dict]:
        expect("dy", dy, len(c.x), self.n_out)
        grads = {"W": c.x.T @ dy}
        if self.bias:
            grads["b"] = dy.sum(axis=0)
        return dy @ c.p["W"].T, grads
