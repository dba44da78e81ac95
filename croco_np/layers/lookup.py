"""Experts on embeddings: Eqs. (3) and (4) in one layer, which multiplies fewer rows."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..arguments import expect
from ..backend import host
from ..batch import check_ids
from ..kernels.rows import add_rows, gather, sum_by_row, sum_rows
from ..tree import RowGrad, in_row
from .embedding import Embeddings
from .experts import Experts, add_bias_relu, products, products_backward, stacked_relu_backward

FEW = 128  # values of a field that is worth projecting: far fewer than a batch has rows


class Narrow(NamedTuple):
    """The places of the fields with few values: which values occur, which of them each place uses, and their fields."""

    values: np.ndarray
    slots: np.ndarray
    fields: list


class LookUpCache(NamedTuple):
    p: dict
    rows: np.ndarray
    x: np.ndarray
    narrow: Narrow
    y: np.ndarray
    above: list


@dataclass(frozen=True)
class LookUpExperts:
    """M experts that read M embedding tables, or one: o = experts(embeddings(ids)), Eqs. (3) and (4), to rounding.

    The first layer multiplies what was looked up, block by block of its weights:

        z_m = sum_f E_f^m[id_f] W_f^m + b_m               W_f^m: the E rows of W_m that field f feeds

    and a look-up is linear, E[id] W = (E W)[id]. So a field with no more than `few` values is multiplied once for each
    value that occurs, T_f = E_f W_f, not once for each row of the batch, and T_f is looked up. Nine of the fields of
    AliCCP have fewer than a hundred values: their share of the largest product is not computed, forwards or backwards.

    ids (B, F) -> o (B, M, K). Params {"embeddings": ..., "experts": ...} as those two layers have them.

    Backward, given dz:
        wide fields      dx_f = dz W_f^T,  dW_f = x_f^T dz,  and dE_f sums dx_f by row, as in `Embeddings`
        narrow fields    dT_f[v] = sum of dz over the rows with id v;  then dW_f = E_f^T dT_f,  dE_f = dT_f W_f^T
        where all experts read one table, dE_f is summed over them
    """

    embeddings: Embeddings
    experts: Experts
    few: int = FEW

    def init(self, rng: np.random.Generator) -> dict:
        return {"embeddings": self.embeddings.init(rng), "experts": self.experts.init(rng)}

    @property
    def is_narrow(self) -> np.ndarray:
        """(F,) which fields have few values."""
        return np.array(self.embeddings.vocabulary) <= self.few

    @property
    def narrow_fields(self) -> list[int]:
        """The fields with few values."""
        return np.flatnonzero(self.is_narrow).tolist()

    @property
    def wide_fields(self) -> list[int]:
        """All others."""
        return np.flatnonzero(~self.is_narrow).tolist()

    def blocks(self, W: np.ndarray) -> np.ndarray:
        """W (M, F E, N) as (M, F, E, N), a block for each field; a view."""
        return W.reshape(len(W), -1, self.embeddings.width, W.shape[2])

    def wide(self, W: np.ndarray) -> np.ndarray:
        """The blocks of the wide fields, below each other again: a copy."""
        blocks = self.blocks(W)[:, self.wide_fields]
        return blocks.reshape(len(W), blocks.shape[1] * self.embeddings.width, W.shape[2])

    def forward(self, p: dict, ids: np.ndarray) -> tuple[np.ndarray, LookUpCache]:
        layers = self.experts.layers
        (first, *others), table = in_row(p["experts"], len(layers)), p["embeddings"]["table"]
        n_fields, M, E = len(self.embeddings.vocabulary), self.experts.n_experts, self.embeddings.width
        check_ids(ids, self.embeddings.vocabulary)
        expect("table", table, sum(self.embeddings.vocabulary), self.embeddings.n_tables, E)
        expect("W", first["W"], M, n_fields * E, None)
        expect("b", first["b"], M, first["W"].shape[2])
        rows = self.embeddings.rows(ids)
        # The ids are right, so all rows and slots made of them are: these kernels need not look at them again (`run`).
        x = gather.run(table, rows[:, self.wide_fields])
        z = products(x, self.wide(first["W"]))
        narrow, W = self._narrow(rows), self.blocks(first["W"])
        projected = [products(table[narrow.values[at]], W[:, f]) for f, at in narrow.fields]
        if projected:
            add_rows.run(z, np.concatenate(projected), narrow.slots)
        y = o = add_bias_relu(z, first["b"])
        above = []
        for layer, own in zip(layers[1:], others, strict=True):
            o, cache = layer.forward(own, o)
            above.append(cache)
        return o, LookUpCache(p, rows, x, narrow, y, above)

    def backward(self, c: LookUpCache, do: np.ndarray) -> tuple[None, dict]:
        above = []
        for layer, cache in zip(reversed(self.experts.layers[1:]), reversed(c.above), strict=True):
            do, own = layer.backward(cache, do)
            above.append(own)
        expect("do", do, *c.y.shape)
        dz, db = stacked_relu_backward(c.y, do)
        first, table = c.p["experts"][0], c.p["embeddings"]["table"]
        dW, W = np.empty_like(first["W"], dtype=dz.dtype), self.blocks(first["W"])
        dx, dW_wide = products_backward(c.x, self.wide(first["W"]), dz)
        self.blocks(dW)[:, self.wide_fields] = dW_wide.reshape(dW.shape[0], -1, self.embeddings.width, dW.shape[2])
        dvalues = np.empty((len(c.narrow.values), *table.shape[1:]), dz.dtype, like=dz)
        dprojected = sum_rows.run(c.narrow.slots, len(c.narrow.values), dz)
        for f, at in c.narrow.fields:
            dvalues[at], self.blocks(dW)[:, f] = products_backward(table[c.narrow.values[at]], W[:, f], dprojected[at])
        wide, slots = np.unique(c.rows[:, self.wide_fields], return_inverse=True)
        rows = np.concatenate([wide, c.narrow.values])
        sums = sum_by_row.run(slots, len(wide), dx).reshape(len(wide), *table.shape[1:])
        values = np.concatenate([sums, dvalues])
        order = np.argsort(rows)
        experts = [{"W": dW, "b": db}, *above[::-1]]
        return None, {"embeddings": {"table": RowGrad(rows[order], values[order])}, "experts": experts}

    def _narrow(self, rows):
        values, slots = np.unique(rows[:, self.narrow_fields], return_inverse=True)
        ends = np.searchsorted(host(values), self.embeddings.offsets + self.embeddings.vocabulary)
        fields = [(f, slice(ends[f - 1] if f else 0, ends[f])) for f in self.narrow_fields]
        return Narrow(values, slots, fields)
