"""Adam, in its two meanings for embedding tables."""

from dataclasses import dataclass

import numpy as np

from .kernels.adam import adam_dense, adam_rows
from .kernels.idle import catch_up_rows, plan, replay_rows, series
from .tree import Moving, RowGrad, flatten, tree_map


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

        Raises ValueError if a gradient belongs to a row that was not up to date when it was used. This and the two
        functions below are all that writes to parameters.
        """
        state["t"] += 1
        step = self.lr / (1 - self.b1 ** state["t"])
        c = float(np.sqrt(1 - self.b2 ** state["t"]))
        scalars = (step, c, self.b1, self.b2, self.eps)
        grads, first, second = flatten(grads), flatten(state["m"]), flatten(state["v"])
        for path, w in flatten(params).items():
            g = grads[path]
            if isinstance(g, Moving):
                w += g.rate * (g.target - w)
                continue
            w, m, v = (a.reshape(len(a), -1) for a in (w, first[path], second[path]))
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

    def catch_up(self, params, reads, state):
        """Bring rows of tables up to date, in place; reads: pairs of a table's path and its rows, repeats allowed."""
        if state["last"]:  # of `lazy_adam` it is empty
            for path, rows in reads:
                if path in state["last"]:
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
        w, m, v = (_leaf(tree, path).reshape(len(state["last"][path]), -1) for tree in (params, state["m"], state["v"]))
        t, last = state["t"], state["last"][path]
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


def _leaf(tree, path):
    for key in path.split("."):
        tree = tree[key]
    return tree


OPTIMISERS = {"adam": False, "lazy_adam": True}
