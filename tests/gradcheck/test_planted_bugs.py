"""The checker is checked: every classic mistake below is planted in a working layer, and must be found and named.

Each bug is a subclass of the real layer whose backward (or loss) is wrong in one way. The same case without the bug
passes, so it is the bug that is found and nothing else.
"""

from dataclasses import dataclass
from unittest.mock import patch

import numpy as np
import pytest

from croco_np.gradcheck import assert_ok, check
from croco_np.gradcheck.cases import (
    DOMAINS,
    N_EXPERTS,
    N_ROWS,
    SCHEMA,
    WIDTH,
    LossOf,
    Training,
    at_blackboard,
    blackboard_sizes,
    draw_batch,
)
from croco_np.layers import ElementGate, Embeddings, Experts, Linear, PerDomain, ScalarGate, Tower
from croco_np.layers.mlp import Dense
from croco_np.losses import bce, covariance
from croco_np.models import Crocodile
from croco_np.objective import Objective
from croco_np.tree import RowGrad, flatten, tree_map

from . import protocol_bugs
from .planted import BUGS, broken, bug, drawn


@bug("bias forgotten", hint="no gradient arrives")
def _(rng):
    def backward(layer, c, dy):
        dx, grads = layer.backward(c, dy)
        return dx, grads | {"b": np.zeros_like(grads["b"])}

    layer = Linear(5, 3)
    return layer, broken(layer, backward), (drawn(rng, N_ROWS, 5),)


@pytest.mark.parametrize(
    ("params", "inputs", "methods", "words"),
    [
        ({"W": np.ones((2, 2), np.float32)}, (np.ones((3, 2)),), ("complex step",), "W is float32"),
        ({"W": np.ones((2, 2))}, (np.ones((3, 2), np.float32),), ("complex step",), "input 0 is float32"),
        ({"W": np.ones((2, 2))}, np.ones((3, 2)), ("complex step",), "inputs must be a tuple"),
        ({"W": np.ones((2, 2))}, (np.ones((3, 2)),), ("central",), "method 'central'"),
    ],
)
def test_arguments_that_do_not_fit_are_named(params, inputs, methods, words):
    with pytest.raises((TypeError, ValueError), match=words):
        check(Linear(2, 2, bias=False), params, inputs, np.random.default_rng(0), methods=methods)


def test_swapped_entries_are_always_caught():
    """Two errors of one size and opposite sign: a direction of signs alone would miss them half of the time."""

    def backward(layer, c, dy):
        dx, grads = layer.backward(c, dy)
        return dx, grads | {"b": grads["b"][[1, 0, 2]]}

    layer = Linear(5, 3)
    for seed in range(100):
        rng = np.random.default_rng(seed)
        checks = check(broken(layer, backward), layer.init(rng), (drawn(rng, N_ROWS, 5),), rng)
        assert {c.name for c in checks if not c.ok} == {": b"}


@bug("weights averaged over the rows, not summed", hint="times the right value")
def _(rng):
    def backward(layer, c, dy):
        dx, grads = layer.backward(c, dy)
        return dx, grads | {"W": grads["W"] / len(dy)}

    layer = Linear(5, 3)
    return layer, broken(layer, backward), (drawn(rng, N_ROWS, 5),)


@bug("W instead of its transpose")
def _(rng):
    layer = Linear(4, 4)
    wrong = broken(layer, lambda layer, c, dy: (dy @ c.p["W"], layer.backward(c, dy)[1]))
    return layer, wrong, (drawn(rng, N_ROWS, 4),)


@bug("ReLU lets everything through")
def _(rng):
    layer = Dense(5, 3)
    wrong = broken(layer, lambda layer, c, dy: Linear(5, 3).backward(c, dy))
    return layer, wrong, (drawn(rng, N_ROWS, 5),)


@bug("ReLU masks by the sign of the gradient")
def _(rng):
    layer = Dense(5, 3)
    wrong = broken(layer, lambda layer, c, dy: layer.backward(c._replace(y=dy), dy))
    return layer, wrong, (drawn(rng, N_ROWS, 5),)


