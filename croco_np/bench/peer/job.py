"""What the process was started for: the folder's three files."""

import json
from functools import cache
from itertools import accumulate
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import torch
from systems import SYSTEMS

DEFAULTS = {"cov_reduction": "sum", "cov_within": False, "cov_rows": 0}  # the CovLoss that is written down here


class Batch(NamedTuple):
    """Rows sorted by domain.

    ids      (B, F) int64
    labels   (B,)
    domains  (B,) int64       domain of each row
    sizes    S integers       rows of each domain
    weights  (B,)             of each row's cross-entropy
    """

    ids: torch.Tensor
    labels: torch.Tensor
    domains: torch.Tensor
    sizes: list[int]
    weights: torch.Tensor


class Job(NamedTuple):
    """config: all fields of the run's config, as attributes; the rest as in job.json and its schema.

    running    paths of the values that are tracked, not trained: the model itself says what they become
    device     where all tensors lie: "cpu", or "cuda", the GPU that ours runs on
    precision  of ours: "float32" or "tf32"
    """

    model: str
    config: SimpleNamespace
    vocabulary: list[int]
    prior_fields: list[int]
    personal_fields: list[int]
    n_domains: int
    alpha: float
    lr: float
    running: list[str]
    threads: int
    device: torch.device
    precision: str

    def places(self, path: str, batch: Batch) -> torch.Tensor:
        """The rows of a table that a batch looks up, (B, F); tables of one name hold their fields one below another."""
        *owner, name = path.split(".")[:-1]
        if name == "domain":
            return batch.domains[:, None]
        ids = batch.ids
        if owner:  # a domain's own
            ids = ids.split(batch.sizes)[int(owner[0])]
        prior = self.personal_fields if self.model == "pepnet" else self.prior_fields
        fields, sizes = {"embeddings": None, "prior": prior}[name], self.vocabulary
        if fields is not None:
            ids, sizes = ids[:, fields], [sizes[f] for f in fields]
        return ids + _starts(tuple(sizes), ids.device)


@cache
def _starts(sizes, device):
    """The first row of each field in a table of all, made once: a GPU would fetch it from the host at each step."""
    return torch.tensor([0, *accumulate(sizes[:-1])], device=device)


def read(folder: str | Path) -> tuple[Job, dict[str, np.ndarray], list[Batch]]:
    """The job, its parameters {path: float32 array} and its batches; ValueError for what is not written down here."""
    folder = Path(folder)
    raw = json.loads((folder / "job.json").read_text())
    if raw["model"] not in SYSTEMS:
        raise ValueError(f"the peer has no system {raw['model']}")
    same = {k: raw[k] for k in ("model", "alpha", "lr", "threads", "running", "precision")}
    job = Job(**same, **raw["schema"], config=_config(raw), device=_device(raw["device"]))
    with np.load(folder / "params.npz") as arrays:
        params = dict(arrays)
    with np.load(folder / "batches.npz") as arrays:
        n = len(arrays.files) // 3
        batches = [_batch(job, *(arrays[f"{i}.{part}"] for part in ("ids", "labels", "sizes"))) for i in range(n)]
    return job, params, batches


def _device(name):
    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"PyTorch {torch.__version__} finds no GPU in the peer's interpreter; --peer-python names it")
    return torch.device(name)


def _config(raw):
    config = SimpleNamespace(**raw["config"])
    if raw["alpha"] and config.loss != "covariance":
        raise ValueError(f"the peer has no loss {config.loss}, only covariance")
    for name, value in DEFAULTS.items():
        if raw["alpha"] and getattr(config, name) != value:
            raise ValueError(f"the peer has CovLoss with {name} = {value} only")
    if config.reduction == "dataset_mean":
        raise ValueError("the peer has the reductions batch_mean and domain_mean only")
    return config


def _batch(job, ids, labels, sizes):
    weights = 1 / np.maximum(sizes, 1) if job.config.reduction == "domain_mean" else np.full(len(sizes), 1 / len(ids))
    return Batch(
        ids=torch.from_numpy(ids).to(job.device),
        labels=torch.from_numpy(labels).to(job.device),
        domains=torch.from_numpy(np.repeat(np.arange(len(sizes)), sizes)).to(job.device),
        sizes=sizes.tolist(),
        weights=torch.from_numpy(np.repeat(weights, sizes).astype(np.float32)).to(job.device),
    )
