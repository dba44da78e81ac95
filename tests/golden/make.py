"""Write the golden files: what PyTorch computes for every system and loss, for `tests/test_golden.py` to compare with.

    python tests/golden/make.py [file ...]     needs torch; the tests do not

An independent witness: nothing of the package is imported, every system is written down once more from its equations,
gradients come from autograd and steps from `torch.optim`. Where there is a choice, it takes the other road than the
package: rows in any order, every domain's branch on every row and then a selection, loops over pairs of experts.

A system is a function(p, batch) -> taps, entered in `SYSTEMS`; a loss is a function(tap, ...) -> scalar, entered in
`LOSSES`. Parameters have the package's paths and shapes, and are drawn where the function first asks for them.
"""

import json
import math
import sys
from functools import partial
from itertools import combinations, combinations_with_replacement
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F

FOLDER = Path(__file__).parent

SCHEMA = {
    "fields": ["user", "item", "category", "domain"],
    "vocabulary": [9, 7, 3, 5],
    "user": "user",
    "item": "item",
    "domain": "domain",
    "domains": ["a", "b", "c", "d"],
    "context": ["category"],
}
VOCABULARY, PRIOR_FIELDS, N_DOMAINS, N_ROWS = SCHEMA["vocabulary"], [0, 1, 3], 4, 16
DOMAIN_COUNTS = [9, 1, 0, 6], [5, 0, 4, 7], [1, 10, 5, 0]  # of three batches: each lacks a domain

N_EXPERTS, EMBEDDING_WIDTH, PRIOR_WIDTH, EXPERT_SIZES, TOWER_SIZES = 4, 2, 2, [6, 5], [4]
WIDTH = EXPERT_SIZES[-1]
SIZES = {
    "n_experts": N_EXPERTS,
    "embedding_width": EMBEDDING_WIDTH,
    "embedding_std": 1.0,
    "expert_sizes": EXPERT_SIZES,
    "tower_sizes": TOWER_SIZES,
    "prior_width": PRIOR_WIDTH,
}
ONE_LEVEL = {"n_specific": 2, "n_shared": 1, "n_levels": 1, "shared_gate": "all"}  # 2 and 1: the order shows
TWO_LEVELS = ONE_LEVEL | {"n_levels": 2}
SHARED_ONLY = TWO_LEVELS | {"n_specific": 1, "n_shared": 2, "shared_gate": "shared_only"}  # that gate has a choice of 2

COV_ROWS = [1, 3, 4, 8, 10, 11, 15]
OBJECTIVES = {
    "domain mean": {"reduction": "domain_mean", "alpha": 0.05},
    "sampled": {"reduction": "batch_mean", "alpha": 0.05, "cov_rows": len(COV_ROWS)},
    "dataset mean": {"reduction": "dataset_mean", "domain_rows": [900, 20, 300, 4000]},
}
STEPS, LR, B1, B2, EPS = 10, 0.01, 0.9, 0.999, 1e-8


class Batch(NamedTuple):
    ids: torch.Tensor
    domains: torch.Tensor
    labels: torch.Tensor


class Parameters(dict):
    """Path -> leaf tensor, drawn at the first request. `touched` holds the rows of each table last looked up.

    A row holds all M embeddings of a value and is looked up as a whole, so it is touched if any of the M is: with
    `lazy_adam`, the embeddings of it whose gradient is 0 (those of other domains, in ME-PLE and STEM) decay as well.

    `moved` holds, for each value that is tracked and not trained, what it is after the step under way.
    """

    def __init__(self, *args):
        super().__init__(*args)
        self.touched, self.moved = {}, {}

    def __call__(self, path, *shape, std):
        if path not in self:
            self[path] = (std * torch.randn(shape)).requires_grad_()
        return self[path]

    def tracked(self, path, start):
        return self.setdefault(path, start)

    @property
    def trained(self):
        return {path: w for path, w in self.items() if w.requires_grad}

    def copy(self):
        return Parameters({path: w.detach().clone().requires_grad_(w.requires_grad) for path, w in self.items()})


# Pieces of systems


def dense(p, path, x, n_out, bias=True):
    """x W (+ b), for x (B, n_in), or for x (B, M, n_in) with M copies of W and b, one an expert."""
    copies, n_in = x.shape[1:-1], x.shape[-1]
    y = torch.einsum("b...i,...io->b...o", x, p(f"{path}.W", *copies, n_in, n_out, std=1.2 / math.sqrt(n_in)))
    return y + p(f"{path}.b", *copies, n_out, std=0.3) if bias else y


