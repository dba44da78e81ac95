"""The pull of a loss beside the cross-entropy, held against gradients that are worked out by hand."""

import numpy as np
import pytest

from croco_np.diagnostics import pull
from croco_np.errors import InputError
from croco_np.gradcheck.cases import at_blackboard, draw_batch
from croco_np.layers.reading import Reading
from croco_np.models import MODELS, Output
from croco_np.models.twins import forms
from croco_np.objective import Objective
from croco_np.tree import RowGrad, flatten

CASES = [(name, tap) for name, system in MODELS.items() for tap in system.taps]


class Plain:
    """A model whose expert outputs are its parameters: z_i = sum of o_i. Hence dBCE/do_imk = dz_i."""

    taps = ("experts",)

    def forward(self, params, batch):
        return Output(params["o"].sum(axis=(1, 2)), experts=params["o"]), params["o"]

    def backward(self, o, d):
        d.experts.keep(np.broadcast_to(d.logits[:, None, None], o.shape))
        return {}


def test_by_hand():
    """Two rows, two experts of width 1. All outputs 0: p = 1/2, dz = -+1/4, dBCE/do = -+1/4 four times, norm 1/2."""
    batch = draw_batch(np.random.default_rng(0))
    batch = batch._replace(labels=np.array([0.0, 1.0]), domains=(slice(0, 2), *[slice(2, 2)] * 3), ids=batch.ids[:2])
    o = np.array([[[2.0], [-2.0]], [[-2.0], [2.0]]])  # of sum 0. The dot product: do_p = o_q / (P B), P = 1: norm 2
    assert pull(Plain(), {"o": o}, [batch], Objective(alpha=1.0, loss="dot")) == 4.0
    assert pull(Plain(), {"o": o}, [batch, batch], Objective(alpha=0.25, loss="dot")) == 1.0


@pytest.mark.parametrize(("name", "tap"), CASES)
def test_a_reading_is_all_that_comes_to_a_tap(name, tap):
    """What pulls against it with the same strength stops every gradient below; the reading itself changes none."""
    for model in forms(at_blackboard(name)).values():
        rng = np.random.default_rng(1)
        params, batch, reading = model.init(rng), draw_batch(rng), Reading()
        out, cache = model.forward(params, batch)
        dz = rng.standard_normal(len(out.logits))
        alone = flatten(model.backward(cache, Output(dz)))
        read = flatten(model.backward(cache, Output(dz, **{tap: reading})))
        assert all(np.array_equal(values(alone[path]), values(read[path])) for path in alone)
        against = -reading.gradient / out.gates if tap == "gates" else -reading.gradient
        left = flatten(model.backward(cache, Output(dz, **{tap: against})))
        below = [path for path in alone if path.split(".")[0] in BELOW[tap]]
        assert below
        for path in below:
            assert np.abs(values(left[path])).max() <= 1e-12 * max(1, np.abs(values(alone[path])).max()), path


BELOW = {"experts": ("experts", "shared", "specific", "sei"), "gates": ("gates",)}


def values(gradient):
    return gradient.values if isinstance(gradient, RowGrad) else gradient


def test_proportional_to_alpha_and_over_all_batches():
    model = at_blackboard("crocodile")
    params, rng = model.init(np.random.default_rng(0)), np.random.default_rng(2)
    batches = [draw_batch(rng) for _ in range(3)]
    for loss in ("covariance", "importance", "trans5"):
        one = pull(model, params, batches, Objective(alpha=1.0, loss=loss))
        assert np.isclose(pull(model, params, iter(batches), Objective(alpha=0.01, loss=loss)), 0.01 * one, rtol=1e-12)
        each = [pull(model, params, [batch], Objective(alpha=1.0, loss=loss)) for batch in batches]
        assert min(each) < one < max(each)


def test_a_loss_is_measured_with_its_own_parameters_where_it_has_some():
    model, batch = at_blackboard("crocodile"), draw_batch(np.random.default_rng(0))
    params, objective = model.init(np.random.default_rng(0)), Objective(alpha=1.0, loss="trans5")
    drawn = objective.init(np.random.default_rng(0), model.forward(params, batch)[0])
    as_drawn = pull(model, params, [batch], objective)
    assert pull(model, params | {"loss": drawn}, [batch], objective) == as_drawn
    assert pull(model, params | {"loss": {"W": 2 * drawn["W"]}}, [batch], objective) != as_drawn


@pytest.mark.parametrize(
    ("name", "objective"),
    [
        ("shared_bottom", Objective(alpha=1.0)),
        ("crocodile", Objective()),
        ("hinet", Objective(alpha=1.0, loss="importance")),
    ],
)
def test_nothing_to_measure(name, objective):
    model = at_blackboard(name)
    with pytest.raises(InputError, match="no loss to measure"):
        pull(model, model.init(np.random.default_rng(0)), [], objective)


def test_no_rows():
    model = at_blackboard("crocodile")
    with pytest.raises(InputError, match="no gradient at the experts"):
        pull(model, model.init(np.random.default_rng(0)), [], Objective(alpha=1.0))
