"""Every layer, loss and model on the stand-in: forward and backward equal NumPy's to the last bit."""

import numpy as np
import pytest

from croco_np.backend import on_device
from croco_np.gradcheck.cases import at_blackboard, draw_batch
from croco_np.losses import LOSSES
from croco_np.models import MODELS
from croco_np.objective import Objective

from .moved import assert_same_bits, moved
from .one_pass import GROUPS, pulled, run


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("group", GROUPS)
def test_device_equals_host(group, dtype, gpu):
    for label, draw in GROUPS[group]().items():
        try:
            there = run(draw, lambda x: moved(x, gpu), dtype)
        except Exception as error:
            raise AssertionError(f"{label}: {error}") from error
        assert_same_bits(there, run(draw, lambda x: x, dtype))


STOPS = [(name, sizes) for name in ("pepnet", "stem") for sizes in ({}, *MODELS[name].variants)]
NOT_CHECKED = [  # by the gradient checker: their gradients are not the derivatives of their values
    ("ple", {"n_levels": 2, "shared_gate": "shared_only"}),
    ("adasparse", {"prune_penalty": 1.0}),
    ("adasparse", {"prune_mode": "binarization", "prune_penalty": 1.0}),
]


@pytest.mark.parametrize(("name", "sizes"), [*STOPS, *NOT_CHECKED], ids=str)
def test_options_that_the_groups_leave_out(name, sizes, gpu):
    """Above stop-gradients are open. Here they are closed, as in training; then the penalty joins the objective."""
    model, objective = at_blackboard(name, **sizes), Objective()

    def step(bring):
        rng = np.random.default_rng(2)
        params, batch = bring(model.init(rng)), bring(draw_batch(rng))
        out, cache = model.forward(params, batch)
        parts, d, _ = objective(out, batch)
        return parts, out, model.backward(cache, d), model.tracked(cache)

    assert_same_bits(step(lambda x: moved(x, gpu)), step(lambda x: x))


@pytest.mark.parametrize("n_rows", [0, 12])
@pytest.mark.parametrize("name", MODELS)
def test_rows_that_are_not_trained_on_and_none_at_all(name, n_rows, gpu):
    model = at_blackboard(name)

    def scored(bring):
        rng = np.random.default_rng(2)
        params, batch = bring(model.init(rng)), draw_batch(rng)._replace(training=False)
        batch = batch if n_rows else batch.only(slice(0, 0))._replace(domains=(slice(0, 0),) * len(batch.domains))
        out, cache = model.forward(params, bring(batch))
        return out, model.backward(cache, pulled(out))

    assert_same_bits(scored(lambda x: moved(x, gpu)), scored(lambda x: x))


@pytest.mark.parametrize("form", ["soft", "nuclear", "frobenius"])
def test_a_loss_that_is_not_a_number(form, gpu):
    """Training watches for it, so it has to come out, and on the device."""
    o = np.ones((6, 3, 2))
    o[1, 1] = np.nan
    there, here = LOSSES["ole"].loss(moved(o, gpu), form), LOSSES["ole"].loss(o, form)
    assert on_device(there[1])
    assert np.isnan(here[0])
    assert_same_bits(there, here)