def mlp(p, path, x, sizes):
    """ReLU after every layer, the last one too."""
    for i, n_out in enumerate(sizes):
        x = F.relu(dense(p, f"{path}.{i}", x, n_out))
    return x


def lookup(p, path, ids, vocabulary, n_tables, width):
    """ids (B, F) -> (B, M, F E). Row v of field f lies below all the rows of the fields before f."""
    rows = ids + torch.tensor([sum(vocabulary[:f]) for f in range(len(vocabulary))])
    p.touched[f"{path}.table"] = rows.unique()
    return p(f"{path}.table", sum(vocabulary), n_tables, width, std=1.0)[rows].transpose(1, 2).flatten(2)


def gate(p, path, x, n_out, sizes):
    """Logits: one linear layer, or one after hidden layers of the given sizes."""
    return dense(p, f"{path}.logits", mlp(p, f"{path}.hidden", x, sizes), n_out) if sizes else dense(p, path, x, n_out)


def own(branch, batch):
    """Every domain's branch(s) on every row; row i keeps that of its own domain."""
    return torch.stack([branch(s) for s in range(N_DOMAINS)])[batch.domains, torch.arange(N_ROWS)]


def tower(p, path, h):
    return dense(p, f"{path}.logit", mlp(p, f"{path}.hidden", h, TOWER_SIZES), 1)[:, 0]


# Systems: function(p, batch) -> {"logits": (B,), and the taps that the package names}


def crocodile(p, batch, n_shares, n_tables=N_EXPERTS):
    """n_shares = K: one share for each dimension of an expert (PEG); 1: one for the expert (PG)."""
    x = lookup(p, "embeddings", batch.ids, VOCABULARY, n_tables, EMBEDDING_WIDTH).expand(-1, N_EXPERTS, -1)
    o = mlp(p, "experts", x, EXPERT_SIZES)
    vocabulary = [VOCABULARY[f] for f in PRIOR_FIELDS]
    e = lookup(p, "prior", batch.ids[:, PRIOR_FIELDS], vocabulary, 1, PRIOR_WIDTH)[:, 0]
    a = own(lambda s: dense(p, f"gates.{s}", e, N_EXPERTS * n_shares, bias=False), batch)
    g = F.softmax(a.unflatten(1, (N_EXPERTS, n_shares)), dim=1)
    h = (g * o).sum(1)
    z = own(lambda s: tower(p, f"towers.{s}", h), batch)
    return {"logits": z, "experts": o, "gates": g if n_shares > 1 else g[..., 0]}


def mmoe(p, batch, n_tables, gate_sizes=()):
    """n_tables = 1: MMoE; N_EXPERTS: ME-MMoE, where the gate of domain s reads table s."""
    x = lookup(p, "embeddings", batch.ids, VOCABULARY, n_tables, EMBEDDING_WIDTH).expand(-1, N_EXPERTS, -1)
    o = mlp(p, "experts", x, EXPERT_SIZES)
    g = F.softmax(own(lambda s: gate(p, f"gates.{s}", x[:, s], N_EXPERTS, gate_sizes), batch), dim=1)
    h = torch.einsum("bm,bmk->bk", g, o)
    return {"logits": own(lambda s: tower(p, f"towers.{s}", h), batch), "experts": o, "gates": g}


def shared_bottom(p, batch):
    t = mlp(p, "bottom", lookup(p, "embeddings", batch.ids, VOCABULARY, 1, EMBEDDING_WIDTH)[:, 0], EXPERT_SIZES)
    return {"logits": own(lambda s: tower(p, f"towers.{s}", t), batch)}


def single_domain(p, batch):
    """S shared bottoms with one tower each. Here every one runs on every row; its own rows are those that count."""

    def branch(s):
        x = lookup(p, f"{s}.embeddings", batch.ids, VOCABULARY, 1, EMBEDDING_WIDTH)[:, 0]
        # What counts is touched: `lazy_adam` has nothing to do for the table of an absent domain.
        lookup(p, f"{s}.embeddings", batch.ids[batch.domains == s], VOCABULARY, 1, EMBEDDING_WIDTH)
        return tower(p, f"{s}.towers.0", mlp(p, f"{s}.bottom", x, EXPERT_SIZES))

    return {"logits": own(branch, batch)}


def readers(n_specific, n_shared):
    """The path (or table) that each expert reads: n_specific for each domain, then n_shared for path S."""
    return [s for s in range(N_DOMAINS) for _ in range(n_specific)] + [N_DOMAINS] * n_shared


