"""PEPNet's gate unit: a factor for each entry of a vector."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..kernels.sigmoid import scaled_sigmoid, scaled_sigmoid_backward
from .domain import DomainCache, PerDomain
from .linear import Linear
from .mlp import Dense, DenseCache


class GateUnitCache(NamedTuple):
    first: DenseCache
    second: DomainCache
    delta: np.ndarray


@dataclass(frozen=True)
class GateUnit:
    """Gate NU (Chang et al. 2023): gamma sigmoid(relu(x W1 + b1) W2 + b2), for scaling something of width n_out.

        v = relu(x W1 + b1)                  W1, b1 are shared by all domains            (B, n_hidden)
        u = v W2_s + b2_s                    the column block of the row's domain s      (B, n_out)
        delta = gamma sigmoid(u)             between 0 and gamma; gamma = 2: about 1 at the start

    x (B, n_in) -> delta (B, n_out). Only the block of a row's own domain is computed. For a unit that is the same for
    all domains, set n_domains = 1 and pass all rows as one slice.

    Backward, given ddelta, with sigmoid' = sigmoid (1 - sigmoid):
        du = ddelta * delta * (1 - delta / gamma)
        dW2_s = v_s^T du_s,  dv = du W2_s^T,  dx and dW1 as in `Dense`
    """

    n_in: int
    n_hidden: int
    n_out: int
    n_domains: int = 1
    gamma: float = 2.0

    @property
    def first(self) -> Dense:
        return Dense(self.n_in, self.n_hidden)

    @property
    def second(self) -> PerDomain:
        return PerDomain(Linear(self.n_hidden, self.n_out), self.n_domains)

    def init(self, rng: np.random.Generator) -> dict:
        return {"first": self.first.init(rng), "second": self.second.init(rng)}

    def forward(self, p: dict, domains: tuple[slice, ...], x: np.ndarray) -> tuple[np.ndarray, GateUnitCache]:
        v, first = self.first.forward(p["first"], x)
        u, second = self.second.forward(p["second"], domains, v)
        delta = scaled_sigmoid(u, 1.0, self.gamma)
        return delta, GateUnitCache(first, second, delta)

    def backward(self, c: GateUnitCache, ddelta: np.ndarray) -> tuple[np.ndarray, dict]:
        du = scaled_sigmoid_backward(c.delta, ddelta, 1.0, self.gamma)
        dv, second = self.second.backward(c.second, du)
        dx, first = self.first.backward(c.first, dv)
        return dx, {"first": first, "second": second}
