"""Pieces of the systems, as functions on parameters {path: tensor}; gradients are autograd's.

Rows are sorted by domain, so a domain's rows are one part of `split(sizes)`. What has copies, be it tables, experts or
paths, has them on axis 0, (M, B, n): that is the layout that batched products take. Of `baddbmm`, `einsum` and M
separate `addmm`, forward and backward at the shapes of AliCCP, the first was as fast as the second and faster than the
third.
"""

from collections.abc import Callable

import torch
from torch import Tensor


def side_by_side(x: Tensor) -> Tensor:
    """Looked-up embeddings (B, F, M, E) -> (M, B, F E): for each table the fields next to each other."""
    return x.permute(2, 0, 1, 3).flatten(2)


def linear(p: dict, path: str, x: Tensor) -> Tensor:
    """x W (+ b)."""
    bias = p.get(f"{path}.b")
    return x @ p[f"{path}.W"] if bias is None else torch.addmm(bias, x, p[f"{path}.W"])


def mlp(p: dict, path: str, x: Tensor) -> Tensor:
    """ReLU after every layer, the last one too; as many layers as there are parameters."""
    i = 0
    while f"{path}.{i}.W" in p:
        x = linear(p, f"{path}.{i}", x).relu_()
        i += 1
    return x


def gate_logits(p: dict, path: str, x: Tensor) -> Tensor:
    """A linear layer, after hidden layers if there are any."""
    last = f"{path}.logits" if f"{path}.logits.W" in p else path
    return linear(p, last, mlp(p, f"{path}.hidden", x))


def experts(p: dict, path: str, x: Tensor) -> Tensor:
    """M experts: x (M, B, n) -> (M, B, K); for one input of all, expand it."""
    i = 0
    while f"{path}.{i}.W" in p:
        x = torch.baddbmm(p[f"{path}.{i}.b"][:, None], x, p[f"{path}.{i}.W"]).relu_()
        i += 1
    return x


def tower(p: dict, path: str, h: Tensor) -> Tensor:
    """(B, n) -> logits (B,)."""
    return linear(p, f"{path}.logit", mlp(p, f"{path}.hidden", h))[:, 0]


def routed(f: Callable, sizes: list[int], x: Tensor, dim: int = 0) -> Tensor:
    """f(s, rows of domain s) for each domain, joined again along the axis of the rows."""
    return torch.cat([f(s, part) for s, part in enumerate(x.split(sizes, dim))], dim)


def own(x: Tensor, sizes: list[int]) -> Tensor:
    """x (M, B, n) -> (B, n): rows of domain s from copy s, or all from the only copy."""
    if len(x) == 1:
        return x[0]
    return torch.cat([part[s] for s, part in enumerate(x.split(sizes, 1))])


def mix(a: Tensor, o: Tensor) -> Tensor:
    """Gate logits (B, M) or (B, M, K) and experts (M, B, K) -> their mixture (B, K)."""
    g = a.softmax(1).transpose(0, 1)
    return ((g if g.dim() == 3 else g[..., None]) * o).sum(0)


def covariance(o: Tensor) -> Tensor:
    """CovLoss, Eq. (6), over all pairs p > q: o (M, B, K) -> scalar. Sums in float32 also where products are bfloat16.

    One product of all experts with all, of whose result half is used, is faster than M (M - 1) / 2 small ones.
    """
    n_experts, n_rows, width = o.shape
    z = (o - o.mean(1, keepdim=True)).transpose(0, 1).reshape(n_rows, n_experts * width)
    blocks = (z.T @ z).abs().view(n_experts, width, n_experts, width).sum((1, 3), dtype=torch.float32)
    return blocks.tril(-1).sum() / width**2


def gate_unit(p: dict, path: str, x: Tensor, sizes: list[int]) -> Tensor:
    """PEPNet's gate: 2 sigmoid(relu(x W1 + b1) W2 + b2), with W2 of each row's domain."""
    v = linear(p, f"{path}.first", x).relu_()
    return 2 * routed(lambda s, part: linear(p, f"{path}.second.{s}", part), sizes, v).sigmoid()


def partitioned_norm(
    p: dict,
    path: str,
    x: Tensor,
    sizes: list[int],
    training: bool,
    eps: float,
    rate: float = 0.1,
) -> tuple[Tensor, dict[str, Tensor]]:
    """STAR's normalisation by PyTorch's own, domain by domain -> y, and what the running moments become.

    From the rows of a domain its first one is taken away beforehand: a column that is constant is then exactly 0 and
    stays so. A single row, as all rows when not training, goes by the running moments, where columns are 0 whose values
    differed by rounding at most.
    """
    gamma, beta = p[f"{path}.gamma"] * p[f"{path}.gamma_s"], p[f"{path}.beta"] + p[f"{path}.beta_s"]
    mean, var, y = list(p[f"{path}.mean"].unbind(0)), list(p[f"{path}.var"].unbind(0)), []
    rounding = torch.finfo(x.dtype).eps ** 2
    for s, rows in enumerate(x.split(sizes)):
        if training and sizes[s] > 1:
            first = rows[0].detach()
            moving, var[s] = mean[s] - first, var[s].clone()
            y.append(torch.batch_norm(rows - first, gamma[s], beta[s], moving, var[s], True, rate, eps, False))
            mean[s] = moving + first
        else:
            weight = gamma[s] * (var[s] > rounding * (var[s] + mean[s] ** 2))
            y.append(torch.batch_norm(rows, weight, beta[s], mean[s], var[s], False, rate, eps, False))
    return torch.cat(y), {f"{path}.mean": torch.stack(mean), f"{path}.var": torch.stack(var)}
