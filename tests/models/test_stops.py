"""Stop-gradients, open and closed: the numeric check passes with them open, exact zeros hold with them closed."""

from dataclasses import replace

import numpy as np
import pytest

from croco_np.gradcheck import check
from croco_np.gradcheck.cases import at_blackboard, draw_batch, model_cases
from croco_np.gradcheck.stops import stop_checks
from croco_np.models import MODELS
from croco_np.models.pepnet import PEPNet
from croco_np.models.stem import STEM
from croco_np.tree import tree_map

STOPPED = ("stem", "pepnet")


def build(name):
    rng = np.random.default_rng(0)
    model = at_blackboard(name)
    p = tree_map(lambda w: w + 0.3 * rng.standard_normal(w.shape), model.init(rng))
    return model, p, draw_batch(rng), rng


def test_every_model_with_a_stop_is_checked_closed():
    assert {name for name in MODELS if hasattr(build(name)[0], "stop")} == set(STOPPED)
    for name in STOPPED:
        assert all("stop-gradients open" in case for case in model_cases(name))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", STOPPED)
def test_closed_stops_leave_exact_zeros(name, seed):
    checks = stop_checks(name, seed)
    assert checks
    assert all(c.ok for c in checks), checks
    assert all(c.error == 0 for c in checks)


@pytest.mark.parametrize("name", STOPPED)
def test_a_stop_does_not_change_the_forward(name):
    model, p, batch, _ = build(name)
    closed, opened = (m.forward(p, batch)[0].logits for m in (model, replace(model, stop=False)))
    assert np.array_equal(closed, opened)


@pytest.mark.parametrize("name", STOPPED)
def test_the_numeric_check_sees_a_closed_stop(name):
    """A stopped backward is not the derivative of its forward, and the numeric check says so of some leaf."""
    model, p, batch, rng = build(name)
    assert not all(c.ok for c in check(model, p, (batch,), rng))


def test_the_check_sees_a_leak_in_stem(monkeypatch):
    monkeypatch.setattr(STEM, "teaches", property(lambda self: np.ones((4, self.experts.n_experts))))
    assert not any(c.ok for c in stop_checks("stem", 0))


def test_the_check_sees_a_leak_in_pepnet(monkeypatch):
    """A backward that forgets the stops, for the embeddings alone."""
    backward = PEPNet.backward

    def leaky(self, c, d):
        grads = backward(self, c, d)
        table = backward(replace(self, stop=False), c, d)["embeddings"]["table"]
        return grads | {"embeddings": {"table": table}}

    monkeypatch.setattr(PEPNet, "backward", leaky)
    wrong = {c.name for c in stop_checks("pepnet", 0) if not c.ok}
    assert {"pepnet, PPNet's gates closed: embeddings.table", "pepnet, EPNet's gate closed: embeddings.table"} <= wrong


def test_the_check_says_when_it_proves_nothing(monkeypatch):
    """With towers that are zero nothing arrives anywhere, stopped or not."""
    monkeypatch.setattr("croco_np.gradcheck.stops._bend", lambda p, rng: tree_map(np.zeros_like, p))
    checks = stop_checks("stem", 0)
    assert not any(c.ok for c in checks)
    assert {c.hint for c in checks} == {"nothing arrives, open or closed"}
