"""A model with its optimisers, in one of the settings."""

import math
from contextlib import nullcontext
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from job import Batch, Job
from pieces import covariance
from systems import SYSTEMS


class Setting(NamedTuple):
    """sparse: gradients of tables; compiled: by torch.compile; products: in "float32", "tf32" or "bfloat16"."""

    sparse: bool = True
    compiled: bool = False
    products: str = "float32"


SETTINGS = {
    "torch-fp32": Setting(),
    "torch-fp32-dense": Setting(sparse=False),
    "torch-compile": Setting(compiled=True),
    "torch-bf16": Setting(products="bfloat16"),
    "torch-tf32": Setting(products="tf32"),
    "torch-tf32-dense": Setting(sparse=False, products="tf32"),
    "torch-tf32-compile": Setting(compiled=True, products="tf32"),
}
CPU = ("torch-fp32", "torch-fp32-dense", "torch-compile", "torch-bf16")
CUDA = {  # first those in the precision of ours, then others
    "float32": (*CPU, "torch-tf32"),
    "tf32": ("torch-tf32", "torch-tf32-dense", "torch-tf32-compile", "torch-bf16", "torch-fp32"),
}


def offered(job: Job) -> list[str]:
    """The settings that are worth timing beside ours."""
    return list(CPU if job.device.type == "cpu" else CUDA[job.precision])


B1, B2, EPS = 0.9, 0.999, 1e-8


class Contender:
    """Parameters of its own, and what a step does with them.

    With sparse gradients, tables are trained by `SparseAdam` (touched rows only: `lazy_adam`), without by `Adam`, as is
    all else, fused. What is compiled is all but the look-up and the optimisers, forward and backward: gradients of
    tables stay sparse that way, which a compiled look-up has no notion of.
    """

    def __init__(self, job: Job, params: dict[str, np.ndarray], setting: str) -> None:
        self.job, (self.sparse, self.compiled, self.products) = job, SETTINGS[setting]
        self.shapes = {path: w.shape[1:] for path, w in params.items() if path.endswith(".table")}  # (M, E)
        there = {path: torch.tensor(w, device=job.device) for path, w in params.items()}
        self.tables = {path: there[path].flatten(1).requires_grad_() for path in self.shapes}
        self.dense = {
            path: w.requires_grad_(path not in job.running) for path, w in there.items() if path not in self.shapes
        }
        trained = [w for w in self.dense.values() if w.requires_grad]
        self.optimisers: list[torch.optim.Optimizer] = []
        tables = list(self.tables.values())
        if self.sparse:
            self.optimisers.append(torch.optim.SparseAdam(tables, job.lr, (B1, B2)))
        else:
            trained += tables
        self.optimisers.append(torch.optim.Adam(trained, job.lr, (B1, B2), EPS, fused=True))
        self.steps = 0
        self.objective, self.forward = self._objective, self._forward
        if self.compiled:
            self.objective, self.forward = (
                torch.compile(self._objective, fullgraph=True),
                torch.compile(self._forward, fullgraph=True),
            )

    def train(self, batch: Batch) -> torch.Tensor:
        """One step; returns the loss before it, which on a GPU is not waited for."""
        self.steps += 1
        self._multiply()
        loss, moved = self.objective(self.dense, self._look_up(batch), batch)
        loss.backward()
        if self.job.config.l2:
            self._decay(batch)
        if self.sparse:
            # SparseAdam adds eps to sqrt(v) before the bias correction, Adam after it: this makes the two the same.
            self.optimisers[0].param_groups[0]["eps"] = EPS * math.sqrt(1 - B2**self.steps)
        for optimiser in self.optimisers:
            optimiser.step()
            optimiser.zero_grad()
        for path, value in moved.items():
            self.dense[path].copy_(value.detach())
        return loss.detach()

    @torch.inference_mode()
    def logits(self, batch: Batch) -> torch.Tensor:
        """(B,) float32."""
        self._multiply()
        return self.forward(self.dense, self._look_up(batch), batch)

    def warm_up(self, batches: list[Batch], training: bool) -> None:
        """Compile for all batches, whose domains differ in size, and leave the parameters as they are."""
        for batch in batches:
            if not training:
                self.logits(batch)
                continue
            self._multiply()
            self.objective(self.dense, self._look_up(batch), batch)[0].backward()
            for optimiser in self.optimisers:
                optimiser.zero_grad()

    def _look_up(self, batch):
        return {
            path.removesuffix(".table"): F.embedding(self.job.places(path, batch), w, sparse=self.sparse).unflatten(
                2, self.shapes[path]
            )
            for path, w in self.tables.items()
        }

    def _multiply(self):
        """Make the products of this setting's precision PyTorch's: the switch is one for the process."""
        torch.backends.cuda.matmul.allow_tf32 = self.products == "tf32"

    def _precision(self):
        is_half = self.products == "bfloat16"
        return torch.autocast(self.job.device.type, torch.bfloat16) if is_half else nullcontext()

    def _objective(self, p, x, batch):
        """Eq. (7), and what running values become."""
        with self._precision():
            taps = SYSTEMS[self.job.model](p, x, batch, self.job, training=True)
            cov = covariance(taps.experts) if self.job.alpha else 0.0
        fit = F.binary_cross_entropy_with_logits(taps.logits.float(), batch.labels, batch.weights, reduction="sum")
        return fit + self.job.alpha * cov + taps.penalty, taps.moved

    def _forward(self, p, x, batch):
        with self._precision():
            return SYSTEMS[self.job.model](p, x, batch, self.job, training=False).logits.float()

    @torch.no_grad()
    def _decay(self, batch):
        """l2 times the row is added to the gradient of each row that the batch touched."""
        for path, w in self.tables.items():
            if self.sparse:
                w.grad = w.grad.coalesce()
                w.grad.values().add_(w[w.grad.indices()[0]], alpha=self.job.config.l2)
            else:
                rows = self.job.places(path, batch).unique()
                w.grad.index_add_(0, rows, w[rows], alpha=self.job.config.l2)