@bug("ids that repeat keep only their last gradient", hint="sampled entries")
def _(rng):
    def backward(layer, c, dx):
        table = np.zeros_like(c.p["table"])
        places = dx.reshape(len(dx), layer.n_tables, len(layer.vocabulary), layer.width).swapaxes(1, 2)
        table[c.rows] = places  # assignment, as in `table[rows] += dx`
        return None, {"table": table}

    layer = Embeddings((8, 4), N_EXPERTS, 3, std=1.0)
    ids = np.stack([rng.integers(0, 8, N_ROWS), rng.integers(0, 4, N_ROWS)], axis=1)
    return layer, broken(layer, backward), (ids,)


@bug("gradients of field 2 go to the rows of field 1")
def _(rng):
    def backward(layer, c, dx):
        _, grads = layer.backward(c, dx)
        first, second = np.split(grads["table"].dense((8, N_EXPERTS, 3)), 2)
        return None, {"table": RowGrad(np.arange(4), first + second)}

    layer = Embeddings((4, 4), N_EXPERTS, 3, std=1.0)
    return layer, broken(layer, backward), (rng.integers(0, 4, (N_ROWS, 2)),)


@bug("an input that all experts share gets the gradient of one")
def _(rng):
    def backward(layer, c, do):
        separate = c[0]._replace(x=np.repeat(c[0].x, N_EXPERTS, axis=1))
        dx, grads = layer.backward([separate, *c[1:]], do)
        return dx[:, :1], grads

    layer = Experts(N_EXPERTS, (5, 4, 3))
    return layer, broken(layer, backward), (drawn(rng, N_ROWS, 1, 5),)


@bug("domains mixed up on the way back")
def _(rng):
    def backward(layer, c, dy):
        dx, grads = layer.backward(c, dy)
        return dx, grads | {"0": grads["3"], "3": grads["0"]}

    layer = PerDomain(Tower((5, 4)), 4)
    return layer, broken(layer, backward), (DOMAINS, drawn(rng, N_ROWS, 5))


def _gate(kind, rng):
    layer = ElementGate(5, N_EXPERTS, WIDTH, 4) if kind == "element" else ScalarGate(5, N_EXPERTS, 4)
    return layer, (DOMAINS, drawn(rng, N_ROWS, 5), drawn(rng, N_ROWS, N_EXPERTS, WIDTH))


def _gate_from(layer, c, do, da):
    de, grads = layer.logits.backward(c.logits, da.reshape(len(da), -1))
    return (de, do), grads


@bug("softmax over the dimensions, not the experts", only_h=True)
def _(rng):
    def backward(layer, c, d):
        do = c.g * d[0][:, None]
        upstream = d[0][:, None] * c.o
        return _gate_from(layer, c, do, c.g * (upstream - (c.g * upstream).sum(axis=2, keepdims=True)))

    layer, inputs = _gate("element", rng)
    return layer, broken(layer, backward), inputs


@bug("gate forgets its upstream", only_h=True)
def _(rng):
    def backward(layer, c, d):
        return _gate_from(layer, c, c.g * d[0][:, None], c.g * (c.o - c.h[:, None]))

    layer, inputs = _gate("element", rng)
    return layer, broken(layer, backward), inputs


@bug("mixture not subtracted: da = do * o", only_h=True)
def _(rng):
    def backward(layer, c, d):
        do = c.g[:, :, None] * d[0][:, None]
        return _gate_from(layer, c, do, (do * c.o).sum(axis=2))

    layer, inputs = _gate("scalar", rng)
    return layer, broken(layer, backward), inputs


@bug("softmax with the sign flipped", only_h=True, hint="sign")
def _(rng):
    def backward(layer, c, d):
        (de, do), grads = layer.backward(c, d)
        return (-de, do), tree_map(np.negative, grads)

    layer, inputs = _gate("scalar", rng)
    return layer, broken(layer, backward), inputs


