"""Adam: idle rows that are caught up when they are needed end where they would have been all along.

The oracle is Algorithm 1 of Kingma & Ba (2015) on full gradients, every row at every step, in extended precision. A
row differs from it by rounding alone. From one use to the next, m is rounded 5 times on its way into a move, sqrt(v)
3 times, F and the product m F 3 times, w once: ROUNDINGS units of roundoff, of the weight and of all the way it moved.
"""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from croco_np.config import Config
from croco_np.datasets.splits import Rows, Schema, Splits
from croco_np.gradcheck.cases import at_blackboard, draw_batch
from croco_np.kernels.adam import bias_correction
from croco_np.kernels.idle import replay_rows
from croco_np.kernels.idle_series import TERMS, plan, series
from croco_np.kernels.twin import numba, running, using
from croco_np.models import MODELS, Output
from croco_np.optim import Adam
from croco_np.runs.folder import RunFolder
from croco_np.train.trainer import Trainer
from croco_np.tree import Moving, RowGrad, flatten, tree_map, unflatten

V, K = 6, 3
ROUNDINGS = 12
BETAS = [(0.9, 0.999), (0.9, 0.99), (0.5, 0.999), (0.95, 0.9999), (0.9, 0.9), (0.9, 0.5), (0.9, 0.0), (0.0, 0.999)]
SYSTEMS = [(name, sizes) for name in MODELS for sizes in ({}, *MODELS[name].variants)]
SYSTEMS += [("ple", {"n_levels": 3}), ("crocodile", {"embedding_width": 1})]


def draw_uses(rng, kind, n, gap):
    """(steps in all, {step: gradient of some rows}), from 1e-12 to 1e3; gaps up to `gap` steps."""
    steps = np.cumsum(rng.integers(1, 1 + rng.integers(1, gap + 1, n)))
    uses = {}
    for t in steps.tolist():
        rows = np.sort(rng.choice(V - 1, rng.integers(0, V), replace=False))  # the last row is never used
        g = rng.standard_normal((len(rows), K)) * 10.0 ** rng.integers(-12, 4, (len(rows), 1))
        uses[t] = RowGrad(rows, g.astype(kind))
    return int(steps[-1] + rng.integers(0, gap + 1)), uses


def corrected(b, s):
    """1 - b^s in extended precision."""
    return -np.expm1(s * np.log1p(np.longdouble(b) - 1)) if b else np.ones_like(s, np.longdouble)


def oracle(w, n_steps, uses, adam):
    """Weights, moments, and how far each weight has moved, back and forth, all in extended precision."""
    w = w.astype(np.longdouble)
    m, v, way = np.zeros_like(w), np.zeros_like(w), np.zeros_like(w)
    for t in range(1, n_steps + 1):
        g = uses[t].dense(w.shape).astype(np.longdouble) if t in uses else 0
        m = adam.b1 * m + (1 - adam.b1) * g
        v = adam.b2 * v + (1 - adam.b2) * g * g
        move = adam.lr * m / corrected(adam.b1, t) / (np.sqrt(v / corrected(adam.b2, t)) + adam.eps)
        w, way = w - move, way + abs(move)
    return w, m, v, way


def deferred(w, n_steps, uses, adam):
    """The same steps with idle rows left alone until they are used; settled at the end."""
    params = {"table": w.copy()}
    state = adam.init(params)
    for t, g in uses.items():
        state["t"] = t - 1  # the steps between did nothing else
        adam.catch_up(params, [("table", np.r_[g.rows, g.rows])], state)
        adam.step(params, {"table": g}, state, defer=True)
    state["t"] = n_steps
    adam.settle(params, state)
    return params["table"], state


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32),
    st.integers(1, 8),
    st.sampled_from([3, 40, 400, 3000]),
    st.sampled_from(BETAS),
    st.sampled_from([1e-8, 1e-3]),
    st.sampled_from([np.float64, np.float32]),
)
@example(0, 8, 3000, (0.9, 0.999), 1e-8, np.float32)
@example(1, 8, 3000, (0.9, 0.999), 1e-8, np.float64)
def test_idle_rows_end_where_dense_adam_takes_them(seed, n, gap, betas, eps, kind):
    rng = np.random.default_rng(seed)
    w, adam = rng.standard_normal((V, K)).astype(kind), Adam(1e-2, *betas, eps)
    n_steps, uses = draw_uses(rng, kind, n, gap)
    told, state = deferred(w, n_steps, uses, adam)
    said, m, v, way = oracle(w, n_steps, uses, adam)
    ulps = ROUNDINGS * (n + 1) * np.finfo(kind).eps / 2
    smallest = np.finfo(kind).tiny  # below it a number loses digits, here as in any Adam
    assert told.dtype == kind
    assert (abs(told - said) <= ulps * (abs(w) + way)).all()
    assert (abs(state["m"]["table"] - m) <= ulps * abs(m) + cancelled(uses, m, adam, ulps) + smallest).all()
    assert (abs(state["v"]["table"] - v) <= ulps * v + smallest).all()
    assert np.array_equal(told[-1], w[-1])


