"""Public functions with arguments gone wrong; run as a program, like `kernels`. All must be refused."""

from functools import partial
from itertools import chain

import numpy as np
from mutants import (
    BAD_SLICES,
    OPEN_SLICES,
    at_first,
    must_be_refused,
    report,
    resized,
    subclassed,
    wrong_floats,
    wrong_ids,
)

from croco_np import diagnostics, metrics
from croco_np.batch import check_ids, check_rows, make_batch
from croco_np.datasets.splits import Rows, Schema
from croco_np.kernels.idle_series import plan, series
from croco_np.optim import Adam
from croco_np.tree import Moving, RowGrad, flatten, tree_map, unflatten, with_leaves


def of_batches():
    schema = Schema(("u", "v", "d"), (5, 349, 3), "u", "v", "d", ("a", "b"))
    rows = Rows(np.array([[4, 348, 1], [0, 0, 2]], np.int32), *(np.array([0, 1]) for _ in range(3)))
    at = np.arange(2)
    make_batch(rows, at, schema)
    for label, b in wrong_ids(rows.ids.astype(np.int64), 5).items():
        yield f"make_batch: ids: {label}", partial(make_batch, rows._replace(ids=b), at, schema)
        yield f"check_ids: {label}", partial(check_ids, b, schema.vocabulary, schema.fields)
    for name, bad in (("domains", -1), ("domains", 2), ("labels", 2), ("labels", -1), ("labels", np.nan)):
        column = at_first(getattr(rows, name).astype(type(bad)), bad)
        yield f"make_batch: {name} {bad}", partial(make_batch, rows._replace(**{name: column}), at, schema)
        yield f"check_rows: {name} {bad}", partial(check_rows, rows._replace(**{name: column}), schema)
    for name in ("labels", "domains", "users"):
        for n in (1, 3):
            r = rows._replace(**{name: np.zeros(n, int)})
            yield f"make_batch: {n} {name}", partial(make_batch, r, at, schema)
    for name in rows._fields:
        a = getattr(rows, name)
        for label, b in (subclassed(a) | {"a list": a.tolist(), "a number": np.array(1), "None": None}).items():
            r = rows._replace(**{name: b})
            yield f"make_batch: {name}: {label}", partial(make_batch, r, at, schema)
            yield f"check_rows: {name}: {label}", partial(check_rows, r, schema)
    for dtype in ("U1", "?", "O", "c16", "i8", "f2"):
        yield f"make_batch: labels as {dtype}", partial(make_batch, rows, at, schema, dtype)
    yield "make_batch: at: masked", partial(make_batch, rows, np.ma.masked_array(at), schema)
    for bad in ([-1], [2], [0.0], [True, False], [[0]], 0):
        yield f"make_batch: at {bad}", partial(make_batch, rows, np.array(bad), schema)


