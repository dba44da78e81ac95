"""Click probabilities of any number of rows in the memory of one block of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from ..backend import host, load, of
from ..batch import check_rows, make_batch
from ..datasets.splits import Rows, Schema
from ..errors import InputError
from ..losses.bce import sigmoid
from ..metrics import evaluate_domains
from ..models import Output, fastest
from ..runs.saved import read_model
from ..tree import Tree, flatten, tree_map

# At AliCCP's sizes the processor time of a row is the same from 1024 to 8192 rows a block (256: a fifth more).
# Threads meet at the end of each product, so where cores are shared, few large blocks are faster than many small ones.
BLOCK_ROWS = 4096


class Block(NamedTuple):
    """What the model says of some rows.

    output  the taps, in the model's own order: sorted by domain; they lie where the parameters do
    cache   what the forward pass keeps
    at      (n,) position in the given rows of each row of the output
    domains S slices of the output's rows
    """

    output: Output
    cache: Any
    at: np.ndarray
    domains: tuple[slice, ...]


@dataclass(frozen=True)
class Predictor:
    """p = sigmoid(z), Eq. (5), for `Rows` in any order.

    model    a system of `croco_np.models`; its twin runs in its place where it has one (`models.twins`)
    params   its parameters; where they lie, on the host or on a device, the model runs
    schema   the columns that it was built for
    encoder  turns raw columns into `Rows` (`datasets.encoder.Encoder`), or None
    block    rows that run through the model at a time

    A forward pass keeps all activations for the backward pass. There is none here, so a block's are dropped before the
    next block: memory does not grow with N, beyond the result. Inside a block the rows are sorted by domain, and put
    back. Where the blocks end changes a result by rounding at most, since rows are independent outside of training.

    Rows need `ids` and `domains`; `labels` are not read. Raises InputError for an id or a domain that the model has no
    parameters for; id 0 stands for whatever it does not know.
    """

    model: Any
    params: Tree
    schema: Schema
    encoder: Any = None
    block: int = BLOCK_ROWS

    @classmethod
    def load(cls, run: str, backend: str = "numpy") -> Predictor:
        """The best weights of a run, from its folder or its model.safetensors; the data are not needed.

        backend  "cupy" runs the model on a GPU, wherever it was trained
        """
        place, saved = load(backend), read_model(run)
        return cls(saved.model, saved.params, saved.schema, saved.encoder).brought(place.bring)

    def brought(self, bring: Callable[[Any], Any]) -> Predictor:
        """The same with its parameters elsewhere: `backend.load("cupy").bring`, or `backend.host` for the way back."""
        return replace(self, params=tree_map(bring, self.params))

    def __getstate__(self) -> dict[str, Any]:
        """What a pickle holds: the parameters as arrays of the host. Whoever reads it may have no GPU."""
        return vars(self) | {"params": tree_map(host, self.params)}

    def outputs(self, rows: Rows) -> Iterator[Block]:
        """Yield what the model says of one block of rows after the other."""
        place = of(next(iter(flatten(self.params).values())))
        model = fastest(self.model) if place.name == "numpy" else self.model  # as in `Trainer.from_config`
        for start in range(0, rows.n, self.block):
            stop = min(start + self.block, rows.n)
            try:
                check_rows(rows.part(slice(start, stop)), self.schema, start, labels=False)
            except (TypeError, ValueError) as error:
                raise InputError(f"{error}; encode the rows with the vocabularies of the run's data") from error
            batch, at = make_batch(rows, np.arange(start, stop), self.schema, training=False)
            output, cache = model.forward(self.params, batch.brought(place.bring))
            yield Block(output, cache, at, batch.domains)
            del output, cache  # before the next ones are made

    def blocks(self, rows: Rows) -> Iterator[np.ndarray]:
        """Yield the logits (n,) of one block of rows after the other, n <= `block`, in the order of the rows."""
        for block in self.outputs(rows):
            z = np.empty(len(block.at))
            z[block.at - block.at.min()] = host(block.output.logits)
            del block  # with its cache, before the next one is made
            yield z

    def logits(self, rows: Rows) -> np.ndarray:
        """Click logits of all rows, (N,) float64."""
        z = np.empty(rows.n)
        for block in self.outputs(rows):
            z[block.at] = host(block.output.logits)
            del block  # with its cache, before the next one is made
        return z

    def probabilities(self, rows: Rows) -> np.ndarray:
        """Click probabilities of all rows, (N,) float64."""
        return sigmoid(self.logits(rows))

    def evaluate(self, rows: Rows) -> dict[str, Any]:
        """AUC, gAUC and log loss of the rows, overall and in each domain; see `metrics.evaluate_domains`."""
        return evaluate_domains(self.logits(rows), rows, self.schema.domains)

    def stream(self, parts: Iterable[Rows]) -> Iterator[tuple[Rows, np.ndarray]]:
        """Yield (rows, probabilities) for each `Rows` of an iterable that may have no end."""
        for rows in parts:
            yield rows, self.probabilities(rows)
