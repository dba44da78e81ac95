"""KuaiRand (Gao et al., CIKM 2022, doi 10.1145/3511808.3557624): the raw CSV files, Pure or 1K, plain or gzipped."""

from pathlib import Path

import numpy as np

from ..errors import InputError
from .encoder import Column, Encoder
from .kuairand_dates import misfits, split
from .kuairand_files import find
from .kuairand_logs import TABS, read_logs
from .kuairand_tables import TEXTS, USER, VIDEO, read_table
from .oddities import share
from .splits import Rows, Schema, Splits, on_labels
from .values import duration_bucket
from .vocabulary import Vocabulary

FIELDS = ["user_id", "video_id", *USER, *VIDEO, "duration", "tab"]


def read(folder: Path | str, train_until: int = 0, valid_until: int = 0, min_count: int = 10) -> Splits:
    """KuaiRand -> Splits.

    folder       holds `log_standard_*.csv[.gz]` (any number), `user_features_*` and `video_features_basic_*`
    train_until  last date (YYYYMMDD) of the training rows, valid_until: of the validation rows; later ones are test.
                 0: the last two dates of the logs are test, the two before them validation. A date with hardly any
                 rows does not count as one, and rows whose date is not that of their time do not decide
    min_count    values of a field that occur less often in the training rows become id 0

    Label: `is_click`. Domain: `tab`. Exact duplicate rows are dropped: in some logs half of tab 6 repeats. Left out as
    leaks: every other feedback column (`play_time_ms` and `long_view` decide `is_click` in the single-column tabs) and
    the statistics table (means over the test period). Impressions of users or videos without a row in the tables stay;
    their missing features are id 0.

    The encoder takes the columns of a log joined with both tables.

    Raises InputError, one line with file and line number, for whatever does not fit that form.
    """
    paths, user_path, video_path = find(folder)
    logs = read_logs(paths)
    log = logs.rows
    dates = log["date"].to_numpy()
    misfit, on_dates = misfits(dates, log["time_ms"].to_numpy())
    parts, on_days = split(dates, train_until, valid_until, misfit, logs.place)
    if any(len(part) == 0 for part in parts):
        raise InputError(
            f"{folder}: dates {dates.min()} to {dates.max()} leave train, valid, test with "
            f"{', '.join(f'{len(p):,}' for p in parts)} rows; set --train-until and --valid-until"
        )

    codes, features, on_tables = _encode_features(log, user_path, video_path)
    vocabularies = [Vocabulary.learn(c[parts[0]][c[parts[0]] >= 0], min_count) for c in codes]
    vocabularies[FIELDS.index("tab")] = Vocabulary(np.array(TABS))  # a domain is never rare
    ids = np.stack([v.encode(c) for v, c in zip(vocabularies, codes, strict=True)], axis=1)
    domains = np.searchsorted(TABS, log["tab"].to_numpy()).astype(np.uint8)
    labels = log["is_click"].to_numpy().astype(np.uint8)
    users = log["user_id"].to_numpy()
    schema = Schema(
        fields=tuple(FIELDS),
        vocabulary=tuple(v.size for v in vocabularies),
        user="user_id",
        item="video_id",
        domain="tab",
        domains=tuple(f"tab {t}" for t in TABS),
        context=("author_id",),
    )
    encoder = Encoder(schema, _columns(vocabularies, features), label="is_click")
    train, valid, test = (Rows(ids[p], labels[p], domains[p], users[p]) for p in parts)
    *others, on_duplicates = logs.notes
    on_parts = on_labels({"train": train, "valid": valid, "test": test})
    notes = (*others, *on_dates, *on_days, *on_tables, *_absent(domains[parts[0]]), *on_parts, on_duplicates)
    return Splits("kuairand", False, schema, train, valid, test, notes=notes, encoder=encoder)


def _absent(domains):
    """A note on the tabs that have no training row."""
    absent = [f"tab {tab}" for s, tab in enumerate(TABS) if not (domains == s).any()]
    return [f"no training rows, so nothing is learnt of: {', '.join(absent)}"] if absent else []


def _encode_features(log, user_path, video_path):
    """For each of `FIELDS` what all rows have as integers, -1 where missing; what a feature's codes mean; and notes."""
    codes, lost, notes = [log["user_id"].to_numpy(), log["video_id"].to_numpy()], [], []
    values = {}
    for path, key, names in ((user_path, "user_id", USER), (video_path, "video_id", VIDEO)):
        table = read_table(path, key, names)
        at = table.rows_of(log[key].to_numpy())
        if (at < 0).all():
            raise InputError(f"{path}: has not one {key} of the logs; are both of one version of KuaiRand?")
        notes += table.notes
        values |= table.values
        lost.append(f"{share((at < 0).sum(), len(at))} in {path.name}")
        for name in names:
            codes.append(np.where(at >= 0, table.codes[name][at], -1))
    codes.append(duration_bucket(log["duration_ms"].to_numpy()))
    codes.append(log["tab"].to_numpy())
    return codes, values, [*notes, f"rows whose user or video has no line: {', '.join(lost)}"]


def _columns(vocabularies, features):
    """The `Column` of each of `FIELDS`; the vocabularies of features are those of codes, and get the raw values."""
    columns = []
    for name, vocabulary in zip(FIELDS, vocabularies, strict=True):
        if name in features:
            vocabulary = Vocabulary(features[name][vocabulary.kept])
        kind = "duration" if name == "duration" else "text" if name in TEXTS else "integer"
        columns.append(Column("duration_ms" if name == "duration" else name, kind, vocabulary))
    return tuple(columns)
