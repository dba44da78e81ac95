"""Write the golden files: what PyTorch computes for every system and loss, for `tests/test_golden.py` to compare with.

    python tests/golden/make.py          needs torch; the tests do not

An independent witness: nothing of the package is imported, every system is written down once more from its equations,
gradients come from autograd and steps from `torch.optim`. Where there is a choice, it takes the other road than the
package: rows in any order, every domain's branch on every row and then a selection, loops over pairs of experts.

A system is a function(p, batch) -> taps, entered in `SYSTEMS`; a loss is a function(o, ...) -> scalar, entered in
`LOSSES`. Parameters have the package's paths and shapes, and are drawn where the function first asks for them.
"""

import json
import math
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
    """Path -> leaf tensor, drawn at the first request. `touched` holds the rows of each table last looked up."""

    def __init__(self, *args):
        super().__init__(*args)
        self.touched = {}

    def __call__(self, path, *shape, std):
        if path not in self:
            self[path] = (std * torch.randn(shape)).requires_grad_()
        return self[path]

    def copy(self):
        return Parameters({path: w.detach().clone().requires_grad_() for path, w in self.items()})


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


def own(branch, batch):
    """Every domain's branch(s) on every row; row i keeps that of its own domain."""
    return torch.stack([branch(s) for s in range(N_DOMAINS)])[batch.domains, torch.arange(N_ROWS)]


def tower(p, path, h):
    return dense(p, f"{path}.logit", mlp(p, f"{path}.hidden", h, TOWER_SIZES), 1)[:, 0]


# Systems: function(p, batch) -> {"logits": (B,), and the taps that the package names}


def crocodile(p, batch, n_shares):
    """n_shares = K: one share for each dimension of an expert (PEG); 1: one for the expert (PG)."""
    o = mlp(p, "experts", lookup(p, "embeddings", batch.ids, VOCABULARY, N_EXPERTS, EMBEDDING_WIDTH), EXPERT_SIZES)
    vocabulary = [VOCABULARY[f] for f in PRIOR_FIELDS]
    e = lookup(p, "prior", batch.ids[:, PRIOR_FIELDS], vocabulary, 1, PRIOR_WIDTH)[:, 0]
    a = own(lambda s: dense(p, f"gates.{s}", e, N_EXPERTS * n_shares, bias=False), batch)
    g = F.softmax(a.unflatten(1, (N_EXPERTS, n_shares)), dim=1)
    h = (g * o).sum(1)
    z = own(lambda s: tower(p, f"towers.{s}", h), batch)
    return {"logits": z, "experts": o, "gates": g if n_shares > 1 else g[..., 0]}


def mmoe(p, batch, n_tables):
    """n_tables = 1: MMoE; N_EXPERTS: ME-MMoE, where the gate of domain s reads table s."""
    x = lookup(p, "embeddings", batch.ids, VOCABULARY, n_tables, EMBEDDING_WIDTH).expand(-1, N_EXPERTS, -1)
    o = mlp(p, "experts", x, EXPERT_SIZES)
    g = F.softmax(own(lambda s: dense(p, f"gates.{s}", x[:, s], N_EXPERTS), batch), dim=1)
    h = torch.einsum("bm,bmk->bk", g, o)
    return {"logits": own(lambda s: tower(p, f"towers.{s}", h), batch), "experts": o, "gates": g}


