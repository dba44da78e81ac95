"""What every reader returns: rows of ids, split into train, validation and test."""

from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple, Self

import numpy as np

from ..storage.digest import of_array, of_json
from .oddities import share

RARE = 0  # id 0 of every field: rarer than the exposure threshold in the training rows, unseen there, or missing


@dataclass(frozen=True)
class Schema:
    """The columns of a data set, after encoding.

    fields      F names, in the order of the columns of `Rows.ids`
    vocabulary  F sizes; the ids of field f run from 0 (`RARE`) to vocabulary[f] - 1
    user, item, domain
                names of the fields that hold the user, the item and the domain; the first two and the third feed
                the prior embedding of Eq. (9)
    domains     S display names; domain s has id s + 1 in the domain field
    context     names of the fields that hold whose the item is (author, shop), where the data set says so
    """

    fields: tuple[str, ...]
    vocabulary: tuple[int, ...]
    user: str
    item: str
    domain: str
    domains: tuple[str, ...]
    context: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        names, sizes = set(self.fields), self.vocabulary
        if not self.fields or len(names) < len(self.fields) or len(sizes) != len(self.fields):
            raise ValueError(f"schema: {len(self.fields)} fields of {len(names)} names, {len(sizes)} vocabularies")
        if wrong := [v for v in sizes if not isinstance(v, (int, np.integer)) or v < 1]:
            raise ValueError(f"schema: a vocabulary of {wrong[0]!r:.40}, want a whole number from 1, that of id 0")
        for name in (self.user, self.item, self.domain, *self.context):
            if name not in names:
                raise ValueError(f"schema: no field {name!r:.40}")
        if not self.domains:
            raise ValueError("schema: no domain")

    @classmethod
    def from_json(cls, entries: dict[str, Any]) -> Self:
        """The schema from its fields as a JSON file has them: tuples are lists."""
        kept: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in entries.items()}
        return cls(**kept)

    @property
    def prior_fields(self) -> tuple[int, ...]:
        """Columns of user, item and domain (Eq. 9), as indices into `fields`."""
        return tuple(self.fields.index(name) for name in (self.user, self.item, self.domain))

    @property
    def personal_fields(self) -> tuple[int, ...]:
        """Columns of user, item and context, the prior information of PEPNet, as indices into `fields`."""
        return tuple(self.fields.index(name) for name in (self.user, self.item, *self.context))


class Rows(NamedTuple):
    """N impressions. Arrays may be memory-mapped: index them, do not copy them whole.

    ids     (N, F) int32   encoded fields
    labels  (N,)   uint8   1 = click
    domains (N,)   uint8   domain of the row, 0 .. S-1
    users   (N,)   int64   raw user, to group by in gAUC (rare users keep their identity here); -1 = no user, no group
    """

    ids: np.ndarray
    labels: np.ndarray
    domains: np.ndarray
    users: np.ndarray

    @property
    def n(self) -> int:
        """Number of impressions."""
        return self.ids.shape[0]

    def part(self, at: slice | np.ndarray) -> "Rows":
        """Some of the rows: a slice or positions."""
        return Rows._make(column[at] for column in self)


@dataclass(frozen=True)
class Splits:
    """A data set ready to train on.

    simulated  True if no genuine click is in it; everything written from it must say so
    truth      (test.n,) float64, the true click probability of each test row where a simulator knows it, else None
    notes      lines a user should see about what was read, dropped or derived, in order
    fingerprint
               checksum of the schema and all rows, which tells this data from any other; "" where nobody took it
    encoder    turns raw rows into such rows (`datasets.encoder.Encoder`); None in made-up data, which has no raw rows
    """

    name: str
    simulated: bool
    schema: Schema
    train: Rows
    valid: Rows
    test: Rows
    truth: np.ndarray | None = None
    notes: tuple[str, ...] = ()
    fingerprint: str = ""
    encoder: Any = None


def on_labels(parts: dict[str, Rows]) -> list[str]:
    """How many rows each part has and how many of them are clicks, a line each; parts is a dict of `Rows`.

    A part without clicks, or of clicks only, has no AUC, and training on it learns nothing but that: a line says so.
    """
    notes = []
    for name, rows in parts.items():
        clicks = int(np.count_nonzero(rows.labels))
        notes.append(f"{name}: {rows.n:,} rows, clicks {share(clicks, rows.n)}")
        if not rows.n:
            notes.append(f"{name} HAS NO ROWS: there is nothing to measure on it")
        elif clicks in (0, rows.n):
            what = "NO CLICKS" if clicks == 0 else "NOTHING BUT CLICKS"
            notes.append(f"{name} HAS {what}: no AUC can be measured; is the label's column the right one?")
    return notes


def with_fingerprint(splits: Splits) -> Splits:
    """The same `Splits` with the checksum of their schema and rows, as `aliccp.read` has it."""
    parts = {"train": splits.train, "valid": splits.valid, "test": splits.test}
    rows = {f"{name}/{column}": of_array(a) for name, part in parts.items() for column, a in part._asdict().items()}
    return replace(splits, fingerprint=of_json({"schema": asdict(splits.schema), "rows": rows}))