@bug("the shares' own gradient dropped")
def _(rng):
    layer, inputs = _gate("scalar", rng)
    return layer, broken(layer, lambda layer, c, d: layer.backward(c, (d[0], None))), inputs


def _loss_bug(rng, loss, wrong, **arguments):
    o = np.abs(drawn(rng, N_ROWS, N_EXPERTS, WIDTH))
    return LossOf(loss, arguments), LossOf(wrong, arguments), (o,)


@bug("CovLoss counts each pair twice in the gradient", hint="2 times the right value")
def _(rng):
    return _loss_bug(rng, covariance, lambda o: (covariance(o)[0], 2 * covariance(o)[1]))


@bug("CovLoss's gradient without centring")
def _(rng):
    def wrong(o):
        _, m, k = o.shape
        centred = o - o.mean(axis=0)
        do = np.zeros_like(o)
        for p in range(m):
            for q in set(range(m)) - {p}:
                do[:, p] += o[:, q] @ np.sign(centred[:, q].real.T @ centred[:, p].real) / k**2
        return covariance(o)[0], do

    return _loss_bug(rng, covariance, wrong)


@bug("sampled CovLoss forgets B/n in the gradient", hint="times the right value")
def _(rng):
    rows = np.array([0, 1, 5, 8])

    def wrong(o):
        return covariance(o, rows=rows)[0], covariance(o, rows=rows)[1] * len(rows) / len(o)

    return _loss_bug(rng, lambda o: covariance(o, rows=rows), wrong)


@bug("cross-entropy forgets the row's weight")
def _(rng):
    y, w = np.arange(N_ROWS) % 2, np.linspace(0.5, 2, N_ROWS)
    wrong = LossOf(lambda z: (bce(z, y, w)[0], bce(z, y, w)[1] / w))
    return LossOf(lambda z: bce(z, y, w)), wrong, (drawn(rng, N_ROWS),)


def _training(model, backward, rng):
    objective = Objective(alpha=0.1)
    return Training(model, objective), Training(broken(model, backward), objective), (draw_batch(rng),)


@bug("CovLoss's road into the experts is missing")
def _(rng):
    model = Crocodile.build(SCHEMA, **blackboard_sizes(Crocodile))
    return _training(model, lambda model, c, d: model.backward(c, d._replace(experts=None)), rng)


@bug("the tower's road into the experts is missing")
def _(rng):
    def backward(model, c, d):
        dx, experts = model.experts.backward(c.experts, d.experts)
        _, embeddings = model.embeddings.backward(c.embeddings, dx)
        return model.backward(c, d) | {"embeddings": embeddings, "experts": experts}

    return _training(Crocodile.build(SCHEMA, **blackboard_sizes(Crocodile)), backward, rng)


@bug("the gate's road into the embeddings is missing")
def _(rng):
    def backward(model, c, d):
        with patch("croco_np.models.mmoe.add_own", lambda *_: None):
            return model.backward(c, d)

    return _training(at_blackboard("me_mmoe"), backward, rng)


@bug("the prior embedding learns nothing", hint="no gradient arrives")
def _(rng):
    def backward(model, c, d):
        grads = model.backward(c, d)
        rows, values = grads["prior"]["table"]
        return grads | {"prior": {"table": RowGrad(rows, 0 * values)}}

    return _training(Crocodile.build(SCHEMA, **blackboard_sizes(Crocodile)), backward, rng)


@bug("one gradient is 0.1 % too large", hint="1.001 times")
def _(rng):
    def backward(layer, c, dy):
        dx, grads = layer.backward(c, dy)
        return dx, grads | {"W": 1.001 * grads["W"]}

    layer = Linear(5, 3)
    return layer, broken(layer, backward), (drawn(rng, N_ROWS, 5),)


