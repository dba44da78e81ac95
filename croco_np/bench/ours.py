"""One step of ours: what `croco_np.train` does with a batch, or the forward pass of a model that is used."""

from collections.abc import Callable
from dataclasses import replace
from itertools import cycle
from typing import Any

import numpy as np

from ..batch import Batch
from ..losses.bce import sigmoid
from ..models import System
from ..models.twins import definition
from ..train.ahead import arriving
from ..train.trainer import Trainer
from ..tree import Tree
from .place import watch_of
from .workloads import Workload


def probabilities(model: System, params: Tree, batch: Batch) -> np.ndarray:
    """Click probabilities of the rows of a batch, (B,)."""
    out, _ = model.forward(params, batch._replace(training=False))
    return sigmoid(out.logits)


class Ours:
    """A workload ready to run; parameters and batches are made here, the first step compiles.

    predict  steps are inference in the place of training
    first    of the first step: its loss before it (training) or its mean probability, to compare with a peer's
    on_host  the batches as they were made
    batches  the same where the parameters lie: brought there once
    watch    what tells the seconds of a step
    """

    def __init__(self, workload: Workload, predict: bool = False) -> None:
        self.workload, self.predict = workload, predict
        self.first: Any = None  # before the first step
        self.trainer = Trainer.from_config(workload.config, workload.splits())
        if not workload.twins:
            self.trainer = replace(self.trainer, model=definition(self.trainer.model))
        self.backend: Any = self.trainer.backend
        self.watch = watch_of(self.backend)
        self.state = self.trainer.start()
        self.on_host = list(self.trainer.batches(1))
        self.batches = [batch.brought(self.backend.bring) for batch in self.on_host]

    def step(self, i: int) -> float:
        """One step on batch `i` modulo the number of batches -> seconds."""
        return self._timed(lambda: self.batches[i % len(self.batches)])

    def streamed(self) -> Callable[[int], float]:
        """function(i) -> seconds of a step while the next batch comes from the host, as in training (`train.ahead`)."""
        coming = arriving(cycle(self.on_host), self.backend)
        batches = iter(coming)
        return lambda i: self._timed(lambda: next(batches), coming.look_ahead)

    def _timed(self, get, afterwards=lambda: None):
        start = self.watch.mark()
        batch = get()
        if self.predict:
            result = probabilities(self.trainer.model, self.state.params, batch)
        else:
            result = self.trainer.step(self.state, batch, defer=True)["total"]
        end = self.watch.mark()
        afterwards()
        seconds = self.watch.seconds(start, end)
        if self.first is None:
            self.first = float(np.mean(result))
        return seconds
