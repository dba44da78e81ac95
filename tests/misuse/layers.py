"""Every layer, loss and model with arguments gone wrong; run as a program, like `kernels`. All must be refused."""

from functools import partial
from itertools import chain

import numpy as np
from mutants import BAD_SLICES, OPEN_SLICES, must_be_refused, report, resized, wrong_floats, wrong_ids

from croco_np import losses
from croco_np.gradcheck.cases import SCHEMA, at_blackboard, draw_batch, layer_cases, loss_cases
from croco_np.kernels.mix import softmax_backward
from croco_np.layers import PartitionedNorm, add_own, domain_ids, own
from croco_np.models import MODELS, Output
from croco_np.tree import flatten, with_leaves


def is_legal(layer, i, label):
    """Experts may all read one input, and these gates mix experts of any width."""
    any_width = ("ScalarGate", "ScenarioAttention")
    one_for_all = (layer, label) == ("Experts", "axis 1 of length 1")
    return one_for_all or (i == 2 and layer.startswith(any_width) and label.startswith("axis 2"))


def of_layers():
    for name, draw in layer_cases().items():
        rng = np.random.default_rng(0)
        layer, params, inputs = draw(rng)
        y, cache = layer.forward(params, *inputs)
        n_arrays = sum(isinstance(x, np.ndarray) for x in inputs) + any(isinstance(x, tuple) for x in inputs)
        for i, x in enumerate(inputs):
            if isinstance(x, tuple):
                bad = {label: spoil(x) for label, spoil in BAD_SLICES.items()}
            elif not isinstance(x, np.ndarray):
                continue
            elif x.dtype.kind == "i":
                bad = wrong_ids(x, 4)
            else:
                bad = wrong_floats(x, lengths=n_arrays > 1)
                bad = {label: b for label, b in bad.items() if not is_legal(name, i, label)}
            for label, b in bad.items():
                changed = (*inputs[:i], b, *inputs[i + 1 :])
                yield f"{name}: input {i}: {label}", partial(layer.forward, params, *changed)
        for path, w in flatten(params).items():
            for label, b in resized(w).items():
                changed = with_leaves(params, {path: b})
                yield f"{name}: {path}: {label}", partial(layer.forward, changed, *inputs)
        ys = y if isinstance(y, tuple) else (y,)
        for i, dy in enumerate(ys):
            for label, b in wrong_floats(np.ones_like(dy)).items():
                d = tuple(b if j == i else np.ones_like(a) for j, a in enumerate(ys))
                d = d if isinstance(y, tuple) else d[0]
                yield f"{name}: gradient of output {i}: {label}", partial(layer.backward, cache, d)


def of_losses():
    for name in losses.LOSSES:
        for case, draw in loss_cases(name).items():
            loss, params, (o,) = draw(np.random.default_rng(0))
            for label, b in wrong_floats(o, lengths=False).items():
                single = label.startswith("axis") or (name == "importance" and label.startswith("an axis"))
                if not single or (name == "trans5" and label != "axis 0 longer"):
                    yield f"{case}: {label}", partial(loss.forward, params, b)
    o, W = np.ones((6, 3, 2)), np.ones((3, 2, 2))
    for label, b in resized(W).items():
        yield f"trans5: W: {label}", partial(losses.trans5, o, b)
    for loss in (losses.covariance, losses.distance_correlation):
        for rows in ([0, 0], [-1], [6], [0.5], [[0, 1]], [True] * 6, "01"):
            yield f"{loss.__name__}: rows {rows}", partial(loss, o, rows=rows)
    z, y, w = np.ones(4), np.ones(4), np.ones(4)
    for i, name in enumerate("zyw"):
        for label, b in (resized(z) | {"a column": z[:, None], "a number": 1.0}).items():
            yield f"bce: {name}: {label}", partial(losses.bce, *(b if j == i else a for j, a in enumerate((z, y, w))))
    for bad in ([-1, 0, 1, 1], [7, 0, 1, 1], [0.5, 0, 1, 1], np.ma.ones(4), np.ones(4, object), ["1"] * 4):
        yield f"bce: labels {bad}", partial(losses.bce, z, bad, w)
    for name, loss in losses.LOSSES.items():
        for shape in ((4, 2, 0), (4, 0, 3)):
            params = {"W": np.ones((1, shape[2], shape[2]))} if loss.init else {}
            yield f"{name}: {shape}", partial(loss.loss, np.ones(shape), **params)
    slices = (slice(0, 2), slice(2, 4))
    for label, spoil in (BAD_SLICES | OPEN_SLICES).items():
        if label not in ("one less", "one more", "one row too few", "beyond the end"):  # are another batch
            yield f"row_weights: {label}", partial(losses.row_weights, spoil(slices), "batch_mean")
    for rows in ((1,), (1, 2, 3), 4, None, (-1, 5), (np.nan, 5), (np.inf, 5), ("1", "2"), np.ma.ones(2)):
        yield f"row_weights: rows {rows}", partial(losses.row_weights, slices, "dataset_mean", rows)


def of_models():
    """Batches whose parts do not fit each other, and gradients that do not fit the batch."""
    for name in MODELS:
        rng = np.random.default_rng(0)
        model, batch = at_blackboard(name), draw_batch(rng)
        params = model.init(rng)
        out, cache = model.forward(params, batch)
        for label, ids in wrong_ids(batch.ids, SCHEMA.vocabulary[0]).items():
            yield f"{name}: ids: {label}", partial(model.forward, params, batch._replace(ids=ids))
        for label, spoil in BAD_SLICES.items():
            b = batch._replace(domains=spoil(batch.domains))
            yield f"{name}: domains: {label}", partial(model.forward, params, b)
        for label, z in resized(out.logits).items():
            yield f"{name}: gradient: {label}", partial(model.backward, cache, Output(z))


def of_routing():
    x, slices = np.ones((4, 2, 3)), (slice(0, 2), slice(2, 4))
    for tables in ((-1, 0), (0, 2), (0.0, 1), (0,)):
        yield f"own: tables {tables}", partial(own, x, slices, tables)
        yield f"add_own: tables {tables}", partial(add_own, x.copy(), slices, tables, np.ones((4, 3)))
    yield "add_own: down in dx", partial(add_own, x, slices, (1, 0), x[:, 0])
    norm = PartitionedNorm(3, 2)
    for label, spoil in OPEN_SLICES.items():
        yield f"domain_ids: {label}", partial(domain_ids, spoil(slices))
        yield f"PartitionedNorm: {label}", partial(norm.forward, norm.init(None), spoil(slices), x[:, 0])
    for label, spoil in BAD_SLICES.items():
        b = spoil(slices)
        yield f"own: {label}", partial(own, x, b, (0, 1))
        yield f"add_own: {label}", partial(add_own, x.copy(), b, (0, 1), np.ones((4, 3)))
        if label not in ("one less", "one more", "one row too few", "beyond the end"):  # are another batch
            yield f"domain_ids: {label}", partial(domain_ids, b)
    for shape in ((4, 1), (3, 3), (1, 3), (3,)):
        yield f"add_own: {shape}", partial(add_own, x.copy(), slices, (0, 1), np.ones(shape))
        yield f"softmax_backward: {shape}", partial(softmax_backward, np.ones((4, 3)), np.ones(shape))


if __name__ == "__main__":
    report(chain(of_layers(), of_losses(), of_models(), of_routing()), must_be_refused)