def mix(p, path, x, o, gate_sizes):
    """Softmax gate on x over the experts o (B, M, K): mixture and shares."""
    g = F.softmax(gate(p, path, x, o.shape[1], gate_sizes), dim=1)
    return torch.einsum("bm,bmk->bk", g, o), g


def ple(p, batch, n_specific, n_shared, n_levels, shared_gate, multi_embedding=False, gate_sizes=()):
    """Paths 0 to S - 1 are the domains', path S is the shared one. All of them start alike, or each with its table."""
    n_tables = N_DOMAINS + 1 if multi_embedding else 1
    x = lookup(p, "embeddings", batch.ids, VOCABULARY, n_tables, EMBEDDING_WIDTH).expand(-1, N_DOMAINS + 1, -1)
    reads = readers(n_specific, n_shared)
    for level in range(n_levels - 1):
        o = mlp(p, f"levels.{level}.experts", x[:, reads], EXPERT_SIZES)
        mixtures = []
        for path in range(N_DOMAINS + 1):
            every = path == N_DOMAINS and shared_gate == "all"
            used = [m for m, r in enumerate(reads) if every or r in (path, N_DOMAINS)]
            mixtures.append(mix(p, f"levels.{level}.gates.{path}", x[:, path], o[:, used], gate_sizes)[0])
        x = torch.stack(mixtures, dim=1)
    shared = mlp(p, "shared", x[:, N_DOMAINS:].expand(-1, n_shared, -1), EXPERT_SIZES)

    def last(s):
        specific = mlp(p, f"specific.{s}", x[:, s : s + 1].expand(-1, n_specific, -1), EXPERT_SIZES)
        return mix(p, f"gates.{s}", x[:, s], torch.cat([specific, shared], dim=1), gate_sizes)

    return {
        "logits": own(lambda s: tower(p, f"towers.{s}", last(s)[0]), batch),
        "gates": own(lambda s: last(s)[1], batch),
    }


def stem(p, batch, n_specific, n_shared, gate_sizes=()):
    """`flow`: the expert outputs as the rows of domain s see them, which teach the experts of s and the shared ones.

    The tap is `flow` too: what pulls on the outputs of foreign experts is stopped like the rest.
    """
    x = lookup(p, "embeddings", batch.ids, VOCABULARY, N_DOMAINS + 1, EMBEDDING_WIDTH)
    reads = readers(n_specific, n_shared)
    o = mlp(p, "experts", x[:, reads], EXPERT_SIZES)

    def flow(s):
        return torch.stack([o[:, m] if r in (s, N_DOMAINS) else o[:, m].detach() for m, r in enumerate(reads)], dim=1)

    def branch(s):
        return mix(p, f"gates.{s}", x[:, s] + x[:, N_DOMAINS], flow(s), gate_sizes)

    return {
        "logits": own(lambda s: tower(p, f"towers.{s}", branch(s)[0]), batch),
        "experts": own(flow, batch),
        "gates": own(lambda s: branch(s)[1], batch),
    }


def partitioned_norm(p, path, x, batch, eps):
    """Each domain through PyTorch's own batch normalisation, which returns the rows and moves the running moments.

    It does not matter what is subtracted from all rows beforehand. With one of them, a column that is constant, such as
    the domain's own field, is exactly 0, and Adam has no rounding error to make a step of.
    """
    shape, y = (N_DOMAINS, x.shape[1]), torch.zeros_like(x)
    gamma = p(f"{path}.gamma", x.shape[1], std=1.0) * p(f"{path}.gamma_s", *shape, std=1.0)
    beta = p(f"{path}.beta", x.shape[1], std=0.3) + p(f"{path}.beta_s", *shape, std=0.3)
    mean = list(p.tracked(f"{path}.mean", 0.3 * torch.randn(shape)))
    var = p.tracked(f"{path}.var", 0.5 + torch.rand(shape)).clone()
    for s in batch.domains.unique():
        rows = batch.domains == s
        zero, several = x[rows][0].detach(), bool(rows.sum() > 1)
        moving = mean[s] - zero
        y[rows] = F.batch_norm(x[rows] - zero, moving, var[s], gamma[s], beta[s], several, momentum=0.1, eps=eps)
        mean[s] = moving + zero
    p.moved |= {f"{path}.mean": torch.stack(mean), f"{path}.var": var}
    return y


