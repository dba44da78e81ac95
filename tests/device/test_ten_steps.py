"""Ten training steps of every system on the stand-in: loss, parameters and moments equal NumPy's to the last bit."""

import numpy as np
import pytest

from croco_np.gradcheck.cases import at_blackboard, draw_batch
from croco_np.models import MODELS
from croco_np.objective import Objective
from croco_np.optim import Adam
from croco_np.tree import tree_map

from .moved import assert_same_bits, moved

HALF = (slice(0, 3), slice(3, 3), slice(3, 3), slice(3, 6))


def batches(rng):
    """Ten batches, some of them small: rows of tables then sleep, and are caught up with."""
    for i in range(10):
        batch = draw_batch(rng)
        if i % 3:
            at = [*range(3), *range(7, 10)]
            batch = batch._replace(
                ids=batch.ids[at], labels=batch.labels[at], prior_ids=batch.prior_ids[at], domains=HALF
            )
        yield batch._replace(labels=batch.labels.astype(np.float32))


def ten_steps(model, optimiser, objective, bring):
    rng = np.random.default_rng(5)
    params = model.init(rng)
    if objective.has_parameters:
        params["loss"] = objective.init(rng, model.forward(params, draw_batch(rng))[0])
    params = tree_map(lambda w: bring(w.astype(np.float32)), params)
    state, losses = optimiser.init(params), []
    for batch in map(bring, batches(rng)):
        optimiser.catch_up(params, model.reads(batch), state)
        out, cache = model.forward(params, batch)
        parts, d, own = objective(out, batch, rng, params.get("loss") if objective.has_parameters else None)
        grads = model.backward(cache, d)
        if own:
            grads["loss"] = own
        optimiser.step(params, grads, state, defer=True, tracked=model.tracked(cache))
        losses.append(parts["total"])
    optimiser.settle(params, state)
    return losses, params, state


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