def of_the_optimiser():
    w, table = np.ones((4, 3)), np.ones((5, 2, 3))
    rows = np.array([1, 3])

    def step(params=None, grads=None, spoil=None, **options):
        params = {"W": w.copy(), "table": table.copy(), "mean": np.ones(3)} | (params or {})
        adam = Adam(**options)
        state = adam.init(params)
        if spoil:
            spoil(state)
        own = {"W": np.ones((4, 3)), "table": RowGrad(rows, np.ones((2, 2, 3))), "mean": Moving(np.zeros(3), 0.1)}
        adam.step(params, own | (grads or {}), state)

    step()
    for label, b in {**wrong_floats(w), "float32": w.astype(np.float32), "None": None}.items():
        yield f"Adam: gradient: {label}", partial(step, grads={"W": b})
    frozen = w.copy()
    frozen.flags.writeable = False
    for label, b in {"Fortran": np.asfortranarray(w), "strided": np.ones((4, 6))[:, ::2], "read-only": frozen}.items():
        yield f"Adam: parameters: {label}", partial(step, params={"W": b})
    yield "Adam: parameters: integers", partial(step, params={"W": np.ones((4, 3), int)})
    yield "Adam: a gradient more", partial(step, grads={"other": w})
    yield "Adam: a parameter more", partial(step, params={"other": w.copy()})
    for moment in "mv":
        for label, b in {**resized(w), "float32": w.astype(np.float32), "Fortran": np.asfortranarray(w)}.items():
            yield f"Adam: {moment}: {label}", partial(step, spoil=lambda s, b=b, k=moment: s[k].update(W=b))
        yield f"Adam: no {moment}", partial(step, spoil=lambda s, k=moment: s[k].pop("W"))
    for bad in (-1, 1.5, None, "1"):
        yield f"Adam: t {bad}", partial(step, spoil=lambda s, b=bad: s.update(t=b))
    for label, last in {"shorter": np.zeros(4, np.int32), "int64": np.zeros(5, int), "a list": [0] * 5}.items():
        yield f"Adam: last: {label}", partial(step, spoil=lambda s, b=last: s["last"].update(table=b))
    yield "Adam: last of no table", partial(step, spoil=lambda s: s["last"].update(other=np.zeros(5, np.int32)))
    grads = {"unsorted": [3, 1], "twice": [1, 1], "negative": [-1, 1], "too large": [1, 5], "floats": [1.0, 3.0]}
    for label, r in grads.items():
        for lazy in (False, True):
            g = RowGrad(np.array(r), np.ones((2, 2, 3)))
            yield f"Adam: rows {label}, {lazy}", partial(step, grads={"table": g}, lazy=lazy)
        yield f"RowGrad.dense: {label}", partial(RowGrad(np.array(r), np.ones((2, 3))).dense, (5, 3))
    for shape in ((1, 2, 3), (3, 2, 3), (2, 3, 2), (2, 6), (2,)):
        g = RowGrad(rows, np.ones(shape))
        yield f"Adam: values {shape}", partial(step, grads={"table": g})
        yield f"RowGrad.dense: values {shape}", partial(g.dense, (5, 2, 3))
    for target in (np.zeros(1), np.zeros((3, 3)), np.zeros(4)):
        yield f"Adam: target {target.shape}", partial(step, grads={"mean": Moving(target, 0.1)})
    yield "RowGrad.check: no axis", partial(RowGrad(rows, np.ones(2)).check, ())
    for label, b in subclassed(rows).items():
        yield f"Adam: rows: {label}", partial(step, grads={"table": RowGrad(b, np.ones((2, 2, 3)))})
    for options in (
        {"b1": 1.0},
        {"b2": 1.0},
        {"b1": -0.1},
        {"eps": -1.0},
        {"b2": np.nan},
        {"b1": "0.9"},
        *({name: bad} for name in ("lr", "l2", "eps") for bad in (np.nan, np.inf, -1.0, "1", None, True)),
    ):
        yield f"Adam: {options}", partial(Adam, **options)
    for bad in (np.array([-1]), np.array([5]), np.array([0.0]), [0]):
        adam, params = Adam(), {"table": table.copy()}
        state = adam.init(params) | {"last": {"table": np.zeros(5, np.int32)}}
        yield f"Adam.catch_up: {bad}", partial(adam.catch_up, params, [("table", bad)], state)
    for bad in (1, -1):
        adam, params = Adam(), {"table": table.copy()}
        state = adam.init(params) | {"last": {"table": np.full(5, bad, np.int32)}}
        yield f"Adam.settle: last {bad} of no step", partial(adam.settle, params, state)
        if bad > 0:
            yield f"Adam.catch_up: last {bad} of no step", partial(adam.catch_up, params, [("table", rows)], state)
    how = plan(np.dtype(float), 0.9, 0.999)
    for bad in ([0], [-1], [1.0], [[1]], [11]):
        yield f"series: {bad}", partial(series, how, np.array(bad), 10, 1e-3, 0.9, 0.999)


def of_trees():
    yield "tree_map: an entry less", partial(tree_map, np.add, {"a": np.ones(1), "b": np.ones(1)}, {"a": np.ones(1)})
    yield "tree_map: an entry more", partial(tree_map, np.add, {"a": np.ones(1)}, {"a": np.ones(1), "b": np.ones(1)})
    yield "tree_map: a leaf for a branch", partial(tree_map, np.add, {"a": {"b": np.ones(1)}}, {"a": np.ones(1)})
    yield "with_leaves: a stranger", partial(with_leaves, {"a": 1}, {"b": 2})
    yield "unflatten: a leaf and a branch", partial(unflatten, {"a": 1, "a.b": 2})
    yield "unflatten: a branch and a leaf", partial(unflatten, {"a.b": 1, "a": 2})
    yield "flatten: a dot", partial(flatten, {"a.b": 1})


