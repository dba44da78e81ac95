"""STAR: moments of a domain's own rows, shared weights times own ones, running moments that only training moves."""

import numpy as np
import pytest

from croco_np.batch import Batch
from croco_np.gradcheck import assert_ok, check
from croco_np.gradcheck.cases import at_blackboard, draw_batch
from croco_np.layers import Linear, PartitionedNorm, Star
from croco_np.models import Output
from croco_np.optim import Adam
from croco_np.tree import RowGrad, flatten, tree_map

TWO = (slice(0, 4), slice(4, 6))


def equal(a, b):
    np.testing.assert_allclose(a, b, rtol=0, atol=1e-12)


def norm_example(domains=TWO, training=True):
    """Domain 1 has rows 1, 1, 3, 3 (mean 2, variance 1), domain 2 has 10 and 30 (mean 20, variance 100)."""
    layer = PartitionedNorm(1, 2, eps=0.0)
    p = {"gamma": np.array([2.0]), "gamma_s": np.array([[3.0], [1]]), "beta": np.array([1.0])}
    p |= {"beta_s": np.array([[1.0], [0]]), "mean": np.array([[0.0], [5]]), "var": np.array([[1.0], [4]])}
    x = np.array([[1.0], [1], [3], [3], [10], [30]])[: domains[-1].stop]
    return layer, p, layer.forward(p, domains, x, training)


def drawn(seed=0):
    """A model with noise on every parameter, which keeps the running variances positive; rng; a batch, c absent."""
    rng = np.random.default_rng(seed)
    model = at_blackboard("star")
    params = tree_map(lambda w: w + 0.3 * rng.standard_normal(w.shape), model.init(rng))
    params["norm"]["var"] = np.abs(params["norm"]["var"])
    return model, params, rng, draw_batch(rng)


def rows_of(batch, at, domains):
    return Batch(batch.ids[at], batch.prior_ids[at], domains, batch.labels[at], batch.training)


def test_norm_by_hand():
    layer, _, (y, cache) = norm_example()
    # xhat is -1, -1, 1, 1 and -1, 1; y = 6 xhat + 2 in domain 1 and 2 xhat + 1 in domain 2.
    equal(y[:, 0], [-4, -4, 8, 8, -1, 3])
    # dxhat = 6, 0, 0, 0 with mean 1.5; mean(dxhat xhat) = -1.5: dx = dxhat - 1.5 + 1.5 xhat, over sqrt(1).
    dx, grads = layer.backward(cache, np.array([[1.0], [0], [0], [0], [0], [7]]))
    equal(dx[:4, 0], [3, -3, 0, 0])
    # Domain 2: dxhat = 0, 14: 0 - 7 + 7, 14 - 7 - 7. Two rows are -1 and 1 whatever they are.
    equal(dx[4:, 0], [0, 0])
    # u = -1 and 7: dgamma_s = 2 u, dgamma = 3 (-1) + 1 (7).
    equal(grads["gamma_s"], [[-2], [14]])
    equal(grads["gamma"], [4])
    equal(grads["beta_s"], [[1], [7]])
    equal(grads["beta"], [8])


def test_running_moments_move_a_tenth_of_the_way_to_the_unbiased_ones():
    layer, p, (y, cache) = norm_example()
    optimiser = Adam()
    grads = layer.backward(cache, np.zeros_like(y))[1]
    optimiser.step(p, grads, optimiser.init(p), tracked=layer.tracked(cache))
    equal(p["mean"], [[0.2], [0.9 * 5 + 0.1 * 20]])
    equal(p["var"], [[0.9 + 0.1 * 4 / 3], [0.9 * 4 + 0.1 * 200]])  # 1 over 4 rows is 4/3 over 3; 100 is 200


@pytest.mark.parametrize("rows", [0, 1])
def test_a_domain_of_less_than_two_rows_uses_its_running_moments_and_keeps_them(rows):
    layer, p, (y, cache) = norm_example((slice(0, 4), slice(4, 4 + rows)))
    equal(y[4:, 0], [2 * (10 - 5) / 2 + 1][:rows])
    dx, grads = layer.backward(cache, np.ones_like(y))
    equal(dx[4:, 0], [2 / 2][:rows])  # constants: gamma gamma_s / sqrt(4)
    optimiser = Adam()
    optimiser.step(p, grads, optimiser.init(p), tracked=layer.tracked(cache))
    assert (p["mean"][1], p["var"][1]) == (5, 4)


def test_evaluation_uses_running_moments_and_keeps_them():
    layer, p, (y, cache) = norm_example(training=False)
    equal(y[:, 0], [8, 8, 20, 20, 6, 26])  # 6 x + 2, and 2 (x - 5) / 2 + 1
    assert layer.backward(cache, np.ones_like(y))[1].keys() == p.keys() - {"mean", "var"}
    assert all((layer.tracked(cache)[name] == p[name]).all() for name in ("mean", "var"))


def test_a_constant_column_is_exactly_zero():
    x = np.full((7, 1), 0.1)
    layer = PartitionedNorm(1, 1)
    y, _ = layer.forward(layer.init(None), (slice(0, 7),), x)
    assert (y == 0).all()


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_what_varies_is_judged_by_the_column_and_not_by_epsilon(scale):
    """Running moments of a column that varies, of one that differs by rounding, and of one that does not vary."""
    layer = PartitionedNorm(3, 1)
    p = layer.init(None) | {
        "mean": np.array([[1.0, 1.0, 1.0]]) * scale,
        "var": np.array([[1e-20, 1e-34, 0]]) * scale**2,
    }
    y, _ = layer.forward(p, (slice(0, 1),), np.array([[3.0, 3.0, 3.0]]) * scale, training=False)
    equal(y[0, 0] / (2 * scale / np.sqrt(1e-20 * scale**2 + layer.eps)), 1)
    assert (y[0, 1:] == 0).all()


