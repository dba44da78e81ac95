"""Raw rows to `Rows`: the vocabularies of a data set, kept with what is needed to apply them to new rows."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from ..errors import InputError
from .splits import RARE, Rows, Schema
from .values import KINDS, MISSING, distinct, group_keys
from .vocabulary import Vocabulary

_DTYPES = {"integer": np.int64, "duration": np.int64, "number": np.float64}  # of the values; of a text, objects
_FORMAT = 1


@dataclass(frozen=True)
class Column:
    """Where the ids of one field come from.

    source  name of the raw column
    kind    how its values are compared, one of `values.KINDS`
    """

    source: str
    kind: str
    vocabulary: Vocabulary


class Encoded(NamedTuple):
    """What `Encoder.encode` returns.

    unseen, missing  {field: rows} that got id 0, because the vocabulary does not hold their value (it is rare, or was
                     not there in training), and because they have none; an entry for each field
    """

    rows: Rows
    unseen: dict[str, int]
    missing: dict[str, int]


@dataclass(frozen=True)
class Encoder:
    """How raw rows become `Rows`: for each field of the schema, in its order, a raw column and its vocabulary.

    A trained model is of use for new rows only together with it. The vocabulary of the domain field holds the raw
    values of the domains, in order.

    label  name of the raw column of clicks
    """

    schema: Schema
    columns: tuple[Column, ...]
    label: str = "click"

    def __post_init__(self) -> None:
        sizes = tuple(column.vocabulary.size for column in self.columns)
        if sizes != tuple(self.schema.vocabulary):
            raise ValueError(f"encoder: vocabularies of sizes {sizes}, by the schema {self.schema.vocabulary}")
        if wrong := [column.kind for column in self.columns if column.kind not in KINDS]:
            raise ValueError(f"encoder: a column of kind {wrong[0]!r:.40}, want one of {', '.join(KINDS)}")
        if len(self.domain_values) != len(self.schema.domains):
            raise ValueError(f"encoder: {len(self.domain_values)} values of {len(self.schema.domains)} domains")

    @property
    def domain_values(self) -> np.ndarray:
        """The raw values of the domains (S,), in the order of `Schema.domains`."""
        return self._column(self.schema.domain).vocabulary.kept

    def _column(self, field):
        return self.columns[self.schema.fields.index(field)]

    def encode(self, columns: Any, first_row: int = 0, labels: bool = True) -> Encoded:
        """Raw columns -> `Encoded`. Blocks of rows may be encoded one by one, as `users` depend on the values alone.

        columns    pandas DataFrame with any index and dtypes, or mapping from a name to an array or a list; columns
                   that no field needs are left alone. How values are compared: see `values`
        first_row  number of the first row, in messages
        labels     whether to read the column of clicks where there is one; without it the labels of the rows are zeros

        Raises ValueError for a column that is missing, and for a row whose domain is missing or not one of those of the
        training data: no tower would know it. A value of another field that is missing, rare or unseen gets id 0.
        """
        n = _length(columns, [column.source for column in self.columns])
        ids, users = np.empty((n, len(self.columns)), np.int32), np.empty(n, np.int64)
        unseen, missing = {}, {}
        for f, (field, column) in enumerate(zip(self.schema.fields, self.columns, strict=True)):
            raw = distinct(columns[column.source], column.kind, column.source)
            if len(raw.at) != n:
                raise ValueError(f"column {column.source}: {len(raw.at):,} rows, others have {n:,}")
            ids[:, f] = raw.take(column.vocabulary.encode(raw.values), RARE)
            missing[field] = int(np.count_nonzero(raw.at == MISSING))
            unseen[field] = int(np.count_nonzero(ids[:, f] == RARE)) - missing[field]
            if field == self.schema.user:
                users = group_keys(raw)
        domains = ids[:, self.schema.fields.index(self.schema.domain)]
        self._check_domains(domains, columns, first_row)
        clicks = self._labels(columns, n, first_row) if labels else np.zeros(n, np.uint8)
        return Encoded(Rows(ids, clicks, (domains - 1).astype(np.uint8), users), unseen, missing)

    def _check_domains(self, ids, columns, first_row):
        if (ids == RARE).any():
            source, row = self._column(self.schema.domain).source, int((ids == RARE).argmax())
            value = _item(columns[source], row)
            known = ", ".join(map(str, self.domain_values[:20].tolist()))
            more = f" and {len(self.domain_values) - 20} more" if len(self.domain_values) > 20 else ""
            raise ValueError(f"row {first_row + row}: {source} is {value!r:.60}, none of the domains {known}{more}")

    def _labels(self, columns, n, first_row):
        if self.label not in columns:
            return np.zeros(n, np.uint8)
        raw = distinct(columns[self.label], "integer", self.label)
        if len(raw.at) != n:
            raise ValueError(f"column {self.label}: {len(raw.at):,} rows, others have {n:,}")
        labels = raw.take(raw.values, -1)
        if (wrong := (labels != 0) & (labels != 1)).any():
            row = int(wrong.argmax())
            value = _item(columns[self.label], row)
            raise ValueError(f"row {first_row + row}: {self.label} is {value!r:.60}, want 0 or 1")
        return labels.astype(np.uint8)

    def state(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """The encoder as arrays {name: array} and plain facts for JSON; `from_state` is the inverse, to the bit."""
        arrays: dict[str, np.ndarray] = {}
        for f, column in enumerate(self.columns):
            arrays |= {f"{f}.{name}": a for name, a in _pack(column).items()}
        kept = [{"source": column.source, "kind": column.kind} for column in self.columns]
        return arrays, {"format": _FORMAT, "schema": _plain(self.schema), "columns": kept, "label": self.label}

    @classmethod
    def from_state(cls, arrays: Mapping[str, np.ndarray], facts: Mapping[str, Any]) -> "Encoder":
        """The inverse of `state`; InputError for what is none."""
        try:
            if facts["format"] != _FORMAT:
                raise ValueError(f"format {facts['format']!r:.20}")
            schema = Schema.from_json(facts["schema"])
            kept = [(str(c["source"]), c["kind"]) for c in facts["columns"]]
            columns = tuple(Column(*c, _unpack(arrays, f, c[1])) for f, c in enumerate(kept))
            used = {f"{f}.{name}" for f, column in enumerate(columns) for name in _pack(column)}
            if foreign := sorted(set(arrays) - used):
                raise ValueError(f"array {foreign[0]!r:.40}")
            return cls(schema, columns, str(facts["label"]))
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise InputError(
                f"not the vocabularies of a data set ({error!s:.120}); restore them from a copy"
            ) from error


def _plain(schema):
    return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(schema).items()} | {
        "vocabulary": [int(size) for size in schema.vocabulary]
    }


def _length(columns, sources):
    """Number of rows; ValueError if one of the columns is not there, or there twice."""
    there = [str(name) for name in columns.keys()]  # noqa: SIM118 (a DataFrame, too)
    for source in sources:
        if source not in columns:
            raise ValueError(f"no column {source!r}; there are: {', '.join(there)[:400] or 'none'}")
        if there.count(source) > 1:
            raise ValueError(f"{there.count(source)} columns are called {source!r}; keep one")
    return len(columns[sources[0]])


def _item(column, row):
    """One raw value, for a message, without NumPy's wrapping."""
    value = column.iloc[row] if hasattr(column, "iloc") else column[row]
    return value.item() if isinstance(value, np.generic) else value


