"""Arguments of every kernel that has a CUDA twin, for n rows and k columns: small, since Numba's simulator is slow."""

import numpy as np

from croco_np.kernels.idle_series import plan, series
from croco_np.kernels.twin import KERNELS


def normal(rng, kind, *shape):
    return rng.standard_normal(shape).astype(kind)


def moments(rng, kind, *shape):
    """w, g, m and v of an optimiser, with some that were never used."""
    w, g, m, v = normal(rng, kind, 4, *shape)
    m[:1] = v[:1] = 0
    return w.copy(), g.copy(), m.copy(), np.square(v)


def draw_adam(rng, kind, n, k):
    return *moments(rng, kind, n, k), 0.1, 0.5, 0.9, 0.999, 1e-8


def draw_adam_rows(rng, kind, n, k):
    w, g, m, v = moments(rng, kind, n + 5, k)
    return w, some(rng, n), g[:n].copy(), m, v, 0.1, 0.5, 0.9, 0.999, 1e-8


def some(rng, n):
    """n of n + 5 rows, ascending."""
    return np.sort(rng.permutation(n + 5)[:n]).astype(np.int32)


def draw_catch_up(rng, kind, n, k):
    w, _, m, v = moments(rng, kind, n + 5, k)
    gaps = np.array([1, 30, 399], np.int16)
    coefficients, good = series(plan(w.dtype, 0.9, 0.999), gaps, 9000, 0.1, 0.9, 0.999)
    assert good.all()
    return w, some(rng, n), m, v, rng.integers(0, 3, n), gaps, coefficients, 0.9, 0.999, 1e-8


def draw_replay(rng, kind, n, k, t=60, cut=50, b1=0.9, b2=0.999):
    w, _, m, v = moments(rng, kind, n + 5, k)
    return w, some(rng, n), m, v, rng.integers(0, t, n).astype(np.int8), t, cut, 0.1, b1, b2, 1e-8


def draw_mix_backward(name, *gate):
    def draw(rng, kind, n, k):
        a, o = DRAW_FOR_CUDA[name](rng, kind, n, k)
        g, h = KERNELS[name].reference(a, o)
        return g, o, h, normal(rng, kind, *h.shape)

    return draw


DRAW_FOR_CUDA = {
    "gather": lambda rng, kind, n, k: (normal(rng, kind, 7, 2, k), rng.integers(0, 7, (n, 2))),
    "sum_by_row": lambda rng, kind, n, k: (
        rng.integers(0, 3, (n, 2)) + np.array([0, 3]),
        7,
        normal(rng, kind, n, 2, 2 * k),
    ),
    "add_rows": lambda rng, kind, n, k: (
        normal(rng, kind, n, 2, k),
        normal(rng, kind, 4, 2, k),
        rng.integers(0, 4, (n, 3)),
    ),
    "sum_rows": lambda rng, kind, n, k: (rng.integers(0, 4, (n, 3)), 5, normal(rng, kind, n, 2, k)),
    "bias_relu": lambda rng, kind, n, k: (normal(rng, kind, n, k), normal(rng, kind, k)),
    "relu_backward": lambda rng, kind, n, k: (np.maximum(normal(rng, kind, n, k), 0), normal(rng, kind, n, k)),
    "scaled_sigmoid": lambda rng, kind, n, k: (normal(rng, kind, n, k), 1.5, 2),
    "scaled_sigmoid_backward": lambda rng, kind, n, k: (
        rng.uniform(0, 2, (n, k)).astype(kind),
        normal(rng, kind, n, k),
        1.5,
        2,
    ),
    "mix_elements": lambda rng, kind, n, k: (normal(rng, kind, n, 3, k), normal(rng, kind, n, 3, k)),
    "mix_elements_backward": draw_mix_backward("mix_elements"),
    "mix_scalars": lambda rng, kind, n, k: (normal(rng, kind, n, 3), normal(rng, kind, n, 3, k)),
    "mix_scalars_backward": lambda rng, kind, n, k: draw_mix_backward("mix_scalars")(rng, kind, min(n, 3), k),
    "cross_signs": lambda rng, kind, n, k: (
        normal(rng, kind, min(n, 3), min(k, 11), min(n, 3), min(k, 11)).round(),
        2,
    ),
    "adam_dense": draw_adam,
    "adam_rows": draw_adam_rows,
    "catch_up_rows": draw_catch_up,
    "replay_rows": draw_replay,
}
