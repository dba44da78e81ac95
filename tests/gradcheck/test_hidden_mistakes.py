"""Mistakes that the point, the doutput or the size of the numbers hides, and right layers that they make look wrong."""

import threading
from array import array
from collections import deque
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import pytest

from croco_np.gradcheck import assert_ok, check
from croco_np.gradcheck.snapshot import contents
from croco_np.teaching import catches

DIFFERENCES = ("central differences",)
X = np.random.default_rng(5).standard_normal((4, 3))
ONES = np.ones(3)


class Given:
    """y and its gradients as functions: forward(p, x) -> y, backward(p, x, dy) -> (dx, grads)."""

    def __init__(self, forward, backward):
        self.y, self.gradients = forward, backward

    def forward(self, p, x, *others):
        return self.y(p, x), (p, x)

    def backward(self, c, dy):
        return self.gradients(*c, dy)


def of(forward, slope):
    """y = forward(x), entry by entry, with the derivative slope(x)."""
    return Given(lambda p, x: forward(x), lambda p, x, dy: (dy * slope(x), {}))


def run(layer, params=None, x=X, **more):
    return check(layer, params or {}, (x,), np.random.default_rng(0), **more)


def lora(factor):
    """x A B, with B = 0 at the start, as one trains it."""

    def backward(p, x, dy):
        d = x.T @ dy
        return dy @ (p["A"] @ p["B"]).T, {"A": factor * d @ p["B"].T, "B": p["A"].T @ d}

    return Given(lambda p, x: x @ p["A"] @ p["B"], backward)


def scaled(gamma):
    """gamma x + beta; `gamma` is what backward takes for it."""
    return Given(
        lambda p, x: p["gamma"] * x + p["beta"],
        lambda p, x, dy: (dy * gamma(p), {"gamma": (dy * x).sum(axis=0), "beta": dy.sum(axis=0)}),
    )


def relu(factor):
    def backward(p, x, dy):
        d = dy * (x @ p["W"] + p["b"] > 0)
        return d @ p["W"].T, {"W": factor * x.T @ d, "b": d.sum(axis=0)}

    def forward(p, x):
        z = x @ p["W"] + p["b"]
        return np.where(z.real > 0, z, 0)

    return Given(forward, backward)


AT_ONE_POINT = {
    "B = 0": (lora(1), lora(2), {"A": X[:3], "B": np.zeros((3, 2))}, "A"),
    "gamma = 1": (scaled(lambda p: p["gamma"]), scaled(lambda p: 1), {"gamma": ONES, "beta": 0 * ONES}, "input 0"),
    "beta = 0": (
        scaled(lambda p: p["gamma"]),
        scaled(lambda p: p["gamma"] * (1 + p["beta"])),
        {"gamma": ONES, "beta": 0 * ONES},
        "input 0",
    ),
    "dead units": (relu(1), relu(3), {"W": X[:3], "b": -20 * ONES}, "W"),
}


@pytest.mark.parametrize("methods", [("complex step", *DIFFERENCES), DIFFERENCES])
@pytest.mark.parametrize("name", AT_ONE_POINT)
def test_right_at_one_point_is_wrong(name, methods):
    right, wrong, params, leaf = AT_ONE_POINT[name]
    found = [c for c in run(right, params, methods=methods) if not c.ok]
    assert all(c.kink for c in found)  # where all units are dead, the point alone proves nothing
    found = [c for c in run(wrong, params, methods=methods) if not (c.ok or c.kink)]
    assert {c.name for c in found} == {f": {leaf}"}
    assert all("wrong beside it" in c.hint for c in found)


def test_at_zero_every_multiple_of_the_gradient_is_right():
    assert_ok_but_kinks(run(of(lambda x: x**2, lambda x: 2 * x), x=0 * X))
    assert any("wrong beside it" in c.hint for c in run(of(lambda x: x**2, lambda x: x), x=0 * X))


def assert_ok_but_kinks(checks):
    assert all(c.ok or c.kink for c in checks)


@pytest.mark.parametrize(
    "backward",
    [
        lambda dy: dy / np.abs(dy).max(axis=-1, keepdims=True) * np.abs(dy).max(axis=-1, keepdims=True),
        lambda dy: dy / np.linalg.norm(dy) * np.linalg.norm(dy),
        lambda dy: np.where(dy == 0, 1, dy),
        lambda dy: np.where((dy == 0).all(axis=-1, keepdims=True), 1e-3, dy),
        lambda dy: dy**2 / dy,
        lambda dy: dy + 1e-3 * (not dy.any()),
    ],
)
@pytest.mark.parametrize("shape", [(3,), (4, 3), (3, 2, 4)])
def test_a_doutput_with_zeros_is_tried(backward, shape):
    x = np.random.default_rng(2).standard_normal(shape)
    assert_ok(run(Given(lambda p, x: 3 * x, lambda p, x, dy: (3 * dy, {})), x=x))
    found = run(Given(lambda p, x: 3 * x, lambda p, x, dy: (3 * backward(dy), {})), x=x)
    assert not all(c.ok for c in found)


def beside(size, clip):
    """V beside a leaf whose gradients are as large as `size`."""
    return Given(lambda p, x: size * x + p["V"], lambda p, x, dy: (size * dy, {"V": np.clip(dy, -clip, clip)}))


def test_a_clip_beside_large_gradients_is_seen():
    assert_ok(run(beside(1e15, np.inf), {"V": X}, methods=("complex step",)))
    found = run(beside(1e15, 20), {"V": X}, methods=("complex step",))
    assert {c.name for c in found if not c.ok} == {": V"}