def star(p, batch, norm_epsilon):
    x = lookup(p, "embeddings", batch.ids, VOCABULARY, 1, EMBEDDING_WIDTH)[:, 0]
    e = lookup(p, "domain", batch.domains[:, None], [N_DOMAINS], 1, EMBEDDING_WIDTH)[:, 0]
    h = partitioned_norm(p, "norm", x, batch, norm_epsilon)

    def pair(s, name, *shape, std):
        return p(f"network.shared.{name}", *shape, std=std), p(f"network.own.{s}.{name}", *shape, std=1.0)

    def branch(s):
        y, layers = h, [f"hidden.{i}" for i in range(len(EXPERT_SIZES))] + ["logit"]
        for layer, n_out in zip(layers, [*EXPERT_SIZES, 1], strict=True):
            w, w_s = pair(s, f"{layer}.W", y.shape[1], n_out, std=1.2 / math.sqrt(y.shape[1]))
            b, b_s = pair(s, f"{layer}.b", n_out, std=0.8)
            y = y @ (w * w_s) + (b + b_s)
            y = y if layer == "logit" else F.relu(y)
        return y[:, 0]

    return {"logits": own(branch, batch) + tower(p, "auxiliary", torch.cat([e, x], dim=1))}


def adasparse(p, batch, prune_mode, prune_epsilon, prune_penalty, prune_epochs):
    """`through` has the value of the step and the gradient of v: straight through."""
    t, ramp = p.tracked("step", torch.tensor([30.0])), p.tracked("ramp", torch.tensor([1000.0 * prune_epochs]))
    p.moved |= {"step": t + 1, "ramp": ramp}
    done = (t / ramp).clamp(max=1).item()
    alpha, weight = 0.1 + 4.9 * done, prune_penalty * (0.01 + 0.99 * done)
    h = lookup(p, "embeddings", batch.ids, VOCABULARY, 1, EMBEDDING_WIDTH)[:, 0]
    e = lookup(p, "domain", batch.domains[:, None], [N_DOMAINS], 1, EMBEDDING_WIDTH)[:, 0]
    penalty = 0
    for i, n_out in enumerate(EXPERT_SIZES):
        h = F.relu(dense(p, f"hidden.{i}", h, n_out))
        a = dense(p, f"pruners.{i}", torch.cat([e, h], dim=1), n_out)
        if prune_mode == "scaling":
            h = h * 2 * torch.sigmoid(a)
            continue
        v = torch.sigmoid(alpha * a) if prune_mode == "binarization" else 2 * torch.sigmoid(alpha * a)
        step = torch.heaviside(v - prune_epsilon, torch.zeros(())).detach()
        through = step + v - v.detach()
        h = h * (through if prune_mode == "binarization" else v * step)
        gap = (1 - through).mean() - 0.2
        penalty = penalty + (0 if gap.abs() <= 0.05 else weight * gap.detach().abs() * gap.abs() / len(EXPERT_SIZES))
    taps = {"logits": dense(p, "logit", h, 1)[:, 0]}
    return taps if prune_mode == "scaling" else taps | {"penalty": penalty}


def gate_unit(p, path, x, n_hidden, n_out, batch=None):
    """2 sigmoid(relu(x W1 + b1) W2 + b2): with W2 of each row's domain, or, without a batch, one for all."""
    v = F.relu(dense(p, f"{path}.first", x, n_hidden))

    def second(s):
        return 2 * torch.sigmoid(dense(p, f"{path}.second.{s}", v, n_out))

    return own(second, batch) if batch else second(0)


def pepnet(p, batch, task_towers, gate_at, gate_width):
    """The stops are `detach`. A shared tower is copy 0 for every row; by `domain`, each row's domain has its own."""
    x = lookup(p, "embeddings", batch.ids, VOCABULARY, 1, EMBEDDING_WIDTH)[:, 0]
    e = lookup(p, "domain", batch.domains[:, None], [N_DOMAINS], 1, EMBEDDING_WIDTH)[:, 0]
    r = lookup(p, "prior", batch.ids[:, :3], VOCABULARY[:3], 1, PRIOR_WIDTH)[:, 0]
    h = x * gate_unit(p, "epnet", torch.cat([e, x.detach()], dim=1), gate_width, x.shape[1])
    seen, of_domains = torch.cat([r, h.detach()], dim=1), task_towers == "domain"

    def unit(i, n_out):
        return gate_unit(p, f"gates.{i}", seen, gate_width, n_out, batch if of_domains else None)

    def layer(path, h, n_out):
        copy = lambda s: dense(p, f"{path}.{s}", h, n_out)  # noqa: E731
        return own(copy, batch) if of_domains else copy(0)

    for i, n_out in enumerate([*EXPERT_SIZES, *TOWER_SIZES]):
        if gate_at == "input":
            h = F.relu(layer(f"layers.{i}", unit(i, h.shape[1]) * h, n_out))
        else:
            h = unit(i, n_out) * F.relu(layer(f"layers.{i}", h, n_out))
    if gate_at == "input":
        h = unit(len(EXPERT_SIZES + TOWER_SIZES), h.shape[1]) * h
    return {"logits": layer("logit", h, 1)[:, 0]}