def _pack(column):
    """The vocabulary of a column as arrays; texts are UTF-8 bytes, one after another, and where each ends."""
    kept = column.vocabulary.kept
    if column.kind != "text":
        return {"values": np.asarray(kept, _DTYPES[column.kind])}
    texts = [text.encode("utf-8", "surrogatepass") for text in kept]
    ends = np.cumsum([len(text) for text in texts], dtype=np.int64)
    return {"text": np.frombuffer(b"".join(texts), np.uint8), "ends": ends}


def _unpack(arrays, f, kind):
    """The inverse of `_pack`; ValueError unless the values are sorted and distinct, as look-ups rely on."""
    if kind not in KINDS:
        raise ValueError(f"kind {kind!r:.20}")
    if kind == "text":
        text, ends = _expect(arrays, f"{f}.text", np.uint8), _expect(arrays, f"{f}.ends", np.int64)
        starts = np.append(0, ends)
        if (np.diff(starts) < 0).any() or starts[-1] != len(text):
            raise ValueError(f"array {f}.ends")
        data, bounds = text.tobytes(), starts.tolist()
        kept = np.empty(len(ends), object)
        kept[:] = [data[a:b].decode("utf-8", "surrogatepass") for a, b in pairwise(bounds)]
    else:
        kept = _expect(arrays, f"{f}.values", _DTYPES[kind])
    if not (kept[:-1] < kept[1:]).all():
        raise ValueError(f"values of column {f}, not sorted")
    return Vocabulary(kept)


def _expect(arrays, name, dtype):
    a = arrays[name]
    if a.dtype != dtype or a.ndim != 1:
        raise ValueError(f"array {name} of {a.dtype}, {a.ndim} dimensions")
    return a
