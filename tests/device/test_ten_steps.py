"""Ten training steps of every system on the stand-in: loss, parameters and moments equal NumPy's to the last bit."""

import numpy as np
import pytest

from croco_np.gradcheck.cases import at_blackboard
from croco_np.models import MODELS
from croco_np.objective import Objective
from croco_np.optim import Adam
from croco_np.tree import tree_map

from .moved import assert_same_bits, moved
from .ten_steps import batches, ten_steps


@pytest.mark.parametrize("name", MODELS)
def test_ten_steps_equal_the_hosts(name, gpu):
    model, optimiser = at_blackboard(name), Adam(lr=0.1, l2=0.01)
    objective = Objective("domain_mean", alpha=0.1, rows=5)
    there = ten_steps(model, optimiser, objective, lambda x: moved(x, gpu))
    assert_same_bits(there, ten_steps(model, optimiser, objective, lambda x: x))


@pytest.mark.parametrize("loss", ["trans5", "importance", "ole", "distance_correlation"])
def test_ten_steps_under_other_losses(loss, gpu):
    objective = Objective("dataset_mean", (5, 1, 0, 6), alpha=0.1, loss=loss)
    there = ten_steps(at_blackboard("crocodile"), Adam(lazy=True), objective, lambda x: moved(x, gpu))
    assert_same_bits(there, ten_steps(at_blackboard("crocodile"), Adam(lazy=True), objective, lambda x: x))


def test_the_closed_form_of_deferred_steps(gpu):
    """From step 170 on the series is good: rows that slept a while are caught up with by it, on the device as here."""
    model, optimiser, objective = at_blackboard("shared_bottom"), Adam(lr=0.01), Objective()

    def late(bring):
        rng = np.random.default_rng(1)
        params = tree_map(bring, model.init(rng))
        state = optimiser.init(params)
        state["t"] = 1000
        for batch in map(bring, batches(rng)):
            optimiser.catch_up(params, model.reads(batch), state)
            out, cache = model.forward(params, batch)
            optimiser.step(params, model.backward(cache, objective(out, batch)[1]), state, defer=True)
        optimiser.settle(params, state)
        return params, state

    assert_same_bits(late(lambda x: moved(x, gpu)), late(lambda x: x))