def cancelled(uses, m, adam, ulps):
    """Rounding of m where gradients of both signs nearly cancel: relative to what m would be without signs."""
    last = max(uses)
    sizes = sum(adam.b1 ** (last - t) * abs(g.dense(m.shape).astype(np.longdouble)) for t, g in uses.items())
    return ulps * (1 - adam.b1) * sizes


@pytest.mark.parametrize("kind", [np.float64, np.float32])
@pytest.mark.parametrize("betas", BETAS)
def test_the_series_is_good_where_it_says_so(betas, kind):
    """F against its terms added up in extended precision, for all sizes of q and eps.

    Off by what the series leaves out, twice the unit roundoff of the weights at most, and by rounding in float64. In
    units u of that: NumPy's powers, log and expm1 are good to 4 ulp = 8 u, and 1 - b^s takes two of them and a
    product, 17 u; so a_j is off by 8 + 17 + 2 = 27 u, d_j by half of 8 + 17 + 1 and a square root, 14 u, and F by both.
    Sums over j add 16 u, Horner's scheme two roundings a term: 27 + 14 + 16 + 2 * 2 * TERMS = 105 u.
    """
    b1, b2 = betas
    rounding = (27 + 14 + 16 + 2 * 2 * TERMS) * np.finfo(np.float64).eps / 2
    how, t, gaps = plan(np.dtype(kind), b1, b2), 5000, np.unique(np.geomspace(1, 4999, 60).astype(int))
    for t in (2, 10, 100, 700, 5000):
        k = gaps[gaps < t]
        coefficients, good = series(how, k, t, 1.0, b1, b2)
        for i in np.flatnonzero(good):
            j = np.arange(1, k[i] + 1)
            s = t - k[i] + j
            a, d = np.longdouble(b1) ** j / corrected(b1, s), np.sqrt(np.longdouble(b2) ** j / corrected(b2, s))
            for eps_over_q in (0, 1e-6, 1e-3, 1, 1e3, 1e9):
                x = 1 / (coefficients[i, 0] + eps_over_q)
                F = x * np.polynomial.polynomial.polyval(x, coefficients[i, 1:])
                exact = (a / (d + eps_over_q)).sum()
                assert abs(F - exact) <= (2 * how.tiny + rounding) * exact
    assert good.any() == (how.n_terms > 0)


@pytest.mark.parametrize("b", [0.0, 0.5, 0.9, 0.99, 0.999, 0.9999, 1 - 2.0**-40])
def test_bias_correction_keeps_its_digits(b):
    """1 - b^t of the very number b, in rational arithmetic; log, product and expm1 are off by 17 units of roundoff."""
    steps = np.array([1, 2, 3, 10, 100, 1000])
    exact = [float(1 - Fraction(b) ** t) for t in steps.tolist()]
    for told in (bias_correction(b, steps), [bias_correction(b, t) for t in steps.tolist()]):
        np.testing.assert_allclose(told, exact, rtol=(17 + 1) * np.finfo(float).eps / 2)


