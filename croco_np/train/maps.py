"""Covariance maps of the experts: of a run, and of its twin that is trained without the loss."""

from __future__ import annotations

from itertools import islice

import numpy as np

from ..backend import host
from ..command.progress import bar
from ..diagnostics import covariance_map
from ..tree import Tree
from .trainer import Trainer

MAP_ROWS = 4096  # validation rows of a covariance map


def covariance(trainer: Trainer, params: Tree) -> np.ndarray | None:
    """Covariance map of the experts on the first validation rows; None for a model without the tap `experts`."""
    rows = trainer.splits.valid.part(slice(0, MAP_ROWS))
    taps = (block.output.experts for block in trainer.predictor(params).outputs(rows))
    experts = [host(tap) for tap in taps if tap is not None]
    return covariance_map(np.concatenate(experts)) if experts else None


def without_loss(trainer: Trainer, n_steps: int) -> np.ndarray | None:
    """The covariance map of the experts after `n_steps` steps of a twin that is trained with alpha = 0.

    The twin has the same start and the same batches, so what differs between its map and that of the trainer is what
    the loss does.
    """
    twin = trainer.without_loss()
    state = twin.start()
    with bar(n_steps, f"twin without {trainer.objective.title}", unit="steps") as progress:
        for _ in islice(_all_steps(twin, state), n_steps):
            progress.update(1)
    twin.settle(state)
    return covariance(twin, state.params)


def _all_steps(trainer, state):
    """The steps of one epoch after the other."""
    while True:
        yield from trainer.steps(state)
        state.next_epoch()