def hinet(p, batch, n_sub_experts, attention, gate_sizes=()):
    """The last of the S + 1 mixtures is the shared one."""
    x = lookup(p, "embeddings", batch.ids, VOCABULARY, 1, EMBEDDING_WIDTH)[:, 0]
    e = lookup(p, "domain", batch.domains[:, None], [N_DOMAINS], 1, EMBEDDING_WIDTH)[:, 0]
    each = N_DOMAINS + 1, n_sub_experts
    o = mlp(p, "experts", x[:, None].expand(-1, math.prod(each), -1), EXPERT_SIZES)
    g = dense(p, "gates", x, math.prod(each)).unflatten(1, each).softmax(dim=2)
    sei = torch.einsum("bjr,bjrk->jbk", g, o.unflatten(1, each))
    weight = gate(p, "attention", e, N_DOMAINS, gate_sizes).exp()
    foreign = torch.stack([batch.domains != s for s in range(N_DOMAINS)], dim=1)
    heard = weight if attention == "with_self" else weight * foreign
    share = heard / (heard if attention == "renorm" else weight).sum(1, keepdim=True)
    a = sum(share[:, j, None] * sei[j] for j in range(N_DOMAINS))
    z = own(lambda s: tower(p, f"towers.{s}", torch.cat([a, sei[s], sei[N_DOMAINS]], dim=1)), batch)
    return {"logits": z, "experts": o}


GATED = {
    f"pepnet_{towers}_{end}": {"task_towers": towers, "gate_at": end, "gate_width": 3}
    for towers in ("shared", "domain")
    for end in ("input", "output")
}
ATTENTIVE = {kind: {"n_sub_experts": 2, "attention": kind} for kind in ("official", "renorm", "with_self")}
HIDDEN = {"gate_sizes": [3, 4]}
NORMED = {"star": {"norm_epsilon": 1e-3}, "star_small_epsilon": {"norm_epsilon": 1e-5}}
PRUNING = {
    mode: {"prune_mode": mode, "prune_epsilon": epsilon, "prune_penalty": 2.0, "prune_epochs": 0.1}
    for mode, epsilon in {"fusion": 0.8, "binarization": 0.4, "scaling": 0.8}.items()
}

SYSTEMS = {  # file -> (name in the package, function, sizes beside SIZES)
    "crocodile_element": ("crocodile", partial(crocodile, n_shares=WIDTH), {"gate": "element"}),
    "crocodile_scalar": ("crocodile", partial(crocodile, n_shares=1), {"gate": "scalar"}),
    "crocodile_one_table": ("crocodile", partial(crocodile, n_shares=WIDTH, n_tables=1), {"n_tables": 1}),
    "mmoe": ("mmoe", partial(mmoe, n_tables=1), {}),
    "me_mmoe": ("me_mmoe", partial(mmoe, n_tables=N_EXPERTS), {}),
    "single_domain": ("single_domain", single_domain, {}),
    "shared_bottom": ("shared_bottom", shared_bottom, {}),
    "ple": ("ple", partial(ple, **ONE_LEVEL), ONE_LEVEL),
    "ple_two_levels": ("ple", partial(ple, **TWO_LEVELS), TWO_LEVELS),
    "ple_shared_only": ("ple", partial(ple, **SHARED_ONLY), SHARED_ONLY),
    "me_ple": ("me_ple", partial(ple, **ONE_LEVEL, multi_embedding=True), ONE_LEVEL),
    "stem": ("stem", partial(stem, n_specific=2, n_shared=1), ONE_LEVEL),
    "mmoe_hidden_gates": ("mmoe", partial(mmoe, n_tables=1, **HIDDEN), HIDDEN),
    "ple_hidden_gates": ("ple", partial(ple, **TWO_LEVELS, **HIDDEN), TWO_LEVELS | HIDDEN),
    "stem_hidden_gates": ("stem", partial(stem, n_specific=2, n_shared=1, **HIDDEN), ONE_LEVEL | HIDDEN),
    "hinet_hidden_gates": ("hinet", partial(hinet, **ATTENTIVE["official"], **HIDDEN), ATTENTIVE["official"] | HIDDEN),
    **{file: ("star", partial(star, **sizes), sizes) for file, sizes in NORMED.items()},
    **{file: ("pepnet", partial(pepnet, **sizes), sizes) for file, sizes in GATED.items()},
    "hinet_official": ("hinet", partial(hinet, **ATTENTIVE["official"]), ATTENTIVE["official"]),
    "hinet_renorm": ("hinet", partial(hinet, **ATTENTIVE["renorm"]), ATTENTIVE["renorm"]),
    "hinet_with_self": ("hinet", partial(hinet, **ATTENTIVE["with_self"]), ATTENTIVE["with_self"]),
    "adasparse_fusion": ("adasparse", partial(adasparse, **PRUNING["fusion"]), PRUNING["fusion"]),
    "adasparse_binarization": ("adasparse", partial(adasparse, **PRUNING["binarization"]), PRUNING["binarization"]),
    "adasparse_scaling": ("adasparse", partial(adasparse, **PRUNING["scaling"]), PRUNING["scaling"]),
}


