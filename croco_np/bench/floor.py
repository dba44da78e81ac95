"""The floor: the matrix products of a step, as the equations have them, and nothing else.

Which products a forward pass takes is watched, not written down: parameters are handed in as arrays that note each
product they take part in. A product x W, (m, k) times (k, n), brings two more in training, dW = x^T dz and dx = dz W^T,
of as many operations. CovLoss takes Z^T Z, which is symmetric and which NumPy computes by SYRK in half the operations,
and Z times a matrix of signs. All are then replayed at the same shapes, into buffers that are there already.

Each product counts at full size, also where the program gets around a part of it: we watch a model's definition, not
its twin (`models.twins`). So a program may come nearer to the floor than its other work seems to allow.

On a GPU they are replayed one matrix at a time. CuPy multiplies stacked matrices that are transposed only after it has
copied them, which is no product's work.

Left out: products of losses other than CovLoss.
"""

from collections.abc import Callable

import numpy as np

from ..backend import host
from ..batch import Batch
from ..costs.products import forward_products
from ..train.trainer import Trainer
from ..tree import Tree, tree_map
from .place import is_gpu, watch_of

DRAWN = 1 << 20  # numbers that are drawn for a GPU and repeated there: to draw all would take the host seconds


class Floor:
    """The products of a step of ours, ready to be replayed.

    flop  operations of a step, an addition and a multiplication counting as two
    """

    def __init__(self, trainer: Trainer, params: Tree, batch: Batch, predict: bool = False) -> None:
        shapes, out = forward_products(trainer.model, tree_map(host, params), batch.brought(host))
        draw, empty = _makers(trainer)
        self.watch = watch_of(trainer.backend)
        self.calls: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        for copies, inputs, m, k, n in shapes:
            x, w, z = draw(inputs, m, k), draw(copies, k, n), empty(copies, m, n)
            self.calls.append((x, w, z))
            if not predict:
                dz = draw(copies, m, n)
                self.calls.append((x.swapaxes(1, 2), dz, empty(copies, k, n)))
                self.calls.append((dz, w.swapaxes(1, 2), empty(copies, m, k)))
        self.flop = sum(s.flop for s in shapes) * (1 if predict else 3)
        objective = trainer.objective
        if not predict and objective.active and objective.loss == "covariance" and out.experts is not None:
            n_rows, n_experts, width = out.experts.shape
            n_rows, n = min(objective.rows or n_rows, n_rows), n_experts * width
            z, signs = draw(n_rows, n), np.sign(draw(n, n))
            self.calls += [(z.T, z, empty(n, n)), (z, signs, empty(n_rows, n))]
            self.flop += covariance_flop(n_rows, n)
        if is_gpu(trainer.backend):
            self.calls = [one for call in self.calls for one in _apart(*call)]

    def step(self, _: int = 0) -> float:
        """Replay all products -> seconds."""
        start = self.watch.mark()
        for a, b, out in self.calls:
            np.matmul(a, b, out=out)
        return self.watch.seconds(start, self.watch.mark())


def _makers(trainer) -> tuple[Callable, Callable]:
    """Functions that make an array of a shape where the parameters lie: of normal numbers, and of any."""
    rng, dtype = np.random.default_rng(0), np.dtype(trainer.dtype)

    def draw(*shape):
        return rng.standard_normal(shape, np.float32).astype(dtype, copy=False)

    if not is_gpu(trainer.backend):
        return draw, lambda *shape: np.empty(shape, dtype)
    some = trainer.backend.bring(draw(DRAWN))
    return lambda *shape: np.resize(some, shape), lambda *shape: np.empty(shape, dtype, like=some)


def _apart(a, b, out):
    """The products of two matrices of a product of stacked ones, of which there may be one `a` for all."""
    return [(a[j % len(a)], b[j], out[j]) for j in range(len(out))] if out.ndim == 3 else [(a, b, out)]


def covariance_flop(n_rows: int, n: int) -> int:
    """Operations of CovLoss on n = M K columns: Z^T Z by SYRK, half of 2 B n^2, and Z times signs."""
    return n_rows * n**2 + 2 * n_rows * n**2
