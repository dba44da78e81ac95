"""One flat table of clicks, a row an impression: columns in memory, or a CSV or Parquet file, to `Splits`."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from textwrap import wrap
from typing import Any

import numpy as np

from ..errors import InputError, OptionError
from .aliccp_census import MOST_DOMAINS
from .card import WIDTH, card
from .encoder import Column, Encoder
from .oddities import share
from .splits import RARE, Rows, Schema, Splits, on_labels, with_fingerprint
from .table_options import Options
from .table_rows import check_leaks, read_fields, read_labels, repeated, usable
from .table_split import NAMES, by_chance, by_time, by_user
from .values import KINDS, Values, distinct, group_keys
from .vocabulary import Vocabulary

_BLOCK_ROWS = 1 << 13  # of ids that fit into a processor's cache


def from_columns(
    columns: Any,
    *,
    label: Any,
    user: str,
    item: str,
    domain: str,
    time: str | None = None,
    fields: Sequence[str] | None = None,
    split: str | None = None,
    valid_share: float = 0.1,
    test_share: float = 0.1,
    train_until: float | str | None = None,
    valid_until: float | str | None = None,
    min_count: int = 10,
    seed: int = 0,
    name: str = "table",
    context: Sequence[str] = (),
    kinds: Mapping[str, str] | None = None,
    drop_duplicates: bool = False,
) -> Splits:
    """A table of clicks -> `Splits`: rows divided, values numbered, vocabularies kept in the encoder.

    columns       pandas DataFrame, or mapping from a name to an array or a list, one value a row
    label         name of the column of clicks (0 and 1, False and True), or the clicks themselves; a Series that is a
                  column of the table is taken as its name
    user, item, domain
                  names of the columns of who saw, what was seen, and where; up to 255 domains
    time          name of the column of when: numbers, or dates as ISO 8601 has them
    fields        names of the columns that the model sees; user, item and domain always are. None: all but label and
                  time, since what comes later must not tell of a row
    split         "time" (the default if there is a time): oldest rows train, latest test, rows of one time stay
                  together; "random" (the default otherwise): by `seed`, whatever the order of the rows; "user": by
                  `seed`, and all rows of a user in one part
    valid_share, test_share
                  shares of the rows; 0 for no such rows
    train_until, valid_until
                  for "time": the last time of training and of validation rows, instead of shares. A number where times
                  are numbers; where they are dates, a day as YYYYMMDD, with all its hours
    min_count     values of a field that occur less often in the training rows become id 0; domains never do
    context       names of fields that say whose the item is (author, shop), for PEPNet
    kinds         {field: kind} where the kind of a column (`values.KINDS`) should not be inferred from its values
    drop_duplicates
                  leave out rows that equal an earlier one in all columns used; without it they are only counted

    None, NaN, NA, NaT, masked entries and "" are missing; the texts "NA" and "None" are values. Texts are numbers only
    as programs write them, so "007" is not 7. Dates are texts of ISO 8601, whatever holds them.

    Rows without a click, domain or (for "time") time are dropped and counted. A field that says the same as the labels
    is refused. Raises InputError, one line, for all that cannot be used; rows are counted from 0 in it.
    """
    there = _as_dict(columns)
    label, clicks = _label_of(label, there)
    if clicks is not None:
        there[label] = clicks
    options = Options(
        label,
        user,
        item,
        domain,
        time,
        fields,
        split,
        valid_share,
        test_share,
        train_until,
        valid_until,
        min_count,
        seed,
        name,
        context,
        dict(kinds or {}),
        drop_duplicates,
        label_apart=clicks is not None,
    )
    return _splits(there, options, "row {}".format)


def read(path: str | Path, *, label: str, user: str, item: str, domain: str, **others: Any) -> Splits:
    """A file of clicks, .csv, .csv.gz or .parquet -> `Splits`; all but `path` as for `from_columns`.

    In CSV, which cannot tell them from gaps, NA, null and the like are missing; notes count them in columns of text.
    InputErrors name the file and, of CSV, the line; options are called by their flags on a command line.
    """
    from .table_files import read_file  # pandas, half a second that nobody else has to wait

    options = Options(label, user, item, domain, **others)
    file = read_file(path)
    try:
        return _splits(_as_dict(file.frame), options, file.place, file.notes)
    except OptionError as error:
        say = error.message
        raise OptionError(lambda called: f"{path}: {say(called)}") from error
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _splits(columns: dict[str, Any], options: Options, place: Callable[[int], str], notes=()) -> Splits:
    """Columns and options -> `Splits`. place: function(row) -> where it is, for messages."""
    options.check(list(columns))
    labels = read_labels(columns[options.label], options.label_called, place)
    kinds, table = read_fields(columns, options, len(labels))
    keep, dropped, times = usable(columns, options, labels, table, place)
    check_leaks(table, labels, keep, options.domain)
    keys = [group_keys(table[name]) for name in (options.user, options.item, options.domain)]
    moments = [] if times is None else [times.at.view(np.int64)]
    again = repeated([values.at for values in table.values()] + [labels, *moments], keep)
    if options.drop_duplicates:
        dropped[f"equal to an earlier one in all {len(table) + 1 + len(moments)} columns used"] = int(again.sum())
        keep &= ~again
    rows = np.flatnonzero(keep)
    divided = _divided(options, rows, keys, times)
    parts = {name: rows[part] for name, part in zip(NAMES, divided, strict=True)}

    vocabularies = [_vocabulary(values, parts["train"], options.min_count) for values in table.values()]
    vocabularies[list(table).index(options.domain)] = _domains(options.domain, table[options.domain], rows)
    schema = _schema(options, table, vocabularies)
    columns_of = tuple(Column(name, kinds[name], v) for name, v in zip(table, vocabularies, strict=True))
    encoder = Encoder(schema, columns_of, options.label)
    split = {name: _rows(part, table, vocabularies, labels, keys[0], schema) for name, part in parts.items()}
    items = {name: keys[1][part] for name, part in parts.items()}
    notes = (
        *notes,
        f"{len(labels):,} rows, {len(rows):,} of them used" + _why_not(dropped, len(labels)),
        *_by_kind(kinds),
        *_on_duplicates(int(again.sum()), len(rows), options),
        *_absent(split["train"], schema),
        *on_labels({name: rows for name, rows in split.items() if rows.n}),
        *_of_no_use(schema, options.min_count),
        *card(schema, split, items, dropped),
    )
    return with_fingerprint(Splits(options.name, False, schema, **split, notes=notes, encoder=encoder))


def _as_dict(columns):
    """Columns by name, in order; InputError for names that are no text or not unique."""
    if not hasattr(columns, "keys") or hasattr(columns, "to_frame"):  # a Series is one row, or one column
        raise InputError(f"columns: a {type(columns).__name__}, want a pandas DataFrame, or a dict of arrays")
    names = list(columns.keys())
    if wrong := [name for name in names if not isinstance(name, str)]:
        raise InputError(f"columns: the name {wrong[0]!r:.40} is no text; rename it")
    if twice := [name for name in names if names.count(name) > 1]:
        raise InputError(f"two columns are called {twice[0]!r}; rename one")
    return {name: columns[name] for name in names}


def _label_of(label, there):
    """The name of the column of clicks, and the clicks if they are no column of the table, else None."""
    if isinstance(label, str) or label is None:
        return label, None
    name = getattr(label, "name", None)
    if isinstance(name, str) and name in there and _is_same(label, there[name]):
        return name, None
    return _free_name("label", there), label


def _is_same(clicks, column):
    """Whether clicks are the values of a column, in the same order."""
    try:
        one, other = (distinct(raw, "integer") for raw in (clicks, column))
    except ValueError:
        return False
    return np.array_equal(one.take(one.values, -1), other.take(other.values, -1))


def _free_name(name, there):
    while name in there:
        name += "_"
    return name


def _divided(options, rows, keys, times):
    """Positions of training, validation and test rows among the rows that are used."""
    keys = [key[rows] for key in keys]
    if options.how == "time":
        times = times._replace(at=times.at[rows], known=times.known[rows])
        return by_time(times, options.shares, options.train_until, options.valid_until)
    if options.how == "user":
        return by_user(keys[0], keys, options.shares, options.seed)
    return by_chance(keys, options.shares, options.seed)


def _vocabulary(values: Values, train, min_count):
    """The values that are frequent in the training rows."""
    at = values.at[train]
    counts = np.bincount(at[at >= 0], minlength=len(values.values))
    return Vocabulary(np.sort(values.values[counts >= min_count]))


def _domains(name, values: Values, rows):
    """The values of the domain, all that some rows have: a domain is never rare."""
    kept = np.sort(values.values[np.unique(values.at[rows])])
    if len(kept) > MOST_DOMAINS:
        some = ", ".join(map(str, kept[:3].tolist()))
        raise InputError(
            f"domain: {name} has {len(kept):,} values ({some}, ...), want at most {MOST_DOMAINS}; is it the right one?"
        )
    return Vocabulary(kept)


def _schema(options, table, vocabularies):
    fields = tuple(table)
    values = vocabularies[fields.index(options.domain)].kept
    names = tuple(str(value) if values.dtype == object else f"{options.domain} {value}" for value in values.tolist())
    sizes = tuple(vocabulary.size for vocabulary in vocabularies)
    return Schema(fields, sizes, options.user, options.item, options.domain, names, tuple(options.context))


def _rows(part, table, vocabularies, labels, users, schema):
    """The `Rows` at some positions."""
    ids = np.empty((len(part), len(table)), np.int32)
    of_values = [vocabulary.encode(v.values) for v, vocabulary in zip(table.values(), vocabularies, strict=True)]
    of_values = [np.append(found, [RARE, RARE]).astype(np.int32) for found in of_values]  # FOREIGN and MISSING
    for start in range(0, len(part), _BLOCK_ROWS):
        block = slice(start, start + _BLOCK_ROWS)
        for f, values in enumerate(table.values()):
            ids[block, f] = of_values[f][values.at[part[block]]]
    domains = (ids[:, schema.fields.index(schema.domain)] - 1).astype(np.uint8)
    return Rows(ids, labels[part].astype(np.uint8), domains, users[part])


def _by_kind(kinds):
    """Lines on which fields were taken as what: kinds are inferred, and may be a surprise."""
    fields = {kind: [name for name, k in kinds.items() if k == kind] for kind in KINDS}
    lines = [wrap(f"fields of kind {kind}: {', '.join(names)}", WIDTH) for kind, names in fields.items() if names]
    return [line for some in lines for line in some]


def _why_not(dropped, total):
    """Why the other rows are not used, with their shares."""
    return "".join(f"; {why} {share(n, total)}" for why, n in dropped.items() if n)


def _on_duplicates(n, total, options):
    if not n or options.drop_duplicates:
        return []
    return [f"rows that equal an earlier one in all columns used: {share(n, total)}; they are kept"]


def _absent(train, schema):
    """A note on the domains that have no training row."""
    absent = [name for s, name in enumerate(schema.domains) if not (train.domains == s).any()]
    return [f"no training rows, so nothing is learnt of: {', '.join(absent)}"] if absent else []


def _of_no_use(schema, min_count):
    """A line for each field of which every value is rare, as of numbers that hardly ever repeat."""
    empty = [name for name, size in zip(schema.fields, schema.vocabulary, strict=True) if size == 1]
    why = f"no value occurs {min_count} times in the training rows, so nothing is learnt from it; cut it into bins"
    return [f"{name}: {why}" for name in empty]