@dataclass(frozen=True)
class OnlyMixture:
    """A gate whose shares are not an output: for bugs in the road from the mixture alone."""

    gate: object

    def forward(self, p, *inputs):
        (h, _), cache = self.gate.forward(p, *inputs)
        return h, cache

    def backward(self, c, dh):
        return self.gate.backward(c, (dh, None))


def cases(name, seed):
    plant, more = BUGS[name]
    rng = np.random.default_rng(seed)
    right, wrong, inputs = plant(rng)
    carrier = right.model if isinstance(right, Training) else right
    params = carrier.init(rng) if hasattr(carrier, "init") else {}
    params = tree_map(lambda w: w + 0.3 * rng.standard_normal(w.shape), params)
    if more["only_h"]:
        right, wrong = OnlyMixture(right), OnlyMixture(wrong)
    return (right, params, inputs), (wrong, params, inputs), rng


def test_there_are_enough_bugs():
    assert len(BUGS) >= 70
    assert len(protocol_bugs.FORMS) + len(protocol_bugs.ROWS) >= 25


@pytest.mark.parametrize("name", BUGS)
def test_bug_is_caught_and_named(name):
    right, wrong, rng = cases(name, seed=0)
    assert_ok(check(*right, rng))
    _, params, inputs = wrong
    before = [array.copy() for array in arrays(params, inputs)]
    found = [c for c in check(*wrong, rng) if not c.ok and not c.kink]
    assert {c.method for c in found} >= set(BUGS[name][1]["found"])
    assert any(BUGS[name][1]["hint"] in c.hint for c in found), [c.hint for c in found]
    for array, was in zip(arrays(params, inputs), before, strict=True):
        np.testing.assert_array_equal(array, was)


def arrays(params, inputs):
    return [*flatten(params).values(), *(x for x in inputs if isinstance(x, np.ndarray))]


def test_ones_for_a_cotangent_would_miss_the_forgotten_upstream():
    """Why the checker draws random cotangents: with dh = 1 the broken gate is right."""
    (_, params, inputs), (wrong, *_), _ = cases("gate forgets its upstream", seed=0)
    right = wrong.gate.__class__.__mro__[1](5, N_EXPERTS, WIDTH, 4)
    (h, _), cache = right.forward(params, *inputs)
    ones = (np.ones_like(h), None)
    for told, said in zip(wrong.gate.backward(cache, ones)[0], right.backward(cache, ones)[0], strict=True):
        np.testing.assert_allclose(told, said)


def test_relu_at_zero_is_named_a_kink():
    layer = Dense(1, 1)
    params = {"W": np.array([[1.0]]), "b": np.array([-2.0])}
    differences = check(layer, params, (np.array([[2.0]]),), np.random.default_rng(0), methods=("central differences",))
    assert all(c.kink and not c.ok for c in differences)
    away = check(layer, params, (np.array([[2.5]]),), np.random.default_rng(0), methods=("central differences",))
    assert all(c.ok and not c.kink for c in away)


def test_at_a_kink_the_complex_step_is_no_verdict_either():
    layer = Dense(1, 1)
    params = {"W": np.array([[1.0]]), "b": np.array([-2.0])}
    taught = broken(layer, lambda layer, c, dy: layer.backward(c._replace(y=np.ones_like(c.y)), dy))  # on at 0
    assert all(c.kink for c in check(taught, params, (np.array([[2.0]]),), np.random.default_rng(0)))


def test_nothing_to_check_is_no_pass():
    layer = LossOf(lambda x: (x.sum(), np.ones_like(x)))
    with pytest.raises(ValueError, match="nothing to check"):
        check(layer, {}, (np.arange(6),), np.random.default_rng(0))
    with pytest.raises(AssertionError, match="no gradient"):
        assert_ok([])


def test_a_gradient_for_nothing_is_named():
    layer = Linear(5, 3)
    wrong = broken(layer, lambda layer, c, dy: (layer.backward(c, dy)[0], layer.backward(c, dy)[1] | {"V": dy}))
    rng = np.random.default_rng(0)
    found = [c for c in check(wrong, layer.init(rng), (np.ones((2, 5)),), rng) if not c.ok]
    assert [c.name for c in found] == [": V"]
    assert "does not exist" in found[0].hint