# Losses


def covariance(o, reduction="sum", within=False, rows=None):
    """Eq. 6: mean |entry| of the K x K cross-product of two experts' centred outputs, summed over the pairs."""
    n_all, o = len(o), o if rows is None else o[rows]
    n = len(o)
    o = o - o.mean(0)
    pairs = (combinations_with_replacement if within else combinations)(range(o.shape[1]), 2)
    c = {"sum": n_all / n, "mean": 1 / n, "unbiased": 1 / (n - 1)}[reduction]
    return c * sum((o[:, p].T @ o[:, q]).abs().mean() for p, q in pairs)


def pairs(o):
    """The outputs (B, K) of each two experts, and how many such pairs there are."""
    found = list(combinations(o.unbind(1), 2))
    return found, len(found)


def dot(o):
    found, n = pairs(o)
    return sum((x * y).sum(1).mean() for x, y in found) / n


def cosine(o):
    """Rows of which one output is 0 count 0."""
    found, n = pairs(o)
    total = 0
    for x, y in found:
        alive = (x.norm(dim=1) > 1e-8) & (y.norm(dim=1) > 1e-8)
        total = total + F.cosine_similarity(x[alive], y[alive]).sum()
    return total / (n * len(o))


def distance_correlation(o, rows=None):
    def centred(x):
        d = (((x[:, None] - x[None]) ** 2).sum(2) + 1e-8).sqrt()
        return d - d.mean(0, keepdim=True) - d.mean(1, keepdim=True) + d.mean()

    def c(a, b):
        return ((a * b).mean().clamp(min=0) + 1e-8).sqrt()

    found, n = pairs(o if rows is None else o[rows])
    total = 0
    for a, b in ((centred(x), centred(y)) for x, y in found):
        total = total + c(a, b) / ((c(a, a) * c(b, b)).sqrt() + 1e-10)
    return total / n


def ole(o, form="soft"):
    (n_rows, n_experts, width), (found, n) = o.shape, pairs(o)
    if form == "soft":
        return sum(((x.T @ y) ** 2).sum() for x, y in found) / (n * n_rows**2 * width**2)

    def nuclear(x):
        s = torch.linalg.svdvals(x)
        return s[s > 1e-6].sum()

    if form == "nuclear":
        apart = sum(nuclear(x).clamp(min=1) for x in o.unbind(1))
        return (apart - nuclear(torch.cat(o.unbind(1)))) / (n_experts * n_rows)
    return (sum(x.norm() for x in o.unbind(1)) - o.norm()) / (n_experts * n_rows)


def importance(g, unbiased=False):
    shares = g if g.dim() == 2 else g.mean(2)
    total = shares.sum(0)
    return total.var(correction=int(unbiased)) / (total.mean() ** 2 + 1e-10)


def trans5(o, W, eta=1.0):
    found, n = pairs(o)
    total = 0
    for (x, y), w in zip(found, W, strict=True):
        total = total + (x - x @ w @ w.T).abs().sum() + (y - y @ w.T @ w).abs().sum()
        total = total + eta * ((x @ w - y).square().sum() + (y @ w.T - x).square().sum())
    return total / (n * len(o))