def of_metrics():
    scores, labels, users = np.array([1.0, 2, 3, 4]), np.array([0, 1, 1, 0]), np.array([0, 0, 1, 1])
    measures = {"auc": metrics.auc, "logloss": metrics.logloss, "gauc": metrics.gauc, "evaluate": metrics.evaluate}
    for name, measure in measures.items():
        good = (scores, labels, users)[: 2 if name in ("auc", "logloss") else 3]
        measure(*good)
        for i, a in enumerate(good):
            bad = resized(a) | subclassed(a) | {"2-d": a[:, None], "object": a.astype(object)}
            bad |= {"text": a.astype(str), "a number": a[0], "complex": a.astype(complex), "None": None}
            if i == 1:
                bad |= {str(x): at_first(a.astype(type(x)), x) for x in (2, -1, 0.5, np.nan, np.inf)}
            if i == 2:
                bad |= {"floats": a.astype(float), "bool": a.astype(bool)}
            for label, b in bad.items():
                yield f"{name}: argument {i}: {label}", partial(measure, *(*good[:i], b, *good[i + 1 :]))
    rows = Rows(np.zeros((4, 1), int), labels, np.array([0, 0, 1, 1]), users)
    for domains in ([0, 0, 1, 2], [0, 0, 1, -1], [0, 0, 1], [0.0, 0, 1, 1]):
        r = rows._replace(domains=np.array(domains))
        yield f"evaluate_domains: {domains}", partial(metrics.evaluate_domains, scores, r, ("a", "b"))


def of_diagnostics():
    o = np.random.default_rng(0).random((6, 3, 2))
    for f in (diagnostics.covariance_map, diagnostics.expert_abundance):
        for bad in (o[0], o[None], o.tolist(), o.astype(int), o + 0j, np.ma.masked_array(o)):
            yield f"{f.__name__}: {np.shape(bad)}", partial(f, bad)
    yield "covariance_map: no rows", partial(diagnostics.covariance_map, o[:0])
    for bad, n in (
        (np.ones((6, 5)), 3),
        (np.ones((6, 6)), 4),
        (np.ones((6, 6)), 0),
        (np.ones(6), 3),
        (np.array(1.0), 1),
    ):
        yield f"between_experts: {bad.shape}, {n}", partial(diagnostics.between_experts, bad, n)
    for label, bad in {"NaN": np.nan, "infinity": np.inf, "a variance below 0": -1.0}.items():
        yield f"between_experts: {label}", partial(diagnostics.between_experts, at_first(np.eye(6), bad), 3)
        if bad != -1:
            yield f"gate_use: {label}", partial(diagnostics.gate_use, at_first(o, bad), (slice(0, 6),))
    yield "between_experts: complex", partial(diagnostics.between_experts, np.eye(6) + 0j, 3)
    for owner in (-1, 2, 0.0):
        yield f"trained_rows: owner {owner}", partial(diagnostics.trained_rows, np.ones((2, 5), int), owner)
    for pair in ((0, -1), (1, 0), (0, 3), (0, 0.5)):
        found = diagnostics.Conflicts("user and item", {pair: np.array([0])}, {})
        yield f"diversity_index: pair {pair}", partial(diagnostics.diversity_index, o, found)
    for bad in (np.ones(3), np.ones((2, 3, 4)), np.eye(2) * 1j, np.ma.masked_array(np.eye(2))):
        yield f"singular_spectrum: {bad.shape}", partial(diagnostics.singular_spectrum, bad)
    slices = (slice(0, 2), slice(2, 6))
    for label, spoil in (BAD_SLICES | OPEN_SLICES).items():
        if label != "one more":  # any number of domains
            yield f"gate_use: {label}", partial(diagnostics.gate_use, o, spoil(slices))
    found = diagnostics.Conflicts("user and item", {(0, 1): np.array([0, 5])}, {(0, 1): 2})
    for bad in (o[:5, :, 0], o[0, 0], o[None], np.full((6, 3), np.nan)):
        yield f"diversity_index: {bad.shape}", partial(diagnostics.diversity_index, bad, found)
    schema = Schema(("u", "v", "d"), (5, 3, 3), "u", "v", "d", ("a", "b"))
    rows = Rows(np.array([[4, 2, 1], [0, 0, 2]]), *(np.array([0, 1]) for _ in range(3)))
    for bad in (3, -1):
        r = rows._replace(ids=np.array([[4, bad, 1], [0, 0, 2]]))
        yield f"exposures: id {bad}", partial(diagnostics.exposures, r, schema, "v")
    for bad in (np.array([0, 2]), np.array([0, -1]), np.array([0])):
        yield f"exposures: domains {bad}", partial(diagnostics.exposures, rows._replace(domains=bad), schema, "v")
    for n in (10, 12):
        params = {"embeddings": {"table": np.ones((n, 1, 2))}}
        yield f"field_tables: {n} rows", partial(diagnostics.field_tables, params, schema, "v")


if __name__ == "__main__":
    report(chain(of_batches(), of_the_optimiser(), of_trees(), of_metrics(), of_diagnostics()), must_be_refused)