def test_the_protocol_is_explained():
    layer = Linear(5, 3)
    rng = np.random.default_rng(0)
    only_dx = broken(layer, lambda layer, c, dy: dy @ c.p["W"].T)
    with pytest.raises(TypeError, match=r"must return \(dinputs, grads\)"):
        check(only_dx, layer.init(rng), (np.ones((2, 5)),), rng)


def test_a_kink_beside_the_point_is_named_too():
    layer = Dense(1, 1)  # z = 3e-6: inside the step of 1e-5
    params = {"W": np.array([[1.0]]), "b": np.array([3e-6 - 2])}
    checks = check(layer, params, (np.array([[2.0]]),), np.random.default_rng(0), methods=("central differences",))
    assert all(c.kink for c in checks)


def test_a_forward_that_cannot_be_complex_is_told_so():
    magnitude = LossOf(lambda x: (np.sum(np.abs(x)), np.sign(x)))
    rng = np.random.default_rng(0)
    found = check(magnitude, {}, (rng.standard_normal(5),), rng)
    assert [c.ok for c in found] == [False, True]  # complex step, central differences
    assert "central differences agree" in found[0].hint


def test_shape_and_absence_are_named():
    layer = Linear(5, 3)
    inputs = (np.ones((2, 5)),)
    rng = np.random.default_rng(0)
    params = layer.init(rng)
    missing = broken(layer, lambda layer, c, dy: (dy @ c.p["W"].T, {"W": c.x.T @ dy}))
    assert "no gradient for it" in next(c.hint for c in check(missing, params, inputs, rng) if c.name.endswith("b"))
    flat = broken(layer, lambda layer, c, dy: (dy @ c.p["W"].T, {"W": (c.x.T @ dy).ravel(), "b": dy.sum(axis=0)}))
    assert "shape (15,)" in next(c.hint for c in check(flat, params, inputs, rng) if c.name.endswith("W"))


def test_a_small_kink_is_no_excuse_for_a_large_error():
    right = LossOf(lambda x: ((x + 1e-5 * np.where(x.real > 0, x, 0)).sum(), np.ones(4) + 1e-5 * (x.real > 0)))
    wrong = LossOf(lambda x: (right.loss(x)[0], 2 * right.loss(x)[1]))
    at_the_kink = (np.zeros(4),)
    rng = np.random.default_rng(0)
    assert {c.kink for c in check(right, {}, at_the_kink, rng) if not c.ok} == {True}
    found = check(wrong, {}, at_the_kink, rng)
    assert not any(c.ok or c.kink for c in found)
    assert all("times the right value" in c.hint for c in found)


def test_where_the_exact_method_agrees_differences_that_fail_prove_nothing():
    """sin(20,000 x) bends within a step of 1e-5, which costs differences 1e-5: neither right nor wrong, draw again."""
    wave = LossOf(lambda x: (np.sin(2e4 * x).sum(), 2e4 * np.cos(2e4 * x)))
    found = check(wave, {}, (np.random.default_rng(0).standard_normal(3),), np.random.default_rng(0))
    assert [(c.method, c.kink) for c in found if not c.ok] == [("central differences", True)]


def test_a_backward_that_works_once_is_named():
    class Once(Linear):
        def forward(self, p, x):
            y, c = super().forward(p, x)
            return y, iter([c])

        def backward(self, c, dy):
            return super().backward(next(c), dy)

    rng = np.random.default_rng(0)
    layer = Once(5, 3)
    found = [c for c in check(layer, layer.init(rng), (drawn(rng, N_ROWS, 5),), rng) if not c.ok]
    assert [c.name for c in found] == [": backward"]
    assert "fails when it is called again: StopIteration" in found[0].hint