def vicreg(o):
    total = 0
    for x in o.unbind(1):
        c = x.T.cov()
        total = total + (c - c.diag().diag()).square().sum() / len(c)
    return total / o.shape[1]


def objective(taps, batch, reduction, alpha=0.0, cov_rows=0, domain_rows=None):
    """Eq. 7 in its three readings, and its parts."""
    each = F.binary_cross_entropy_with_logits(taps["logits"], batch.labels, reduction="none")
    if reduction == "domain_mean":
        fit = sum(each[batch.domains == s].mean() for s in batch.domains.unique())
    elif reduction == "batch_mean":
        fit = each.mean()
    else:
        n = torch.tensor(domain_rows, dtype=each.dtype)
        fit = n.sum() / N_ROWS * (each / n[batch.domains]).sum()
    has_cov = alpha and "experts" in taps
    cov = covariance(taps["experts"], rows=COV_ROWS if cov_rows else None) if has_cov else torch.zeros(())
    return {"bce": fit, "cov": cov, "total": fit + alpha * cov + taps.get("penalty", 0)}


LOSSES = {  # file -> (name in the package, function, inputs, the arguments to call it with)
    "covariance": (
        "covariance",
        covariance,
        ["o"],
        [
            {},
            {"reduction": "mean"},
            {"reduction": "unbiased"},
            {"within": True},
            {"rows": COV_ROWS},
            {"rows": COV_ROWS, "reduction": "mean"},
            {"rows": COV_ROWS, "reduction": "unbiased", "within": True},
        ],
    ),
    "dot": ("dot", dot, ["o"], [{}]),
    "cosine": ("cosine", cosine, ["o"], [{}]),
    "distance_correlation": ("distance_correlation", distance_correlation, ["o"], [{}, {"rows": COV_ROWS}]),
    "ole": ("ole", ole, ["o"], [{}, {"form": "nuclear"}, {"form": "frobenius"}]),
    "importance": ("importance", importance, ["g"], [{}, {"unbiased": True}]),
    "importance_element": ("importance", importance, ["g element"], [{}, {"unbiased": True}]),
    "trans5": ("trans5", trans5, ["o", "W"], [{}, {"eta": 0.0}, {"eta": 0.3}]),
    "vicreg": ("vicreg", vicreg, ["o"], [{}]),
}


# Files


def draw_batch(counts):
    """Rows in random order; ids repeat, and some of the vocabulary does not occur. Domain s has id s + 1."""
    domains = torch.repeat_interleave(torch.arange(N_DOMAINS), torch.tensor(counts))[torch.randperm(N_ROWS)]
    ids = torch.stack([torch.randint(n, (N_ROWS,)) for n in VOCABULARY[:3]] + [domains + 1], dim=1)
    return Batch(ids, domains, torch.randint(2, (N_ROWS,)).double())


def train(system, p, batches, lazy):
    """The parameters after ten steps; with `lazy`, tables by SparseAdam.

    SparseAdam adds eps to sqrt(v) before the bias correction c = sqrt(1 - b2^t), as if eps were eps / c: 32 times as
    much at the first step. Algorithm 1 of Kingma & Ba (2015) adds it afterwards, and so do `torch.optim.Adam` and the
    package: giving SparseAdam c eps makes it the same formula.
    """
    p = p.copy()
    tables = [path for path in p if lazy and path.endswith("table")]
    adam = torch.optim.Adam([w for path, w in p.trained.items() if path not in tables], LR, (B1, B2), EPS)
    sparse_adam = torch.optim.SparseAdam([p[path] for path in tables], LR, (B1, B2)) if lazy else None
    for t in range(STEPS):
        batch = batches[t % len(batches)]
        for w in p.values():
            w.grad = None
        objective(system(p, batch), batch, **OBJECTIVES["domain mean"])["total"].backward()
        adam.step()
        if lazy:
            for path in tables:
                rows, w = p.touched[path], p[path]
                w.grad = torch.sparse_coo_tensor(rows[None], w.grad[rows], w.shape, check_invariants=True)
            sparse_adam.param_groups[0]["eps"] = EPS * math.sqrt(1 - B2 ** (t + 1))
            sparse_adam.step()
        p.update(p.moved)
    return p


def save(path, about, **groups):
    """Arrays as "group/name", and `about` as JSON."""
    arrays = {f"{group}/{name}": np.asarray(x.detach()) for group, xs in groups.items() for name, x in xs.items()}
    path.parent.mkdir(exist_ok=True)
    np.savez_compressed(path, about=json.dumps(about), **arrays)
    print(f"{path.relative_to(FOLDER)}: {len(arrays)} arrays, {path.stat().st_size} bytes")


