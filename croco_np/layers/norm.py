"""Partitioned normalisation: batch normalisation by domain."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..arguments import expect
from .domain import check_domains


class NormCache(NamedTuple):
    p: dict
    domains: tuple[slice, ...]
    scale: np.ndarray
    xhat: np.ndarray
    batch: np.ndarray
    mean: np.ndarray
    var: np.ndarray


@dataclass(frozen=True)
class PartitionedNorm:
    """Partitioned normalisation (Sheng et al. 2021): each domain by moments of its own, then shared and own factors.

        xhat = (x - mu_s) / sqrt(v_s + eps)            mu_s, v_s: mean and variance of the rows of domain s
        y = (gamma * gamma_s) xhat + (beta + beta_s)

    x (B, n) -> y (B, n); gamma, beta (n,), gamma_s, beta_s (S, n).

    In training the moments are those of the domain's rows in the batch, elsewhere the running ones ("mean", "var", both
    (S, n)). Running moments are tracked, not trained: they have no gradient, and at each step in which the domain's own
    moments were used they move towards them by `rate` of the distance (`tracked`). As in PyTorch, rows are scaled by
    the variance over n_s rows, and "var" tracks the one over n_s - 1.

    eps bounds what a column is stretched by: where v_s is far below it, xhat keeps the column's own scale.

    Our choices: a domain with a single row in the batch, whose xhat would be 0, uses the running moments, too, as
    constants. A column that does not vary within a domain, such as the domain's own id, has xhat = 0 elsewhere as in
    training: its running mean follows a moving embedding with a lag, and that is no difference between rows. "Does not
    vary" is said of the column and not of eps: v_s is at most the square of the precision times its mean square
    v_s + mu_s^2, so that its values differ by rounding, if at all.

    Backward, given dy, for the rows of domain s, with u_s = sum_i dy * xhat:
        dgamma = sum_s u_s gamma_s,  dgamma_s = u_s gamma,  dbeta = sum_s dbeta_s,  dbeta_s = sum_i dy
        dxhat = gamma gamma_s dy
        dx = (dxhat - mean(dxhat) - xhat mean(dxhat xhat)) / sqrt(v_s + eps)
    The means take from dxhat what would shift or stretch all rows alike: mu_s and v_s undo that. With running moments
    they are absent: dx = dxhat / sqrt(v_s + eps).
    """

    width: int
    n_domains: int
    rate: float = 0.1
    eps: float = 1e-3

    running = ("mean", "var")

    def init(self, rng: np.random.Generator) -> dict:
        n, of_domains = (self.width,), (self.n_domains, self.width)
        return {
            "gamma": np.ones(n),
            "beta": np.zeros(n),
            "gamma_s": np.ones(of_domains),
            "beta_s": np.zeros(of_domains),
            "mean": np.zeros(of_domains),
            "var": np.zeros(of_domains),  # no variance was seen yet
        }

    def forward(
        self, p: dict, domains: tuple[slice, ...], x: np.ndarray, training: bool = True
    ) -> tuple[np.ndarray, NormCache]:
        check_domains(domains, self.n_domains, len(x))
        expect("x", x, None, self.width)
        for name, factor in p.items():
            expect(name, factor, *((self.width,) if name in ("gamma", "beta") else (self.n_domains, self.width)))
        batch = np.array([training and rows.stop - rows.start > 1 for rows in domains])  # (S,) whose own moments count
        mean, var = p["mean"].astype(x.dtype), p["var"].astype(x.dtype)
        for s in np.flatnonzero(batch):
            rows = x[domains[s]]
            mean[s] = rows[0] + (rows - rows[0]).mean(axis=0)  # exact where a column is constant: the domain's field
            var[s] = ((rows - mean[s]) ** 2).mean(axis=0)  # np.var of complex numbers takes |.|^2
        varies = var.real > np.finfo(x.dtype).eps ** 2 * (var.real + mean.real**2)
        scale = varies / np.sqrt(np.where(varies, var + self.eps, 1)).astype(x.dtype)
        xhat = np.concatenate([(x[rows] - mean[s]) * scale[s] for s, rows in enumerate(domains)])
        gamma, beta = p["gamma"] * p["gamma_s"], p["beta"] + p["beta_s"]
        y = np.concatenate([gamma[s] * xhat[rows] + beta[s] for s, rows in enumerate(domains)])
        return y, NormCache(p, domains, scale, xhat, batch, mean, var)

    def backward(self, c: NormCache, dy: np.ndarray) -> tuple[np.ndarray, dict]:
        expect("dy", dy, *c.xhat.shape)
        p, gamma = c.p, c.p["gamma"] * c.p["gamma_s"]
        dx = np.empty_like(dy)
        u, dbeta_s = np.empty_like(gamma), np.empty_like(gamma)
        for s, rows in enumerate(c.domains):
            xhat = c.xhat[rows]
            u[s], dbeta_s[s] = (dy[rows] * xhat).sum(axis=0), dy[rows].sum(axis=0)
            dxhat = gamma[s] * dy[rows]
            if c.batch[s]:
                dxhat = dxhat - dxhat.mean(axis=0) - xhat * (dxhat * xhat).mean(axis=0)
            dx[rows] = c.scale[s] * dxhat
        return dx, {
            "gamma": (u * p["gamma_s"]).sum(axis=0),
            "beta": dbeta_s.sum(axis=0),
            "gamma_s": u * p["gamma"],
            "beta_s": dbeta_s,
        }

    def tracked(self, c: NormCache) -> dict[str, np.ndarray]:
        """{path: new value} of the running moments after the step; where forward used them, they stay as they are."""
        var = c.var.copy()
        for s in np.flatnonzero(c.batch):
            n = c.domains[s].stop - c.domains[s].start
            var[s] *= n / (n - 1)
        targets = {"mean": c.mean, "var": var}
        return {name: c.p[name] + self.rate * (target - c.p[name]) for name, target in targets.items()}
