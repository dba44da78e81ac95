"""The floor: the matrix products of a step, as the equations have them, and nothing else.

Which products a forward pass takes is watched, not written down: parameters are handed in as arrays that note each
product they take part in. A product x W, (m, k) times (k, n), brings two more in training, dW = x^T dz and dx = dz W^T,
of as many operations. CovLoss takes Z^T Z, which is symmetric and which NumPy computes by SYRK in half the operations,
and Z times a matrix of signs. All are then replayed at the same shapes, into buffers that are there already.

Each product counts at full size, also where the program gets around a part of it: we watch a model's definition, not
its twin (`models.twins`). So a program may come nearer to the floor than its other work seems to allow.

Left out: products of losses other than CovLoss.
"""

import time

import numpy as np

from ..batch import Batch
from ..costs.products import forward_products
from ..train.trainer import Trainer
from ..tree import Tree


class Floor:
    """The products of a step of ours, ready to be replayed.

    flop  operations of a step, an addition and a multiplication counting as two
    """

    def __init__(self, trainer: Trainer, params: Tree, batch: Batch, predict: bool = False) -> None:
        shapes, out = forward_products(trainer.model, params, batch)
        rng, dtype = np.random.default_rng(0), np.dtype(trainer.dtype)

        def draw(*shape):
            return rng.standard_normal(shape, np.float32).astype(dtype, copy=False)

        self.calls: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        for copies, inputs, m, k, n in shapes:
            x, w, z = draw(inputs, m, k), draw(copies, k, n), np.empty((copies, m, n), dtype)
            self.calls.append((x, w, z))
            if not predict:
                dz = draw(copies, m, n)
                self.calls.append((x.swapaxes(1, 2), dz, np.empty((copies, k, n), dtype)))
                self.calls.append((dz, w.swapaxes(1, 2), np.empty((copies, m, k), dtype)))
        self.flop = sum(s.flop for s in shapes) * (1 if predict else 3)
        objective = trainer.objective
        if not predict and objective.active and objective.loss == "covariance" and out.experts is not None:
            n_rows, n_experts, width = out.experts.shape
            n_rows, n = min(objective.rows or n_rows, n_rows), n_experts * width
            z, signs = draw(n_rows, n), np.sign(draw(n, n))
            self.calls += [(z.T, z, np.empty((n, n), dtype)), (z, signs, np.empty((n_rows, n), dtype))]
            self.flop += covariance_flop(n_rows, n)

    def step(self, _: int = 0) -> float:
        """Replay all products -> seconds."""
        started = time.perf_counter()
        for a, b, out in self.calls:
            np.matmul(a, b, out=out)
        return time.perf_counter() - started


def covariance_flop(n_rows: int, n: int) -> int:
    """Operations of CovLoss on n = M K columns: Z^T Z by SYRK, half of 2 B n^2, and Z times signs."""
    return n_rows * n**2 + 2 * n_rows * n**2