def save_system(file, name, system, sizes):
    """The files hold what no other file shows already.

    Systems without the tap `experts` have no CovLoss, and one objective is enough: others weigh the rows anew.
    `lazy_adam` is another optimiser for tables only: they tell, having been trained through everything else.
    """
    torch.manual_seed(0)
    batches = [draw_batch(counts) for counts in DOMAIN_COUNTS]
    p = Parameters()
    taps = system(p, batches[0])
    values, gradients = {}, {}
    objectives = OBJECTIVES if "experts" in taps else {"domain mean": OBJECTIVES["domain mean"]}
    for label, arguments in objectives.items():
        parts = objective(taps, batches[0], **arguments)
        values |= {f"{label}/{part}": value for part, value in parts.items()}
        g = torch.autograd.grad(parts["total"], list(p.trained.values()), retain_graph=True)
        gradients |= {f"{label}/{path}": d for path, d in zip(p.trained, g, strict=True)}
    about = {"system": name, "schema": SCHEMA, "sizes": SIZES | sizes, "objectives": objectives, "cov_rows": COV_ROWS}
    save(
        FOLDER / "systems" / f"{file}.npz",
        about | {"adam": {"lr": LR, "b1": B1, "b2": B2, "eps": EPS}, "steps": STEPS},
        batches={f"{i}/{key}": x for i, batch in enumerate(batches) for key, x in batch._asdict().items()},
        params=p,
        taps=taps,
        values=values,
        gradients=gradients,
        adam=train(system, p, batches, lazy=False),
        lazy_adam={path: w for path, w in train(system, p, batches, lazy=True).items() if path.endswith("table")},
    )
    idle = (path for path, d in zip(p.trained, g, strict=True) if not d.any())
    print("    without gradient:", *idle)  # rightly: domain 2


def save_loss(file, name, loss, inputs, calls):
    """A loss on (B, M, K) outputs of ReLUs, shares of a softmax, and matrices for pairs of experts.

    One unit is dead: a constant column, where |.| has its kink. One expert is off in two rows.
    """
    torch.manual_seed(0)
    o = F.relu(torch.randn(N_ROWS, N_EXPERTS, WIDTH))
    o[:, 1, 2] = 0
    o[3, 2], o[7, 2] = 0, 0
    g = F.softmax(torch.randn(N_ROWS, N_EXPERTS, WIDTH), dim=1)
    W = torch.randn(N_EXPERTS * (N_EXPERTS - 1) // 2, WIDTH, WIDTH) / math.sqrt(WIDTH)
    drawn = {"o": o, "g": g[:, :, 0], "g element": g, "W": W}
    x = {key.split()[0]: drawn[key].clone().requires_grad_() for key in inputs}
    values = {str(i): loss(**x, **arguments) for i, arguments in enumerate(calls)}
    gradients = {}
    for i, value in values.items():
        dx = torch.autograd.grad(value, list(x.values()))
        gradients |= {f"{i}/{key}": d for key, d in zip(x, dx, strict=True)}
    about = {"loss": name, "calls": calls}
    save(FOLDER / "losses" / f"{file}.npz", about, inputs=x, values=values, gradients=gradients)


def save_bce():
    """Weighted cross-entropy, at logits from 0 to where the sigmoid is 0 or 1 to the last digit."""
    torch.manual_seed(0)
    z = torch.cat([torch.randn(12), torch.tensor([0.0, 40, -40, 800, -800])]).requires_grad_()
    y, w = torch.randint(2, z.shape).double(), torch.rand(z.shape)
    values = {"0": F.binary_cross_entropy_with_logits(z, y, w, reduction="sum")}
    gradients = {"0": torch.autograd.grad(values["0"], z)[0]}
    save(FOLDER / "losses" / "bce.npz", {}, inputs={"z": z, "y": y, "w": w}, values=values, gradients=gradients)


def main(only):
    torch.set_default_dtype(torch.float64)
    for file, (name, system, sizes) in SYSTEMS.items():
        if not only or file in only:
            save_system(file, name, system, sizes)
    for file, (name, loss, inputs, calls) in LOSSES.items():
        if not only or file in only:
            save_loss(file, name, loss, inputs, calls)
    if not only or "bce" in only:
        save_bce()


if __name__ == "__main__":
    main(set(sys.argv[1:]))
