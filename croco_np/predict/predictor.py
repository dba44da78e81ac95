"""Click probabilities of any number of rows in the memory of one block of them."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..batch import check_rows, make_batch
from ..datasets.splits import Rows, Schema
from ..errors import InputError
from ..losses.bce import sigmoid
from ..models import fastest
from ..runs.saved import read_model

# At AliCCP's sizes the processor time of a row is the same from 1024 to 8192 rows a block (256: a fifth more).
# Threads meet at the end of each product, so where cores are shared, few large blocks are faster than many small ones.
BLOCK_ROWS = 4096


@dataclass(frozen=True)
class Predictor:
    """p = sigmoid(z), Eq. (5), for `Rows` in any order.

    model   a system of `croco_np.models`; its twin runs in its place where it has one (`models.twins`)
    params  its parameters
    schema  the columns that it was built for
    dtype   precision of the activations
    block   rows that run through the model at a time

    A forward pass keeps all activations for the backward pass. There is none here, so a block's are dropped before the
    next block: memory does not grow with N, beyond the result. Inside a block the rows are sorted by domain, and put
    back. Where the blocks end changes a result by rounding at most, since rows are independent outside of training.

    Rows need `ids` and `domains`; `labels` must be there and are not looked at. Raises InputError for an id or a domain
    that the model has no parameters for; id 0 stands for whatever it does not know.
    """

    model: Any
    params: dict
    schema: Schema
    dtype: str = "float32"
    block: int = BLOCK_ROWS

    @classmethod
    def load(cls, run):
        """The best weights of a run, from its folder alone; the data are not needed."""
        saved = read_model(run)
        return cls(saved.model, saved.params, saved.schema, saved.config.dtype)

    def blocks(self, rows):
        """Yield the logits (n,) of one block of rows after the other, n <= `block`, in the order of the rows."""
        model = fastest(self.model)
        for start in range(0, rows.n, self.block):
            stop = min(start + self.block, rows.n)
            some = Rows._make(column[start:stop] for column in rows)
            try:
                check_rows(some, self.schema, start, labels=False)
            except (TypeError, ValueError) as error:
                raise InputError(f"{error}; encode the rows with the vocabularies of the run's data") from error
            batch, at = make_batch(rows, np.arange(start, stop), self.schema, self.dtype, training=False)
            z = np.empty(len(at))
            z[at - start] = model.forward(self.params, batch)[0].logits
            yield z

    def logits(self, rows):
        """Click logits of all rows, (N,) float64."""
        z, done = np.empty(rows.n), 0
        for block in self.blocks(rows):
            z[done : done + len(block)] = block
            done += len(block)
        return z

    def probabilities(self, rows):
        """Click probabilities of all rows, (N,) float64."""
        return sigmoid(self.logits(rows))

    def stream(self, parts):
        """Yield (rows, probabilities) for each `Rows` of an iterable that may have no end."""
        for rows in parts:
            yield rows, self.probabilities(rows)
