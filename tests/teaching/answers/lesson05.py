"""Answers to tutorial 5."""

import numpy as np

from croco_np.models.output import merge

from . import Answer


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


def domain_mean(domains):
    return np.concatenate([np.full(s.stop - s.start, 1 / max(s.stop - s.start, 1)) for s in domains])


def shared(domains):
    return domain_mean(domains) / sum(s.stop > s.start for s in domains)


ANSWERS = {
    "5.1": Answer(
        backward,
        {
            "CovLoss's road dropped": lambda model, c, d: backward(model, c, d, roads=("gates",)),
            "the tower's road dropped": lambda model, c, d: backward(model, c, d, roads=("cov",)),
            "CovLoss's road twice": lambda model, c, d: backward(model, c, d, roads=("gates", "cov", "cov twice")),
            "the shares' gradient dropped": lambda model, c, d: backward(model, c, d, shares=False),
            "the prior learns nothing": lambda model, c, d: backward(model, c, d, prior=False),
            "no gradients of the towers": without_towers,
            "a pair": lambda model, c, d: (None, backward(model, c, d)),
        },
    ),
    "5.2": Answer(
        domain_mean,
        {
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
    ),
    "5.3": Answer(15, {"half": 50, "one too few": 14, "a quarter": 25, "a share": 0.15}),
}
