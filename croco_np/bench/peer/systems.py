"""The twelve systems: function(p, x, batch, job, training) -> `Taps`.

p       parameters {path: tensor}, tables excepted
x       {name of embeddings: what was looked up, (B, F, M, E)}
batch   `Batch`;  job: `Job`
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from pieces import experts, gate_logits, gate_unit, linear, mix, mlp, own, partitioned_norm, routed, side_by_side, tower
from torch import Tensor

if TYPE_CHECKING:  # job imports the systems
    from job import Batch, Job


class Taps(NamedTuple):
    """What a system returns.

    logits   (B,)
    experts  (M, B, K)      where CovLoss can pull on them
    penalty  scalar         a term that the model itself adds to the loss
    moved    {path: value}  what running values become after the step
    """

    logits: Tensor
    experts: Tensor | None = None
    penalty: Tensor | float = 0.0
    moved: dict = {}  # noqa: RUF012, nobody writes to it


def towers(p: dict, h: Tensor, batch: Batch) -> Tensor:
    return routed(lambda s, part: tower(p, f"towers.{s}", part), batch.sizes, h)


def gates(p: dict, e: Tensor, batch: Batch) -> Tensor:
    return routed(lambda s, part: gate_logits(p, f"gates.{s}", part), batch.sizes, e)


def crocodile(p: dict, x: dict, batch: Batch, job: Job, training: bool) -> Taps:
    o = experts(p, "experts", side_by_side(x["embeddings"]))
    a = gates(p, side_by_side(x["prior"])[0], batch)
    a = a.unflatten(1, (len(o), -1)) if job.config.gate == "element" else a
    return Taps(towers(p, mix(a, o), batch), o)


def mmoe(p: dict, x: dict, batch: Batch, job: Job, training: bool) -> Taps:
    e = side_by_side(x["embeddings"])
    o = experts(p, "experts", e.expand(job.config.n_experts, -1, -1))
    return Taps(towers(p, mix(gates(p, own(e, batch.sizes), batch), o), batch), o)


def shared_bottom(p: dict, x: dict, batch: Batch, job: Job, training: bool) -> Taps:
    return Taps(towers(p, mlp(p, "bottom", side_by_side(x["embeddings"])[0]), batch))


def single_domain(p: dict, x: dict, batch: Batch, job: Job, training: bool) -> Taps:
    parts = (side_by_side(x[f"{s}.embeddings"])[0] for s in range(job.n_domains))
    return Taps(torch.cat([tower(p, f"{s}.towers.0", mlp(p, f"{s}.bottom", h)) for s, h in enumerate(parts)]))


def readers(job: Job) -> list[int]:
    """The path or table that each expert reads: `n_specific` for each domain, then `n_shared` for the shared one."""
    c = job.config
    return [s for s in range(job.n_domains) for _ in range(c.n_specific)] + [job.n_domains] * c.n_shared


def ple(p: dict, x: dict, batch: Batch, job: Job, training: bool) -> Taps:
    c, shared_path, reads = job.config, job.n_domains, readers(job)
    h = side_by_side(x["embeddings"])
    for level in range(c.n_levels - 1):
        path, h = f"levels.{level}", h.expand(job.n_domains + 1, -1, -1)
        o, mixtures = experts(p, f"{path}.experts", h[reads]), []
        for j in range(job.n_domains + 1):
            every = j == shared_path and c.shared_gate == "all"
            used = o if every else o[[m for m, r in enumerate(reads) if r in (j, shared_path)]]
            mixtures.append(mix(gate_logits(p, f"{path}.gates.{j}", h[j]), used))
        h = torch.stack(mixtures)
    e = own(h if len(h) == 1 else h[:-1], batch.sizes)
    specific = routed(
        lambda s, part: experts(p, f"specific.{s}", part.expand(c.n_specific, -1, -1)), batch.sizes, e[None], dim=1
    )
    shared = experts(p, "shared", h[-1:].expand(c.n_shared, -1, -1))
    return Taps(towers(p, mix(gates(p, e, batch), torch.cat([specific, shared])), batch))


def stem(p: dict, x: dict, batch: Batch, job: Job, training: bool) -> Taps:
    e, reads = side_by_side(x["embeddings"]), readers(job)
    o = experts(p, "experts", e[reads])

    def flow(s, part):  # rows of domain s teach its own experts and the shared ones only
        teach = torch.tensor([r in (s, job.n_domains) for r in reads], device=part.device)
        return torch.where(teach[:, None, None], part, part.detach())

    o = routed(flow, batch.sizes, o, dim=1)
    return Taps(towers(p, mix(gates(p, own(e[:-1], batch.sizes) + e[-1], batch), o), batch), o)


def star(p: dict, x: dict, batch: Batch, job: Job, training: bool) -> Taps:
    v, e = side_by_side(x["embeddings"])[0], side_by_side(x["domain"])[0]
    h, moved = partitioned_norm(p, "norm", v, batch.sizes, training, job.config.norm_epsilon)

    def branch(s, part):
        start, joint = "network.shared.", {}
        for path in [path for path in p if path.startswith(start)]:
            rest, w = path[len(start) :], p[path]
            w_s = p[f"network.own.{s}.{rest}"]
            joint[f"joint.{rest}"] = w * w_s if w.dim() == 2 else w + w_s
        return tower(joint, "joint", part)

    z = routed(branch, batch.sizes, h) + tower(p, "auxiliary", torch.cat([e, v], 1))
    return Taps(z, moved=moved if training else {})


def adasparse(p: dict, x: dict, batch: Batch, job: Job, training: bool) -> Taps:
    c, h, e = job.config, side_by_side(x["embeddings"])[0], side_by_side(x["domain"])[0]
    done = (p["step"][0] / p["ramp"][0]).clamp(max=1)
    alpha, weight, penalty = 0.1 + 4.9 * done, c.prune_penalty * (0.01 + 0.99 * done), 0.0
    for i in range(len(c.expert_sizes)):
        h = linear(p, f"hidden.{i}", h).relu_()
        a = linear(p, f"pruners.{i}", torch.cat([e, h], 1))
        if c.prune_mode == "scaling":
            h = h * (2 * a.sigmoid())
            continue
        v = (alpha * a).sigmoid() if c.prune_mode == "binarization" else 2 * (alpha * a).sigmoid()
        live = (v > c.prune_epsilon).to(v.dtype).detach()
        h = h * (live + (v - v.detach()) if c.prune_mode == "binarization" else v * live)
        through = v.mean(dtype=torch.float32)  # the share of pruned neurons, and straight through it to v
        share = (1 - live.mean(dtype=torch.float32)) - (through - through.detach())
        outside, gap = ((share < 0.15) | (share > 0.25)).detach(), share - 0.2
        penalty = penalty + outside * weight * gap.detach().abs() * gap.abs() / len(c.expert_sizes)
    return Taps(
        linear(p, "logit", h)[:, 0],
        penalty=penalty,
        moved={"step": p["step"] + 1, "ramp": p["ramp"]} if training else {},
    )


def pepnet(p: dict, x: dict, batch: Batch, job: Job, training: bool) -> Taps:
    c, e, r = job.config, side_by_side(x["domain"])[0], side_by_side(x["prior"])[0]
    v = side_by_side(x["embeddings"])[0]
    h = v * gate_unit(p, "epnet", torch.cat([e, v.detach()], 1), [len(v)])
    seen, n_hidden = torch.cat([r, h.detach()], 1), len(c.expert_sizes) + len(c.tower_sizes)
    sizes = batch.sizes if c.task_towers == "domain" else [len(v)]
    first = 0 if c.gate_at == "input" else 1  # a layer's output is scaled where the next one reads it
    for i in range(n_hidden + 1):
        h = gate_unit(p, f"gates.{i - first}", seen, sizes) * h if i >= first else h
        path = f"layers.{i}" if i < n_hidden else "logit"
        h = routed(lambda s, part, path=path: linear(p, f"{path}.{s}", part), sizes, h)
        h = h.relu_() if i < n_hidden else h
    return Taps(h[:, 0])


def hinet(p: dict, x: dict, batch: Batch, job: Job, training: bool) -> Taps:
    kind, n_domains, n = job.config.attention, job.n_domains, job.config.n_sub_experts
    v, e = side_by_side(x["embeddings"])[0], side_by_side(x["domain"])[0]
    o = experts(p, "experts", v.expand((n_domains + 1) * n, -1, -1))
    g = linear(p, "gates", v).unflatten(1, (n_domains + 1, n)).softmax(2).permute(1, 2, 0)
    sei = (g[..., None] * o.unflatten(0, (n_domains + 1, n))).sum(1)  # (S + 1, B, K)
    a, foreign = gate_logits(p, "attention", e), batch.domains[:, None] != torch.arange(n_domains, device=e.device)
    if kind == "renorm" and n_domains > 1:
        a = a.masked_fill(~foreign, -torch.inf)
    share = a.softmax(1) if kind == "with_self" else a.softmax(1) * foreign
    h = (share.T[..., None] * sei[:-1]).sum(0)
    return Taps(towers(p, torch.cat([h, own(sei[:-1], batch.sizes), sei[-1]], 1), batch), o)


SYSTEMS = {
    "single_domain": single_domain,
    "shared_bottom": shared_bottom,
    "mmoe": mmoe,
    "me_mmoe": mmoe,
    "ple": ple,
    "me_ple": ple,
    "stem": stem,
    "pepnet": pepnet,
    "hinet": hinet,
    "star": star,
    "adasparse": adasparse,
    "crocodile": crocodile,
}