def test_late_steps_need_no_replay():
    """From step 170 (float32) and 594 (float64) on, with the usual b1 and b2; and few terms do."""
    for kind, n_terms, first in ((np.float32, 6, 170), (np.float64, 12, 594)):
        how = plan(np.dtype(kind), 0.9, 0.999)
        assert how.n_terms == n_terms <= TERMS
        gaps = np.array([1, 10, 100, 1000, 10000])
        assert all(series(how, gaps[[i]], first + gaps[i], 1e-3, 0.9, 0.999)[1].all() for i in range(len(gaps)))
        assert not series(how, gaps, first // 2 + gaps[-1], 1e-3, 0.9, 0.999)[1][-1]


def build(name, sizes):
    return at_blackboard(name, **sizes)


@pytest.mark.parametrize(("name", "sizes"), SYSTEMS)
def test_models_read_what_they_announce(name, sizes):
    """Rows that were not announced may hold anything; those announced are those that get a gradient."""
    model, rng = build(name, sizes), np.random.default_rng(0)
    params = model.init(rng)
    batch = draw_batch(rng)
    batch = batch._replace(ids=batch.ids % 3, prior_ids=batch.prior_ids % 3)  # some rows of every table stay unread
    reads = dict(model.reads(batch))
    out, cache = model.forward(params, batch)
    grads = flatten(model.backward(cache, Output(np.ones_like(out.logits))))
    assert {path: np.unique(rows).tolist() for path, rows in reads.items()} == {
        path: g.rows.tolist() for path, g in grads.items() if isinstance(g, RowGrad)
    }
    spoilt = {path: w.copy() for path, w in flatten(params).items()}
    for path, rows in reads.items():
        spoilt[path][np.setdiff1d(np.arange(len(spoilt[path])), rows)] = np.nan
        assert np.isnan(spoilt[path]).any()
    again, cache = model.forward(unflatten(spoilt), batch)
    assert np.array_equal(again.logits, out.logits)
    for path, g in flatten(model.backward(cache, Output(np.ones_like(out.logits)))).items():
        for one, two in zip(*((g, grads[path]) if isinstance(g, tuple) else ((g,), (grads[path],))), strict=True):
            assert np.array_equal(one, two)


@pytest.mark.parametrize(("name", "sizes"), SYSTEMS)
def test_models_train_alike_deferred_or_not(name, sizes):
    model, adam = build(name, sizes), Adam(0.01, l2=0.1)
    ends = []
    for defer in (False, True):
        rng = np.random.default_rng(1)
        params = model.init(rng)
        state = adam.init(params)
        for _ in range(30):
            batch = draw_batch(rng)
            some = slice(0, rng.integers(1, 3))  # of domain a only, so that rows stay idle
            batch = batch.only(some)._replace(domains=(some, *[slice(some.stop, some.stop)] * 3))
            adam.catch_up(params, model.reads(batch), state)
            out, cache = model.forward(params, batch)
            grads = model.backward(cache, Output(rng.standard_normal(out.logits.shape)))
            adam.step(params, grads, state, defer)
        assert bool(state["last"]) == defer
        adam.settle(params, state)
        assert not state["last"]
        ends.append(flatten(params))
    for path, w in ends[0].items():
        np.testing.assert_allclose(ends[1][path], w, rtol=1e-9, atol=1e-9, err_msg=path)


@pytest.mark.parametrize("settled", [False, True])
def test_a_checkpoint_keeps_idle_rows_as_they_are(settled, tmp_path):
    """Resumed with rows asleep, or from a checkpoint that names none, all settled: the same bits as never stopped."""
    rng, n = np.random.default_rng(0), 2000
    domains = rng.integers(0, 2, n).astype(np.uint8)
    ids = np.column_stack([rng.integers(0, 200, n), rng.integers(0, 300, n), domains + 1]).astype(np.int32)
    rows = Rows(ids, rng.integers(0, 2, n).astype(np.uint8), domains, ids[:, 0].astype(np.int64))
    schema = Schema(("user", "item", "domain"), (200, 300, 3), "user", "item", "domain", ("a", "b"))
    sizes = {"n_experts": 2, "embedding_width": 2, "expert_sizes": (4,), "tower_sizes": (4,), "prior_width": 2}
    config = Config(dataset="kuairand", batch_size=20, **sizes)
    splits, folder = Splits("drawn", True, schema, rows, rows, rows), RunFolder(tmp_path)
    trainer = Trainer.from_config(config, splits)
    folder.begin(config, splits)
    batches, state = list(trainer.batches(1))[:40], trainer.start()
    for batch in batches[:20]:
        trainer.step(state, batch, defer=True)
    if settled:
        trainer.settle(state)
    folder.save(state)
    again = folder.restore(trainer.start(), config, splits)
    names = {"embeddings.table", "prior.table"}
    assert set(again.moments["last"]) == (set() if settled else names)
    assert settled or all(((last > 0) & (last < 20)).any() for last in again.moments["last"].values())
    for batch in batches[20:]:
        trainer.step(state, batch, defer=True)
        trainer.step(again, batch, defer=True)
    for one in (state, again):
        trainer.settle(one)
    assert all(np.array_equal(w, flatten(again.params)[path]) for path, w in flatten(state.params).items())


def test_a_row_used_without_notice_is_refused():
    params, adam = {"table": np.zeros((2, 1))}, Adam()
    state, ones = adam.init(params), np.ones((1, 1))
    for row in (0, 1):
        adam.step(params, {"table": RowGrad(np.array([row]), ones)}, state, defer=True)
    with pytest.raises(ValueError, match=r"table: .* call catch_up"):
        adam.step(params, {"table": RowGrad(np.array([0]), ones)}, state, defer=True)


def test_lazy_adam_keeps_no_account():
    params, adam = {"table": np.zeros((2, 1))}, Adam(lazy=True)
    state = adam.init(params)
    for row in (0, 1):
        adam.catch_up(params, None, state)  # it does not even look at the rows
        adam.step(params, {"table": RowGrad(np.array([row]), np.ones((1, 1)))}, state, defer=True)
    before = tree_map(np.copy, params)
    adam.settle(params, state)
    assert state["last"] == {}
    assert np.array_equal(before["table"], params["table"])


@pytest.mark.skipif(numba is None, reason="Numba is not installed, so there are no threads")
@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_neither_threads_nor_twins_change_the_end(kind):
    rng = np.random.default_rng(3)
    w, adam = rng.standard_normal((V, K)).astype(kind), Adam(1e-2)
    n_steps, uses = draw_uses(rng, kind, 8, 400)
    threads, ends = numba.get_num_threads(), []
    try:
        for n in range(1, numba.config.NUMBA_NUM_THREADS + 1):
            numba.set_num_threads(n)
            ends.append(deferred(w, n_steps, uses, adam)[0])
    finally:
        numba.set_num_threads(threads)
    assert all(np.array_equal(ends[0], end) for end in ends)
    with using("numpy"):
        assert running() == "numpy"
        plain = deferred(w, n_steps, uses, adam)[0]
    np.testing.assert_allclose(plain, ends[0], rtol=0, atol=50 * np.finfo(kind).eps)


def test_replay_is_the_steps_one_by_one():
    """A step of Adam with g = 0, k times, by hand."""
    w, m, v = np.array([[1.0]]), np.array([[0.2]]), np.array([[0.04]])
    replay_rows(w, np.array([0]), m, v, np.array([2]), 3, 99, 0.1, 0.5, 0.75, 0.0)
    # Steps 2 and 3: m = 0.1, 0.05; v = 0.03, 0.0225; corrections 1 - 0.5^s = 3/4, 7/8; 1 - 0.75^s = 7/16, 37/64.
    steps = 0.1 * (0.1 / (3 / 4)) / np.sqrt(0.03 / (7 / 16)) + 0.1 * (0.05 / (7 / 8)) / np.sqrt(0.0225 / (37 / 64))
    np.testing.assert_allclose([w[0, 0], m[0, 0], v[0, 0]], [1 - steps, 0.05, 0.0225], rtol=1e-14)


def frozen(a):
    a.flags.writeable = False
    return a


ONES = np.ones((2, 2))
NOT_MOVED = {  # label: (a value, what stands in the place of its gradient)
    "read-only": (frozen(np.ones((2, 2))), Moving(ONES, 0.1)),
    "a list": (ONES.tolist(), Moving(ONES, 0.1)),
    "integers": (np.ones((2, 2), int), Moving(ONES, 0.1)),
    "a rate in letters": (ONES, Moving(ONES, "0.1")),
    "a rate each": (ONES, Moving(ONES, ONES / 10)),
    "a rate of NaN": (ONES, Moving(ONES, np.nan)),
    "a rate of 5": (ONES, Moving(ONES, 5)),
    "a complex target": (ONES, Moving(ONES + 0j, 0.1)),
    "a target in letters": (ONES, Moving(ONES.astype(str), 0.1)),
    "a masked target": (ONES, Moving(np.ma.masked_array(ONES), 0.1)),
    "a complex gradient": (ONES, ONES + 0j),
    "complex rows": (ONES, RowGrad(np.array([1]), ONES[:1] + 0j)),
}


@pytest.mark.parametrize("label", NOT_MOVED)
def test_a_refused_step_has_changed_nothing(label):
    w, g = NOT_MOVED[label]
    params = {"first": np.ones((3, 2)), "last": w}
    adam = Adam()
    state = adam.init(params)
    with pytest.raises((TypeError, ValueError), match="last: "):
        adam.step(params, {"first": np.ones((3, 2)), "last": g}, state)
    assert state["t"] == 0
    assert not state["m"]["first"].any()
    assert (params["first"] == 1).all()
    assert np.array_equal(params["last"], ONES)


def two_in_one(kind):
    """Parameters a, b and their gradients, two of these in one memory."""
    a, b, da, db = (np.ones((2, 2)) for _ in range(4))
    both = np.ones((3, 2))
    shared = np.zeros(48, np.uint8).data  # a buffer that two arrays know nothing of each other in
    return {
        "each the other's gradient": (a, b, b, a),
        "one array twice": (a, a, da, db),
        "a row of both": (both[:2], both[1:], da, db),
        "a gradient in a parameter": (a, b, da, a.T),
        "a buffer": (
            np.frombuffer(shared, float, 4).reshape(2, 2),
            np.frombuffer(shared, float, 4, 16).reshape(2, 2),
            da,
            db,
        ),
        "a target": (a, b, da, Moving(a, 0.5)),
        "rows": (a, b, da, RowGrad(np.arange(2), a)),
    }[kind]


KINDS = ("each the other's gradient", "one array twice", "a row of both", "a gradient in a parameter", "a buffer")


@pytest.mark.parametrize("kind", [*KINDS, "a target", "rows"])
def test_what_shares_memory_is_not_stepped(kind):
    a, b, da, db = two_in_one(kind)
    params, adam = {"a": a, "b": b}, Adam()
    before, state = (a.copy(), b.copy()), adam.init(params)
    with pytest.raises(ValueError, match="shares memory"):
        adam.step(params, {"a": da, "b": db}, state)
    assert np.array_equal(a, before[0])
    assert np.array_equal(b, before[1])
    assert state["t"] == 0


def test_views_that_lie_apart_are_stepped():
    """Parameters in one long array, as some keep them, and one gradient for both."""
    whole, g, adam = np.ones((4, 2)), np.ones((2, 2)), Adam(lr=0.5, eps=0.0)
    params = {"a": whole[:2], "b": whole[2:]}
    adam.step(params, {"a": g, "b": g}, adam.init(params))
    assert np.allclose(whole, 0.5, rtol=1e-15)


def test_moments_are_not_shared():
    params, adam = {"a": np.ones((2, 2)), "b": np.ones((2, 2))}, Adam()
    state = adam.init(params)
    state["m"]["a"] = state["v"]["b"]
    with pytest.raises(ValueError, match="shares memory"):
        adam.step(params, {"a": np.ones((2, 2)), "b": np.ones((2, 2))}, state)


@pytest.mark.parametrize("kind", [np.uint8, np.int8, np.int16, np.uint32])
@pytest.mark.parametrize("side", ["numpy", "numba"])
def test_gaps_may_be_narrow_integers(kind, side):
    def replayed(gaps):
        w, m, v = (np.ones((4, 2)) for _ in range(3))
        with using(side):
            replay_rows(w, np.array([0, 1]), m, v, gaps, 1000, 100, 0.1, 0.9, 0.99, 1e-8)
        return w, m, v

    wide, narrow = replayed(np.array([3, 5])), replayed(np.array([3, 5], kind))
    assert all(np.array_equal(a, b) for a, b in zip(wide, narrow, strict=True))
    how = plan(np.dtype(float), 0.9, 0.999)
    one, other = (series(how, np.array([3, 5], k), 1000, 0.1, 0.9, 0.999)[0] for k in (int, kind))
    assert np.array_equal(one, other)
