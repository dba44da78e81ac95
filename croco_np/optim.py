"""Adam, in its two meanings for embedding tables."""

from dataclasses import dataclass

import numpy as np

from .arguments import is_a, kind_of
from .kernels.adam import adam_dense, adam_rows, bias_correction
from .kernels.idle import catch_up_rows, plan, replay_rows, series
from .tree import Moving, RowGrad, flatten, same_paths, tree_map


@dataclass(frozen=True)
class Adam:
    """Adam (Kingma & Ba 2015, Algorithm 1), with the moments held in a state of the caller's.

    lazy  what happens to a row of a table that the batch did not touch.
          False (`adam`): its gradient is 0, so its moments decay and its weights still move by the moment that is left.
          True (`lazy_adam`): nothing, which is not the same optimiser: moments of rare rows do not fade, so rare rows
          take larger steps.
    l2    weight of (l2 / 2) ||rows||^2 for the touched rows of tables: their gradient gets + l2 * row

    Nobody sees an idle row, so `adam` need not walk over all of them at every step:

        adam.catch_up(params, model.reads(batch), state)       the rows that the batch will read
        ...                                                    forward, backward
        adam.step(params, grads, state, defer=True)            the rows that it did read, and all that is no table
        adam.settle(params, state)                             all rows, before anybody else reads them

    equals `step` without `defer` to rounding (`kernels.idle` derives it), and its cost follows the touched rows.
    """

    lr: float = 1e-3
    b1: float = 0.9
    b2: float = 0.999
    eps: float = 1e-8
    lazy: bool = False
    l2: float = 0.0

    def __post_init__(self):
        if not (0 <= self.b1 < 1 and 0 <= self.b2 < 1 and self.eps >= 0):
            raise ValueError(f"b1 {self.b1}, b2 {self.b2}, eps {self.eps}: want 0 <= b1, b2 < 1 and eps >= 0")

    def init(self, params):
        """State before the first step.

        t     steps taken
        m, v  first and second moments, trees like params
        last  {path: (V,) int32} the step up to which each row of a table is up to date, 0 if no batch ever used it; a
              table that is not named is up to date as a whole
        """
        return {"t": 0, "m": tree_map(np.zeros_like, params), "v": tree_map(np.zeros_like, params), "last": {}}

    def step(self, params, grads, state, defer=False):
        """One step, in place. With `defer`, idle rows are left as they are until `catch_up` or `settle`.

        Raises ValueError if a gradient belongs to a row that was not up to date when it was used; ValueError or
        TypeError if gradients, parameters and state do not fit each other, before anything is changed. This and the two
        functions below are all that writes to parameters.
        """
        leaves, grads = self._leaves(params, state), flatten(grads)
        same_paths("parameters", leaves, "gradients", grads)
        for path, (w, _, _) in leaves.items():
            _check_gradient(path, grads[path], w)
        state["t"] += 1
        step = float(self.lr / bias_correction(self.b1, state["t"]))
        c = float(np.sqrt(bias_correction(self.b2, state["t"])))
        scalars = (step, c, self.b1, self.b2, self.eps)
        for path, (w, m, v) in leaves.items():
            g = grads[path]
            if isinstance(g, Moving):
                w += g.rate * (g.target - w)
                continue
            w, m, v = map(_matrix, (w, m, v))
            if isinstance(g, RowGrad):
                if not self.lazy:
                    self._touch(path, g.rows, len(w), state)
                values = g.values.reshape(len(g.rows), w.shape[1])
                if self.l2:
                    values = values + w.dtype.type(self.l2) * w[g.rows]
                adam_rows(w, g.rows, values, m, v, *scalars)
            else:
                adam_dense(w, g.reshape(w.shape), m, v, *scalars)
        if not defer:
            self.settle(params, state)

    def check(self, params, state):
        """Raise ValueError or TypeError unless a state, such as one read back from a file, is one of these parameters.

        Rows of tables must be up to date to a step that was taken.
        """
        self._leaves(params, state)
        for path, last in state["last"].items():
            if last.size and not (last.min() >= 0 and last.max() <= state["t"]):
                raise ValueError(
                    f"{path}: rows up to date to step {last.min()} .. {last.max()}, {state['t']} were taken"
                )

    def _leaves(self, params, state):
        """{path: (w, m, v)}, all of which may be written to in place."""
        if not isinstance(state["t"], int) or state["t"] < 0:
            raise ValueError(f"state: t is {state['t']!r}, want the number of steps taken")
        params, first, second = flatten(params), flatten(state["m"]), flatten(state["v"])
        same_paths("parameters", params, "first moments", first)
        same_paths("parameters", params, "second moments", second)
        leaves = {path: (w, first[path], second[path]) for path, w in params.items()}
        for path, (w, *moments) in leaves.items():
            _check_leaf(path, w)
            for moment in moments:
                _check_leaf(f"moment of {path}", moment)
                if moment.shape != w.shape or moment.dtype != w.dtype:
                    raise ValueError(
                        f"{path}: {w.dtype} {w.shape}, a moment of it {moment.dtype} {moment.shape}; "
                        "the state is of other parameters"
                    )
        for path, last in state["last"].items():
            w = leaves.get(path, (None,))[0]
            if w is None or not isinstance(last, np.ndarray) or last.dtype != np.int32 or last.shape != w.shape[:1]:
                raise ValueError(f"{path}: the state's steps of its rows are {kind_of(last)}, want int32, one a row")
        return leaves

    def catch_up(self, params, reads, state):
        """Bring rows of tables up to date, in place; reads: pairs of a table's path and its rows, repeats allowed."""
        if state["last"]:  # of `lazy_adam` it is empty
            for path, rows in reads:
                if path in state["last"]:
                    _check_rows(path, rows, len(state["last"][path]))
                    self._catch_up(params, path, np.unique(_idle(rows, state, path)), state)

    def settle(self, params, state):
        """Bring all rows of all tables up to date, in place."""
        for path, last in state["last"].items():
            self._catch_up(params, path, _idle(np.arange(len(last)), state, path), state)
        state["last"].clear()

    def _touch(self, path, rows, n_rows, state):
        """Note that this step uses these rows."""
        before = state["t"] - 1
        if path not in state["last"]:
            state["last"][path] = np.full(n_rows, before, np.int32)
        last = state["last"][path]
        if ((last[rows] < before) & (last[rows] > 0)).any():
            raise ValueError(f"{path}: a batch used rows that were not up to date; call catch_up before forward")
        last[rows] = state["t"]

    def _catch_up(self, params, path, rows, state):
        """Bring idle rows (R,), unique, of a table up to date: by the series where it is good, else step by step."""
        if not len(rows):
            return
        w, m, v = (_leaf(tree, path) for tree in (params, state["m"], state["v"]))
        t, last = state["t"], state["last"][path]
        if len(last) != len(w):
            raise ValueError(f"{path}: {len(w)} rows, and the state knows of {len(last)}")
        for a in (w, m, v):
            _check_leaf(path, a)
        w, m, v = map(_matrix, (w, m, v))
        gaps, gap = _distinct(t - last[rows].astype(np.int64))
        how = plan(w.dtype, self.b1, self.b2)
        coefficients, good = series(how, gaps, t, self.lr, self.b1, self.b2)
        by_series = good[gap]
        some, others, scalars = rows[by_series], rows[~by_series], (self.b1, self.b2, self.eps)
        catch_up_rows(w, some, m, v, gap[by_series], gaps, coefficients, *scalars)
        replay_rows(w, others, m, v, gaps[gap[~by_series]], t, how.cut, self.lr, *scalars)
        last[rows] = t


