"""One step of ours: what `croco_np.train` does with a batch, or the forward pass of a model that is used."""

import time
from dataclasses import replace
from typing import Any

import numpy as np

from ..batch import Batch
from ..losses.bce import sigmoid
from ..models import System
from ..models.twins import definition
from ..train.trainer import Trainer
from ..tree import Tree
from .workloads import Workload


def probabilities(model: System, params: Tree, batch: Batch) -> np.ndarray:
    """Click probabilities of the rows of a batch, (B,)."""
    out, _ = model.forward(params, batch._replace(training=False))
    return sigmoid(out.logits)


class Ours:
    """A workload ready to run; parameters and batches are made here, the first step compiles.

    predict  steps are inference in the place of training
    first    of the first step: its loss before it (training) or its mean probability, to compare with a peer's
    """

    def __init__(self, workload: Workload, predict: bool = False) -> None:
        self.workload, self.predict = workload, predict
        self.first: Any = None  # before the first step
        self.trainer = Trainer.from_config(workload.config, workload.splits())
        if not workload.twins:
            self.trainer = replace(self.trainer, model=definition(self.trainer.model))
        self.state = self.trainer.start()
        self.batches = list(self.trainer.batches(1))

    def step(self, i: int) -> float:
        """One step on batch `i` modulo the number of batches -> seconds."""
        batch = self.batches[i % len(self.batches)]
        started = time.perf_counter()
        if self.predict:
            result = probabilities(self.trainer.model, self.state.params, batch)
        else:
            result = self.trainer.step(self.state, batch, defer=True)["total"]
        seconds = time.perf_counter() - started
        if self.first is None:
            self.first = float(np.mean(result))
        return seconds
