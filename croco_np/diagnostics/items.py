"""The embedding tables of the item field in a trained model: their abundance and their spectra, as plain numbers."""

from collections.abc import Iterable
from typing import Any, NamedTuple, Self

import numpy as np

from ..config import Config
from ..costs.budget import table_owners
from ..datasets.splits import Schema, Splits
from ..models import MODELS
from ..tree import Tree
from .abundance import (
    Measure,
    abundance_by_domain,
    abundance_by_exposure,
    exposures,
    field_tables,
    information_abundance,
    spectra_by_domain,
    table_abundance,
    trained_rows,
)


class ItemTables(NamedTuple):
    """The item tables of a model, and who trained which of their rows.

    schema  of the data
    tables  list of (V, E), see `field_tables`
    counts  (S, V) impressions of each item in each domain, in the training rows
    owners  for each table, the domain that alone trains it, or None
    """

    schema: Schema
    tables: list[np.ndarray]
    counts: np.ndarray
    owners: list[int | None]

    @classmethod
    def of(cls, params: Tree, splits: Splits, config: Config) -> Self:
        """Those of the parameters of a run on some data."""
        schema = splits.schema
        return cls(
            schema,
            field_tables(params, schema, schema.item),
            exposures(splits.train, schema, schema.item),
            table_owners(MODELS[config.model], schema, config.sizes),
        )


def item_tables(items: ItemTables) -> dict[str, Any]:
    """Information abundance of the tables of the item field, over the rows that training moved -> dict for JSON."""
    schema, tables, counts, owners = items
    trained = [t[trained_rows(counts, o)] for t, o in zip(tables, owners, strict=True)]
    return {
        "field": schema.item,
        "tables": [
            {"rows": len(t), "width": t.shape[1], "owner": None if o is None else schema.domains[o]}
            | plain(information_abundance(t))
            for t, o in zip(trained, owners, strict=True)
        ],
        "mean": plain(table_abundance(tables, counts, owners)),
        "by_exposure": [plain(m) for m in abundance_by_exposure(tables, counts, owners)],  # the least exposed first
        "by_domain": by_name(schema.domains, map(plain, abundance_by_domain(tables, counts, owners))),
    }


def item_spectra(items: ItemTables) -> dict[str, Any]:
    """Singular values of the item tables that serve each domain, as in Figure 4 -> {domain: {"value": list}} for JSON.

    Descending and divided by the largest; of the rows that `spectra_by_domain` counts.
    """
    return by_name(items.schema.domains, map(plain, spectra_by_domain(*items[1:])))


def plain(measure: Measure) -> dict[str, Any]:
    """A measure for a JSON file: {"value": number or list}, or {"value": None, "reason": why}."""
    if measure.value is None:
        return {"value": None, "reason": measure.reason}
    return {"value": measure.value.tolist() if isinstance(measure.value, np.ndarray) else measure.value}


def by_name(names: Iterable[str], values: Iterable[Any]) -> dict[str, Any]:
    """A value for each name."""
    return dict(zip(names, values, strict=True))