@pytest.mark.parametrize(
    ("forward", "slope", "x"),
    [
        (lambda x: x**2, lambda x: 2 * x, 1e6 * X),
        (lambda x: x**2, lambda x: 2 * x, 1e9 * X),
        (np.log, lambda x: 1 / x, 1e-6 * (1 + np.abs(X))),
        (np.log, lambda x: 1 / x, 1e-9 * (1 + np.abs(X))),
        (np.sqrt, lambda x: 0.5 / np.sqrt(x), 1e-7 * (1 + np.abs(X))),
        (np.exp, np.exp, X - 685),
    ],
)
@pytest.mark.parametrize("methods", [("complex step", *DIFFERENCES), DIFFERENCES])
@pytest.mark.filterwarnings("ignore:invalid value")
def test_numbers_far_from_one(forward, slope, x, methods):
    assert_ok(run(of(forward, slope), x=x, methods=methods))
    assert not any(c.ok for c in run(of(forward, lambda x: 1.001 * slope(x)), x=x, methods=methods))


def test_large_weights_and_large_outputs():
    def dense(factor):
        return Given(
            lambda p, x: x @ p["W"] + p["b"],
            lambda p, x, dy: (dy @ p["W"].T, {"W": x.T @ dy, "b": factor * dy.sum(axis=0)}),
        )

    for W, x in ((1e9 * X[:3], X), (X[:3], 1e9 * X)):
        assert_ok(run(dense(1), {"W": W, "b": ONES}, x))
        assert [c.name for c in run(dense(1.01), {"W": W, "b": ONES}, x) if not c.ok] == [": b", ": b"]


def test_what_differences_lose_in_rounding_is_no_verdict():
    found = run(beside(1e15, np.inf), {"V": X}, methods=("complex step", *DIFFERENCES))
    assert all(c.ok or c.unmeasured for c in found)


@pytest.mark.parametrize("methods", [("complex step", *DIFFERENCES), ("complex step",)])
@pytest.mark.parametrize("forward", [np.abs, lambda x: np.abs(np.asarray(x, object).astype(float))])
def test_a_forward_of_real_numbers_is_no_bug(forward, methods):
    layer = of(forward, np.sign)
    assert all(c.ok or c.unmeasured for c in run(layer, methods=methods))
    with pytest.raises(AssertionError, match=r"the checker finds \[\]"):
        catches(layer, {}, (X,), leaves={"input 0"}, methods=methods)
    catches(of(forward, lambda x: 2 * np.sign(x)), {}, (X,), leaves={"input 0"})


class Pair(tuple):
    """A tuple that is no record."""


RECORDS = np.zeros(2, [("a", float), ("n", int)])


@pytest.mark.parametrize(
    "thing",
    [
        RECORDS,
        RECORDS.view(np.recarray),
        RECORDS[0],
        array("d", [1.0]),
        memoryview(X),
        deque([1.0]),
        {1.0},
        frozenset([1.0]),
        Pair([X]),
        {"a": 1.0}.values(),
        {"a": X}.items(),
        [Fraction(1, 2)],
        [[[deque([X])]]],
    ],
)
def test_floats_in_any_container_are_named(thing):
    with pytest.raises(TypeError, match="input 1 is"):
        check(of(np.square, lambda x: 2 * x), {}, (X, thing), np.random.default_rng(0))


def test_containers_without_floats_and_long_chains_are_handed_through():
    chain = [1]
    for _ in range(3000):
        chain = [chain]
    for thing in (chain, {1}, deque([1]), array("i", [1]), np.zeros(2, [("n", int)]), range(3), Fraction(1, 2)):
        assert_ok(check(of(np.square, lambda x: 2 * x), {}, (X, thing), np.random.default_rng(0)))
    deep = {"W": X}
    for _ in range(3000):
        deep = {"a": deep}
    with pytest.raises(ValueError, match="nested too deep"):
        run(of(np.square, lambda x: 2 * x), deep)


def test_shared_things_are_walked_once():
    node = [np.ones(2)]
    for _ in range(60):
        node = [node, node]
    assert len(contents(node)) == 62


class Uncopied:
    """An argument with a lock, which refuses to be copied."""

    __slots__ = ("__dict__", "__hidden", "slot")

    def __init__(self):
        self.lock = threading.Lock()
        self.public, self._private, self.slot, self.__hidden = (np.arange(4.0) for _ in range(4))
        self.items, self.named = [1, np.ones(2)], {"a": np.ones(2), "b": 2}

    def all(self):
        return self.public, self._private, self.slot, self.__hidden, self.items[1], self.named["a"]

    def spoil(self):
        for a in self.all():
            a[...] = np.nan
        self.public = self.public[:2]
        self.slot = None
        self.items.append(3)
        del self.named["b"]
        self.extra = 1


class State(NamedTuple):
    arrays: list
    items: list
    named: dict


def state(u):
    return State([a.tolist() for a in u.all()], [np.size(i) for i in u.items], list(u.named))


def test_what_refuses_to_be_copied_comes_back_as_it_was():
    class Spoils:
        def forward(self, p, x, u):
            u.spoil()
            return x**2, x

        def backward(self, x, dy):
            return 2 * x * dy, {}

    u = Uncopied()
    before, held = state(u), u.all()
    found = check(Spoils(), {}, (X, u), np.random.default_rng(0))
    assert any("writes into inputs[1]" in c.hint for c in found)
    assert state(u) == before
    assert all(a is b for a, b in zip(u.all(), held, strict=True))
    assert not hasattr(u, "extra")
