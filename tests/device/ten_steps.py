"""Ten training steps of a model, where its arrays are brought to."""

import numpy as np

from croco_np.gradcheck.cases import draw_batch
from croco_np.tree import tree_map

HALF = (slice(0, 3), slice(3, 3), slice(3, 3), slice(3, 6))


def batches(rng, dtype=np.float32):
    """Ten batches, some of them small: rows of tables then sleep, and are caught up with."""
    for i in range(10):
        batch = draw_batch(rng)
        if i % 3:
            at = [*range(3), *range(7, 10)]
            batch = batch._replace(
                ids=batch.ids[at], labels=batch.labels[at], prior_ids=batch.prior_ids[at], domains=HALF
            )
        yield batch._replace(labels=batch.labels.astype(dtype))


def ten_steps(model, optimiser, objective, bring, dtype=np.float32):
    """(loss of each step, parameters, state of the optimiser), from parameters of one seed."""
    rng = np.random.default_rng(5)
    params = model.init(rng)
    if objective.has_parameters:
        params["loss"] = objective.init(rng, model.forward(params, draw_batch(rng))[0])
    params = tree_map(lambda w: bring(w.astype(dtype)), params)
    state, losses = optimiser.init(params), []
    for batch in map(bring, batches(rng, dtype)):
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
