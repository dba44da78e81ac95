"""Star topology: what all domains share in the centre, what is a domain's own at the points."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..arguments import expect
from ..tree import in_row, tree_map
from .domain import DomainCache, PerDomain


class StarCache(NamedTuple):
    p: dict
    parts: DomainCache


@dataclass(frozen=True)
class Star:
    """S copies of a layer, each made of a shared and an own part (Sheng et al. 2021): W * W_s and b + b_s.

        y = layer(x; W * W_s, b + b_s) for the rows of domain s          weights times, biases plus

    `layer` has one input and weights of two axes (`Tower`, `MLP`, `Linear`). The params are "shared", those of one
    layer, and "own", those of `PerDomain`.

    Our choice: W starts as the layer's own, W_s at 1, and b_s at 0. Were both random and small, their product would be
    far smaller still: its variance is the product of the variances.

    Backward: the layer's own gives dW*_s and db*_s for the joint weights W*_s = W * W_s of each domain, and then
        dW = sum_s dW*_s * W_s,  dW_s = dW*_s * W,  db = sum_s db*_s,  db_s = db*_s
    Each domain teaches the shared weights in proportion to its own, an absent one nothing: its dW*_s is 0.
    """

    layer: Any
    n_domains: int

    @property
    def copies(self) -> PerDomain:
        return PerDomain(self.layer, self.n_domains)

    def init(self, rng: np.random.Generator) -> dict:
        shared = self.layer.init(rng)
        return {"shared": shared, "own": [tree_map(_neutral, shared) for _ in range(self.n_domains)]}

    def forward(self, p: dict, domains: tuple[slice, ...], x: np.ndarray) -> tuple[np.ndarray, StarCache]:
        own = in_row(p["own"], self.n_domains, "own parts")
        joint = [tree_map(_join, p["shared"], own_s) for own_s in own]
        y, parts = self.copies.forward(joint, domains, x)
        return y, StarCache(p, parts)

    def backward(self, c: StarCache, dy: np.ndarray) -> tuple[np.ndarray, dict]:
        dx, djoint = self.copies.backward(c.parts, dy)
        shared, own = c.p["shared"], c.p["own"]
        each = [tree_map(_through, djoint_s, own_s) for djoint_s, own_s in zip(djoint, own, strict=True)]
        dshared = tree_map(lambda *gs: sum(gs), *each)
        return dx, {"shared": dshared, "own": [tree_map(_through, djoint_s, shared) for djoint_s in djoint]}


def _neutral(shared):
    """What `_join` leaves the shared part as it is with: weights are multiplied, so 1; biases are added, so 0."""
    return np.ones_like(shared) if shared.ndim == 2 else np.zeros_like(shared)


def _join(shared, own):
    expect("own", own, *shared.shape)
    return shared * own if shared.ndim == 2 else shared + own


def _through(djoint, other):
    """Backward of `_join` to one of its arguments, given the other."""
    return djoint * other if djoint.ndim == 2 else djoint
