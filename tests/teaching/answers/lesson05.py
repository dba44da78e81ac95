"""Wrong answers to tutorial 5, Put Crocodile together."""

import numpy as np

from croco_np.models.output import merge
from croco_np.teaching.solutions.lesson05 import my_domain_mean as domain_mean


def backward(model, c, d, roads=("gates", "cov"), shares=True, prior=True):
    dh, towers = model.towers.backward(c.towers, d.logits[:, None])
    (de, do), gates = model.gates.backward(c.gates, (dh, d.gates if shares else None))
    _, prior_grads = model.prior.backward(c.prior, de[:, None] if prior else 0 * de[:, None])
    do = do if "gates" in roads else 0 * do
    if "cov" in roads:
        do = merge(do, d.experts)
    if "cov twice" in roads:
        do = merge(do, d.experts)
    dx, experts = model.experts.backward(c.experts, do)
    _, embeddings = model.embeddings.backward(c.embeddings, dx)
    return {"embeddings": embeddings, "experts": experts, "prior": prior_grads, "gates": gates, "towers": towers}


def without_towers(model, c, d):
    grads = backward(model, c, d)
    return {name: g for name, g in grads.items() if name != "towers"}


def numbered(model, c, d):
    grads = backward(model, c, d)
    return grads | {"gates": {str(s): own for s, own in enumerate(grads["gates"])}}


def shared(domains):
    return domain_mean(domains) / sum(s.stop > s.start for s in domains)


def pair_of_experts(model, c, d):
    """What experts.backward returned, whole: the gradient of x stands in it as well."""
    grads = backward(model, c, d)
    return grads | {"experts": (None, grads["experts"])}


def nested_prior(model, c, d):
    grads = backward(model, c, d)
    return grads | {"prior": {"prior": grads["prior"]}}


def with_more_in_a_gate(grads):
    return grads | {"gates": [own | {"x": 0.0} for own in grads["gates"]]}


def forgets_axis_of_logits(model, c, d):
    return model.towers.backward(c.towers, d.logits)


def forgets_axis_of_prior(model, c, d):
    dh, _ = model.towers.backward(c.towers, d.logits[:, None])
    (de, _), _ = model.gates.backward(c.gates, (dh, d.gates))
    return model.prior.backward(c.prior, de)


def no_pair_for_gates(model, c, d):
    dh, _ = model.towers.backward(c.towers, d.logits[:, None])
    return model.gates.backward(c.gates, dh)


def adds_none(model, c, d):
    dh, _ = model.towers.backward(c.towers, d.logits[:, None])
    (_, do), _ = model.gates.backward(c.gates, (dh, d.gates))
    return do + d.experts


WRONG = {
    "5.1": {
        "CovLoss's road dropped": lambda model, c, d: backward(model, c, d, roads=("gates",)),
        "the tower's road dropped": lambda model, c, d: backward(model, c, d, roads=("cov",)),
        "CovLoss's road twice": lambda model, c, d: backward(model, c, d, roads=("gates", "cov", "cov twice")),
        "the shares' gradient dropped": lambda model, c, d: backward(model, c, d, shares=False),
        "the gradient of x as well": lambda model, c, d: backward(model, c, d) | {"x": 0.0},
        "a gradient within gates too many": lambda model, c, d: with_more_in_a_gate(backward(model, c, d)),
        "the prior learns nothing": lambda model, c, d: backward(model, c, d, prior=False),
        "no gradients of the towers": without_towers,
        "a dict in the place of a list": numbered,
        "a layer's pair in the place of its gradients": pair_of_experts,
        "one level too many": nested_prior,
        "a forgotten axis of the logits": forgets_axis_of_logits,
        "a forgotten axis of the prior": forgets_axis_of_prior,
        "the gates given no pair": no_pair_for_gates,
        "None added": adds_none,
        "a pair": lambda model, c, d: (None, backward(model, c, d)),
    },
    "5.2": {
        "batch mean": lambda domains: np.full(9, 1 / 9),
        "mean over the domains": shared,
        "rows over the square of the domains": lambda d: (
            domain_mean(d) * d[-1].stop / sum(s.stop > s.start for s in d) ** 2
        ),
        "a weight for each domain": lambda domains: np.array([1 / max(s.stop - s.start, 1) for s in domains]),
        "divides by absent domains": lambda domains: np.concatenate(
            [[1 / (s.stop - s.start)] * (s.stop - s.start) for s in domains]
        ),
        "weights grow with the domain": lambda domains: np.concatenate(
            [np.full(s.stop - s.start, (s.stop - s.start) / 9) for s in domains]
        ),
    },
    "5.3": {"half": 50, "one too few": 14, "a quarter": 25, "a share": 0.15},
}