def test_epsilon_bounds_the_stretch():
    # Rows -1 and 1 times 0.1: variance 0.01; with eps 0.01 divided by sqrt(0.02), with eps 0 by 0.1.
    x = np.array([[-0.1], [0.1]])
    for eps, xhat in (0.01, np.sqrt(0.5)), (0.0, 1.0):
        layer = PartitionedNorm(1, 1, eps=eps)
        equal(layer.forward(layer.init(None), (slice(0, 2),), x)[0][:, 0], [-xhat, xhat])
    assert (at_blackboard("star").norm.eps, at_blackboard("star", norm_epsilon=0.0).norm.eps) == (1e-3, 0.0)


def test_star_by_hand():
    # W = 2, b = 1; domain 1 has W_s = 3, b_s = 0, domain 2 has W_s = 5, b_s = 10: y = 6 x + 1 and 10 x + 11.
    layer = Star(Linear(1, 1), 2)
    p = {"shared": {"W": np.array([[2.0]]), "b": np.array([1.0])}}
    p["own"] = [{"W": np.array([[3.0]]), "b": np.zeros(1)}, {"W": np.array([[5.0]]), "b": np.array([10.0])}]
    y, cache = layer.forward(p, (slice(0, 2), slice(2, 3)), np.array([[1.0], [2], [4]]))
    equal(y[:, 0], [7, 13, 51])
    dx, grads = layer.backward(cache, np.ones((3, 1)))
    equal(dx[:, 0], [6, 6, 10])
    # dW* = 1 + 2 and 4: dW_s = 2 dW*, dW = 3 * 3 + 4 * 5.
    equal(grads["own"][0]["W"], [[6]])
    equal(grads["own"][1]["W"], [[8]])
    equal(grads["shared"]["W"], [[29]])
    equal(grads["shared"]["b"], [3])
    equal(grads["own"][0]["b"], [2])


def test_at_the_start_every_domain_is_the_shared_network():
    model, rng = at_blackboard("star"), np.random.default_rng(0)
    p, x = model.init(rng)["network"], rng.standard_normal((12, 8))
    y, _ = model.network.forward(p, draw_batch(rng).domains, x)
    equal(y, model.network.layer.forward(p["shared"], x)[0])


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("training", [True, False])
def test_backward(seed, training):
    model, params, rng, batch = drawn(seed)
    assert_ok(check(model, params, (batch._replace(training=training),), rng))


def test_rows_of_other_domains_do_not_matter():
    model, params, _, batch = drawn()
    ids = batch.ids.copy()
    ids[6:, :3] = 0  # all of b and d
    before, after = (model.forward(params, batch._replace(ids=i))[0].logits for i in (batch.ids, ids))
    assert (before[:6] == after[:6]).all()
    assert (before[7:] != after[7:]).any()


def test_scores_do_not_depend_on_the_rows_beside_them_in_evaluation():
    model, params, _, batch = drawn()
    alone = (slice(0, 1), *[slice(1, 1)] * 3)
    evaluated = batch._replace(training=False)
    together = model.forward(params, evaluated)[0].logits[0]
    equal(model.forward(params, rows_of(evaluated, [0], alone))[0].logits, [together])
    assert abs(model.forward(params, batch)[0].logits[0] - together) > 1e-3  # in training the neighbours count


def test_order_of_rows_does_not_matter():
    model, params, rng, batch = drawn()
    at = np.concatenate([rng.permutation(np.arange(rows.start, rows.stop)) for rows in batch.domains])
    logits = model.forward(params, batch)[0].logits
    equal(model.forward(params, rows_of(batch, at, batch.domains))[0].logits, logits[at])


def test_an_absent_domain_gets_gradients_of_exactly_zero():
    model, params, rng, batch = drawn()
    out, cache = model.forward(params, batch)
    grads = model.backward(cache, Output(rng.standard_normal(out.logits.shape)))
    assert not any(g.any() for g in flatten(grads["network"]["own"][2]).values())
    assert not grads["norm"]["gamma_s"][2].any()
    assert not grads["norm"]["beta_s"][2].any()
    tracked = model.tracked(cache)
    assert all((tracked[f"norm.{name}"][2] == params["norm"][name][2]).all() for name in ("mean", "var"))
    assert grads["domain"]["table"].rows.tolist() == [0, 1, 3]


@pytest.mark.parametrize("n", [0, 12])
def test_no_rows_and_single_precision(n):
    model, params, _, batch = drawn()
    params = tree_map(lambda w: w.astype(np.float32), params)
    batch = batch if n else rows_of(batch, slice(0, 0), (slice(0, 0),) * 4)
    out, cache = model.forward(params, batch)
    grads = flatten(model.backward(cache, Output(np.ones(n, np.float32))))
    assert out.logits.shape == (n,)
    assert out.logits.dtype == np.float32
    tracked = model.tracked(cache)
    assert grads.keys() == flatten(params).keys() - tracked.keys()
    for array in [*(g.values if isinstance(g, RowGrad) else g for g in grads.values()), *tracked.values()]:
        assert array.dtype == np.float32
