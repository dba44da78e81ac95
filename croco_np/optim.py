"""Adam, in its two meanings for embedding tables."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .arguments import REAL, at_least_0, integers, is_writeable, kind_of, plain
from .backend import KINDS, host, on_device
from .kernels.adam import adam_dense, adam_rows, bias_correction
from .kernels.idle import replay_rows
from .kernels.idle_series import catch_up_rows, plan, series
from .overlap import keep_apart
from .tree import RowGrad, Tree, leaf_at, outline, same_leaves, same_lists, tree_map


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

    Parameters that are tracked, not trained, such as running means, have no gradient. Their new values are handed to
    `step` (`tracked=model.tracked(cache)`), which writes them as they are: nothing else writes to parameters.
    """

    lr: float = 1e-3
    b1: float = 0.9
    b2: float = 0.999
    eps: float = 1e-8
    lazy: bool = False
    l2: float = 0.0

    def __post_init__(self):
        for name in ("lr", "b1", "b2", "eps", "l2"):
            at_least_0(name, getattr(self, name))
        if not (self.b1 < 1 and self.b2 < 1):
            raise ValueError(f"b1 {self.b1}, b2 {self.b2}: want 0 <= b1, b2 < 1")

    def init(self, params: Tree) -> dict[str, Any]:
        """State before the first step.

        t     steps taken
        m, v  first and second moments, trees like params
        last  {path: (V,) int32} the step up to which each row of a table is up to date, 0 if no batch ever used it; a
              table that is not named is up to date as a whole
        """
        return {"t": 0, "m": tree_map(np.zeros_like, params), "v": tree_map(np.zeros_like, params), "last": {}}

    def step(
        self,
        params: Tree,
        grads: Tree,
        state: dict[str, Any],
        defer: bool = False,
        tracked: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        """One step, in place. With `defer`, idle rows are left as they are until `catch_up` or `settle`.

        tracked  {path: new value} of the parameters that have no gradient, see `model.tracked`

        Raises ValueError if a gradient belongs to a row that was not up to date when it was used; ValueError or
        TypeError if gradients, parameters and state do not fit each other or share memory, before anything is changed.
        This and the two functions below are all that writes to parameters. On a device the values of rows are not
        looked at, since the host would have to wait for them: who defers there calls `catch_up` unasked.

        A gradient or a tracked value that is not finite is followed, as any other: whoever watches the loss sees it.
        """
        of_params, of_grads = outline(params), outline(grads)
        leaves, dleaves, tracked = self._leaves(of_params, state), of_grads.leaves, dict(tracked or {})
        _check_sources(leaves, dleaves, tracked)
        same_lists("parameters", of_params, "gradients", of_grads)
        t = state["t"] + 1
        step = float(self.lr / bias_correction(self.b1, t))
        c = float(np.sqrt(bias_correction(self.b2, t)))
        scalars = (step, c, self.b1, self.b2, self.eps)
        moves = [self._move(path, leaves[path], g, scalars, state) for path, g in dleaves.items()]
        moves += [_replacement(path, leaves[path][0], value) for path, value in tracked.items()]
        keep_apart(*_arrays(leaves, dleaves, tracked, state["last"]))
        if not defer:
            _check_taken(state)
        state["t"] = t
        for move, *arguments in moves:
            move(*arguments)
        for path, g in dleaves.items():
            if isinstance(g, RowGrad) and not self.lazy:
                _touch(path, g.rows, leaves[path][0], state)
        if not defer:
            self.settle(params, state)

    def check(self, params: Tree, state: dict[str, Any]) -> None:
        """Raise ValueError or TypeError unless a state, such as one read back from a file, is one of these parameters.

        Rows of tables must be up to date to a step that was taken.
        """
        self._leaves(outline(params), state)
        _check_taken(state)

    def _leaves(self, params, state):
        """{path: (w, m, v)} from the `Outline` of parameters. Trees and counts are checked, arrays where written to."""
        if type(state["t"]) is not int or not 0 <= state["t"] < np.iinfo(np.int32).max:
            raise ValueError(f"state: t is {state['t']!r}, want the number of steps taken")
        first, second = outline(state["m"]), outline(state["v"])
        for name, moments in (("first moments", first), ("second moments", second)):
            same_leaves("parameters", params, name, moments)
            same_lists("parameters", params, name, moments)
        params, first, second = params.leaves, first.leaves, second.leaves
        for path, last in state["last"].items():
            n_rows = len(params.get(path, ()))
            if type(last) not in KINDS or last.dtype != np.int32 or last.shape != (n_rows,):
                raise ValueError(f"{path}: the state's steps of its rows are {kind_of(last)}, want int32, one a row")
        return {path: (w, first[path], second[path]) for path, w in params.items()}

    def _move(self, path, leaf, g, scalars, state):
        """The step of one leaf, checked: a function that will make it, and the arguments."""
        w, m, v = leaf
        w = plain(f"{path}: parameters", w, "an array of float32 or float64")
        shape = w.shape
        w, m, v = (_matrix(path, a, shape) for a in (w, m, v))
        if isinstance(g, RowGrad):
            g.check(shape, path)
            _check_real(path, "gradient", g.values)
            _check_awake(path, g.rows, state)
            values = g.values.reshape(len(g.rows), w.shape[1])
            if self.l2:
                values = values + w.dtype.type(self.l2) * w[g.rows]
            kernel, arguments = adam_rows, (w, g.rows, values, m, v, *scalars)
        else:
            _check_shape(path, "gradient", g, shape)
            kernel, arguments = adam_dense, (w, g.reshape(w.shape), m, v, *scalars)
        return kernel.run, *kernel.check(arguments)

    def catch_up(self, params: Tree, reads: Iterable[tuple[str, np.ndarray]], state: dict[str, Any]) -> None:
        """Bring rows of tables up to date, in place; reads: pairs of a table's path and its rows, repeats allowed."""
        if state["last"]:  # of `lazy_adam` it is empty
            for path, rows in reads:
                if path in state["last"]:
                    _check_rows(path, rows, len(state["last"][path]))
                    self._catch_up(params, path, np.unique(_idle(rows, state, path)), state)

    def settle(self, params: Tree, state: dict[str, Any]) -> None:
        """Bring all rows of all tables up to date, in place. Raises ValueError for a state of other parameters."""
        if state["last"]:
            self.check(params, state)
        for path, last in state["last"].items():
            self._catch_up(params, path, _idle(np.arange(len(last), like=last), state, path), state)
        state["last"].clear()

    def _catch_up(self, params, path, rows, state):
        """Bring idle rows (R,), unique, of a table up to date: by the series where it is good, else step by step."""
        if not len(rows):
            return
        leaf = [leaf_at(tree, path) for tree in (params, state["m"], state["v"])]
        w, m, v = (_matrix(path, a, np.shape(leaf[0])) for a in leaf)
        t, last = state["t"], state["last"][path]
        if len(last) != len(w):
            raise ValueError(f"{path}: {len(w)} rows, and the state knows of {len(last)}")
        # The plan is made on the host: where the rows are on a device, they are waited for once, not at each look.
        gaps, gap = _distinct(t - host(last[rows]).astype(np.int64))
        how = plan(w.dtype, self.b1, self.b2)
        coefficients, good = series(how, gaps, t, self.lr, self.b1, self.b2)
        some, others = np.flatnonzero(good[gap]), np.flatnonzero(~good[gap])
        of_series = (np.asarray(a, like=w) for a in (gap[some], gaps, coefficients))
        of_replay, scalars = np.asarray(gaps[gap[others]], like=w), (self.b1, self.b2, self.eps)
        some, others = (rows[np.asarray(at, like=w)] for at in (some, others))
        catch_up_rows(w, some, m, v, *of_series, *scalars)
        replay_rows(w, others, m, v, of_replay, t, how.cut, self.lr, *scalars)
        last[rows] = t


def _idle(rows, state, path):
    """Those of the rows that slept. A row that no batch ever used has no moments: it has missed nothing."""
    last = state["last"][path][rows]
    if last.size and not on_device(last) and last.max() > state["t"]:
        raise ValueError(f"{path}: rows up to date to step {last.max()}, {state['t']} were taken")
    return rows[(last > 0) & (last < state["t"])]


def _distinct(k):
    """`np.unique` of counts k (R,) and its inverse, without a sort."""
    values = np.flatnonzero(np.bincount(k))
    place = np.empty(values[-1] + 1, np.int64)
    place[values] = np.arange(len(values))
    return values, place[k]


def _touch(path, rows, table, state):
    """Note that the last step used these rows of a table."""
    if path not in state["last"]:
        state["last"][path] = np.full_like(table, state["t"] - 1, np.int32, shape=(len(table),))
    state["last"][path][rows] = state["t"]


def _check_sources(leaves, grads, tracked):
    """Raise ValueError unless each parameter has either a gradient or a tracked value, and there are no others."""
    if leaves.keys() == grads.keys() and not tracked:
        return
    for path in sorted(grads.keys() | tracked.keys()):
        if path not in leaves:
            what = "gradient" if path in grads else "tracked value"
            raise ValueError(
                f"{path}: a {what} for a parameter that does not exist; parameters and gradients are one tree"
            )
        if path in grads and path in tracked:
            raise ValueError(
                f"{path} has a gradient and a tracked value; leave it out of the gradients or out of tracked"
            )
    for path in sorted(leaves.keys() - grads.keys() - tracked.keys()):
        raise ValueError(
            f"{path} has no gradient; values that are tracked, not trained, come from model.tracked(cache): "
            "step(..., tracked=...)"
        )


def _replacement(path, w, value):
    """The step of a value that is tracked, checked: a function that will write the new value, and the arguments."""
    w = plain(f"{path}: parameters", w, "an array of float32 or float64")
    _check_shape(path, "tracked value", value, w.shape)
    _check_real(path, "value", w)
    if not is_writeable(w):
        raise ValueError(f"{path}: is written in place, so it must be writeable")
    return np.copyto, w, value


def _check_awake(path, rows, state):
    if path in state["last"] and not on_device(rows) and len(_idle(rows, state, path)):
        raise ValueError(f"{path}: a batch used rows that were not up to date; call catch_up before forward")


def _check_shape(path, what, g, shape):
    if type(g) not in KINDS or g.shape != shape or g.dtype not in REAL:
        plain(f"{path}: {what}", g)
        if g.shape != shape:
            raise ValueError(f"{path}: {what} {g.shape} of parameters {shape}")
        _check_real(path, what, g)


def _check_real(path, what, g):
    if g.dtype not in REAL:
        raise TypeError(f"{path}: {what} is {kind_of(g)}, want an array of float32 or float64")


def _check_taken(state):
    """Rows of tables are up to date to a step that was taken."""
    for path, last in state["last"].items():
        if last.size and not (last.min() >= 0 and last.max() <= state["t"]):
            raise ValueError(f"{path}: rows up to date to step {last.min()} .. {last.max()}, {state['t']} were taken")


def _arrays(leaves, grads, tracked, last):
    """What a step writes to and what it reads, each a list of (name, array)."""
    written, read = [(path, steps) for path, steps in last.items()], []
    for path, g in grads.items():
        written += [(path, a) for a in leaves[path]]
        read += [(path, a) for a in (g if isinstance(g, RowGrad) else (g,))]
    for path, value in tracked.items():
        written.append((path, leaves[path][0]))
        read.append((path, value))
    return written, read


def _check_rows(path, rows, n_rows):
    rows = integers(f"{path}: rows", rows)
    if rows.size and not on_device(rows) and (rows.min() < 0 or rows.max() >= n_rows):
        raise IndexError(f"{path}: rows from {rows.min()} to {rows.max()}, the table has 0 to {n_rows - 1}")


def _matrix(path, a, shape):
    """(N, ...) as (N, K), a view; ValueError where it would have to be a copy, whose changes were lost."""
    _check_shape(path, "moments", a, shape)
    if not shape:
        raise ValueError(f"{path}: has no axis; make it one of length 1")
    return a.reshape(len(a), a[:1].size, copy=False)


OPTIMISERS = ("adam", "lazy_adam")  # `Adam` with `lazy` False, and True