SYSTEMS = {  # file -> (name in the package, function, sizes beside SIZES)
    "crocodile_element": ("crocodile", partial(crocodile, n_shares=WIDTH), {"gate": "element"}),
    "crocodile_scalar": ("crocodile", partial(crocodile, n_shares=1), {"gate": "scalar"}),
    "mmoe": ("mmoe", partial(mmoe, n_tables=1), {}),
    "me_mmoe": ("me_mmoe", partial(mmoe, n_tables=N_EXPERTS), {}),
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
    cov = covariance(taps["experts"], rows=COV_ROWS if cov_rows else None) if alpha else torch.zeros(())
    return {"bce": fit, "cov": cov, "total": fit + alpha * cov}


LOSSES = {  # name in the package -> (function, the arguments to call it with)
    "covariance": (
        covariance,
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
    adam = torch.optim.Adam([w for path, w in p.items() if path not in tables], LR, (B1, B2), EPS)
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
    return p


def save(path, about, **groups):
    """Arrays as "group/name", and `about` as JSON."""
    arrays = {f"{group}/{name}": np.asarray(x.detach()) for group, xs in groups.items() for name, x in xs.items()}
    path.parent.mkdir(exist_ok=True)
    np.savez_compressed(path, about=json.dumps(about), **arrays)
    print(f"{path.relative_to(FOLDER)}: {len(arrays)} arrays, {path.stat().st_size} bytes")


def save_system(file, name, system, sizes):
    torch.manual_seed(0)
    batches = [draw_batch(counts) for counts in DOMAIN_COUNTS]
    p = Parameters()
    taps = system(p, batches[0])
    values, gradients = {}, {}
    for label, arguments in OBJECTIVES.items():
        parts = objective(taps, batches[0], **arguments)
        values |= {f"{label}/{part}": value for part, value in parts.items()}
        g = torch.autograd.grad(parts["total"], list(p.values()), retain_graph=True)
        gradients |= {f"{label}/{path}": d for path, d in zip(p, g, strict=True)}
    about = {"system": name, "schema": SCHEMA, "sizes": SIZES | sizes, "objectives": OBJECTIVES, "cov_rows": COV_ROWS}
    save(
        FOLDER / "systems" / f"{file}.npz",
        about | {"adam": {"lr": LR, "b1": B1, "b2": B2, "eps": EPS}, "steps": STEPS},
        batches={f"{i}/{key}": x for i, batch in enumerate(batches) for key, x in batch._asdict().items()},
        params=p,
        taps=taps,
        values=values,
        gradients=gradients,
        adam=train(system, p, batches, lazy=False),
        lazy_adam=train(system, p, batches, lazy=True),
    )
    print("    without gradient:", *(path for path, d in zip(p, g, strict=True) if not d.any()))  # rightly: domain 2


def save_loss(name, loss, calls):
    """A loss on (B, M, K) outputs of ReLUs, one of which is dead: a constant column, where |.| has its kink."""
    torch.manual_seed(0)
    o = F.relu(torch.randn(N_ROWS, N_EXPERTS, WIDTH))
    o[:, 1, 2] = 0
    o.requires_grad_()
    values = {str(i): loss(o, **arguments) for i, arguments in enumerate(calls)}
    gradients = {i: torch.autograd.grad(value, o)[0] for i, value in values.items()}
    save(FOLDER / "losses" / f"{name}.npz", {"calls": calls}, inputs={"o": o}, values=values, gradients=gradients)


def save_bce():
    """Weighted cross-entropy, at logits from 0 to where the sigmoid is 0 or 1 to the last digit."""
    torch.manual_seed(0)
    z = torch.cat([torch.randn(12), torch.tensor([0.0, 40, -40, 800, -800])]).requires_grad_()
    y, w = torch.randint(2, z.shape).double(), torch.rand(z.shape)
    values = {"0": F.binary_cross_entropy_with_logits(z, y, w, reduction="sum")}
    gradients = {"0": torch.autograd.grad(values["0"], z)[0]}
    save(FOLDER / "losses" / "bce.npz", {}, inputs={"z": z, "y": y, "w": w}, values=values, gradients=gradients)


def main():
    torch.set_default_dtype(torch.float64)
    for file, (name, system, sizes) in SYSTEMS.items():
        save_system(file, name, system, sizes)
    for name, (loss, calls) in LOSSES.items():
        save_loss(name, loss, calls)
    save_bce()


if __name__ == "__main__":
    main()