def _idle(rows, state, path):
    """Those of the rows that slept. A row that no batch ever used has no moments: it has missed nothing."""
    last = state["last"][path][rows]
    return rows[(last > 0) & (last < state["t"])]


def _distinct(k):
    """`np.unique` of counts k (R,) and its inverse, without a sort."""
    values = np.flatnonzero(np.bincount(k))
    place = np.empty(values[-1] + 1, np.int64)
    place[values] = np.arange(len(values))
    return values, place[k]


def _check_leaf(path, w):
    """A leaf that is to be changed in place; reshaped, one that is not contiguous would be changed in a copy."""
    if not isinstance(w, np.ndarray) or not is_a("real", w.dtype) or w.dtype.kind == "c" or not w.ndim:
        raise TypeError(f"{path} is {kind_of(w)}, want an array of float32 or float64 with at least one axis")
    if not (w.flags.c_contiguous and w.flags.writeable):
        raise ValueError(f"{path} is changed in place, so it must be writeable and C-contiguous; hand in a copy")


def _check_gradient(path, g, w):
    if isinstance(g, Moving):
        g = g.target
        if g.shape != w.shape:
            raise ValueError(f"{path}: target {g.shape} of a value {w.shape}")
    elif isinstance(g, RowGrad):
        g.check(w.shape, path)
        g = g.values
    elif not isinstance(g, np.ndarray) or g.shape != w.shape:
        raise ValueError(f"{path}: gradient {getattr(g, 'shape', kind_of(g))} of parameters {w.shape}")
    if g.dtype != w.dtype:
        raise TypeError(f"{path}: gradient of {g.dtype}, parameters of {w.dtype}")


def _check_rows(path, rows, n_rows):
    if not isinstance(rows, np.ndarray) or not is_a("integers", rows.dtype):
        raise TypeError(f"{path}: rows are {kind_of(rows)}, want an array of integers")
    if rows.size and (rows.min() < 0 or rows.max() >= n_rows):
        raise IndexError(f"{path}: rows from {rows.min()} to {rows.max()}, the table has 0 to {n_rows - 1}")


def _matrix(a):
    """(N, ...) as (N, K), a view of what is contiguous."""
    return a.reshape(len(a), a[:1].size)


def _leaf(tree, path):
    for key in path.split("."):
        tree = tree[key]
    return tree


OPTIMISERS = {"adam": False, "lazy_adam": True}
