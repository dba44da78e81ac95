"""KuaiRand (Gao et al., CIKM 2022, doi 10.1145/3511808.3557624): the raw CSV files, Pure or 1K, plain or gzipped."""

import csv
import gzip
import zlib
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd

from ..errors import InputError
from .splits import Rows, Schema, Splits
from .vocabulary import Vocabulary

TABS = (0, 1, 2, 4, 6)  # the five domains of the paper, of the fifteen tabs of the app
KNOWN_TABS = range(15)
CHUNK = 500_000  # log rows read at a time
MAX_RAGGED = 10  # lines of a log with a wrong number of columns that are skipped, not refused

LOG = ["user_id", "video_id", "date", "time_ms", "duration_ms", "tab", "is_click"]
USER = [
    *("user_active_degree", "is_lowactive_period", "is_live_streamer", "is_video_author"),
    *("follow_user_num_range", "fans_user_num_range", "friend_user_num_range", "register_days_range"),
    *(f"onehot_feat{i}" for i in range(18)),
]
VIDEO = [
    *("author_id", "video_type", "upload_dt", "upload_type", "visible_status", "music_id", "music_type", "tag"),
]
FIELDS = ["user_id", "video_id", *USER, *VIDEO, "duration", "tab"]


def find(folder):
    """The raw files of a folder (or its `data` subfolder): standard logs, user table, video table.

    Raises InputError if one of the three kinds is missing.
    """
    folder = Path(folder)
    root = folder / "data" if (folder / "data").is_dir() else folder

    def files(pattern):
        return sorted(p for p in root.glob(pattern) if p.name.endswith((".csv", ".csv.gz")))

    found = files("log_standard_*"), files("user_features_*"), files("video_features_basic_*")
    for paths, what in zip(
        found, ("log_standard_*.csv", "user_features_*.csv", "video_features_basic_*.csv"), strict=True
    ):
        if not paths:
            raise InputError(
                f"{root}: no {what}[.gz] there; unpack KuaiRand-1K or KuaiRand-Pure (https://kuairand.com) into it"
            )
    for paths in found[1:]:
        if len(paths) > 1:
            raise InputError(
                f"{root}: {paths[0].name} and {paths[1].name}: keep the tables of one KuaiRand version only"
            )
    return found[0], found[1][0], found[2][0]


def read(folder, train_until=0, valid_until=0, min_count=10):
    """KuaiRand -> Splits.

    folder       holds `log_standard_*.csv[.gz]` (any number), `user_features_*` and `video_features_basic_*`
    train_until  last date (YYYYMMDD) of the training rows, valid_until: of the validation rows; later ones are test.
                 0: the last two dates of the logs are test, the two before them validation.
    min_count    values of a field that occur less often in the training rows become id 0

    Label: `is_click`. Domain: `tab`. Exact duplicate rows are dropped: in some logs half of tab 6 repeats. Left out as
    leaks: every other feedback column (`play_time_ms` and `long_view` decide `is_click` in the single-column tabs) and
    the statistics table (means over the test period). Impressions of users or videos without a row in the tables stay;
    their missing features are id 0.

    Raises InputError, one line with file and line number, for whatever does not fit that form.
    """
    logs, user_path, video_path = find(folder)
    log, notes = _read_logs(logs)
    dates = log["date"].to_numpy()
    parts = _split(dates, train_until, valid_until)
    if any(len(part) == 0 for part in parts):
        raise InputError(
            f"{folder}: dates {dates.min()} to {dates.max()} leave train, valid, test with "
            f"{', '.join(f'{len(p):,}' for p in parts)} rows; set --train-until and --valid-until"
        )

    codes = _encode_features(log, user_path, video_path)
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
    train, valid, test = (Rows(ids[p], labels[p], domains[p], users[p]) for p in parts)
    return Splits("kuairand", False, schema, train, valid, test, notes=tuple(notes))


def _read_logs(paths):
    """All logs as one frame in order of time, the paper's tabs only, no duplicates; and notes on what was dropped."""
    kept, notes, total = [], [], 0
    for path in paths:
        skip = ()
        try:
            chunks = list(_log_chunks(path, skip))
        except (ValueError, pd.errors.ParserError) as error:
            skip = _malformed_lines(path, error)
            chunks = list(_log_chunks(path, skip))
            notes.append(f"{path.name}: skipped line {', '.join(str(n + 1) for n in skip)} (wrong number of columns)")
        total += sum(n for n, _ in chunks)
        kept += [frame for _, frame in chunks]
    log = pd.concat(kept, ignore_index=True)
    notes.append(
        f"{total:,} rows in {len(paths)} log file(s), {len(log):,} of them in tabs {', '.join(map(str, TABS))}"
    )
    fresh = ~log["row_hash"].duplicated()
    notes.append(f"{int((~fresh).sum()):,} exact duplicates dropped, {int(fresh.sum()):,} rows left")
    return log[fresh].sort_values("time_ms", kind="stable", ignore_index=True), notes


def _log_chunks(path, skip):
    """(rows read, frame of the paper's tabs) for each part of a log file, checked."""
    with _clear_errors(path):
        lines_before = 2  # the header is line 1
        for chunk in pd.read_csv(path, dtype="int64", skiprows=skip, chunksize=CHUNK):
            missing = [name for name in LOG if name not in chunk]
            if missing:
                raise InputError(f"{path}: line 1: no column {missing[0]!r}; is this an unchanged KuaiRand log?")
            for column, allowed in (("is_click", (0, 1)), ("tab", KNOWN_TABS)):
                bad = np.flatnonzero(~chunk[column].isin(allowed))
                if len(bad):
                    raise InputError(
                        f"{path}: line {lines_before + bad[0] + sum(n < lines_before + bad[0] for n in skip)}: "
                        f"{column} is {chunk[column].iloc[bad[0]]}, must be {allowed[0]} to {allowed[-1]}"
                    )
            frame = chunk.loc[chunk["tab"].isin(TABS), LOG]
            hashes = pd.util.hash_pandas_object(chunk.loc[frame.index], index=False)
            yield len(chunk), frame.assign(row_hash=hashes)
            lines_before += len(chunk)


def _malformed_lines(path, error):
    """0-based numbers of the few lines with a wrong number of columns, to be skipped; one such line is known in 1K.

    Raises InputError if it is more than a few, or if a value is the problem.
    """
    ragged = []
    with _clear_errors(path), _open(path) as file:
        lines = csv.reader(file)
        header = next(lines)
        for number, line in enumerate(lines, start=1):
            if len(line) != len(header):
                ragged.append(number)
                if len(ragged) > MAX_RAGGED:
                    raise InputError(
                        f"{path}: line {ragged[0] + 1} and {MAX_RAGGED} more have not the header's {len(header)} "
                        "columns; fetch the file again"
                    )
                continue
            for name, text in zip(header, line, strict=True):
                if not text.removeprefix("-").isdecimal():
                    raise InputError(f"{path}: line {number + 1}: {name} is {text!r}, must be a whole number")
    if not ragged:
        raise InputError(f"{path}: {error}")
    return ragged


def _encode_features(log, user_path, video_path):
    """For each of `FIELDS` the raw values of all rows as integers, -1 where missing."""
    user = _read_table(user_path, "user_id", USER)
    video = _read_table(video_path, "video_id", VIDEO)
    codes = [log["user_id"].to_numpy(), log["video_id"].to_numpy()]
    for table, key, names in ((user, "user_id", USER), (video, "video_id", VIDEO)):
        at = table.index.get_indexer(log[key])  # -1: no such user or video
        for name in names:
            column = table[name].cat.codes.to_numpy()
            codes.append(np.where(at >= 0, column[at], -1))
    codes.append(duration_bucket(log["duration_ms"].to_numpy()))
    codes.append(log["tab"].to_numpy())
    return codes


def duration_bucket(ms):
    """Video length in ms -> bucket number: quarter octaves of 1 + seconds; 0 ms (unknown) is bucket 0."""
    return np.floor(4 * np.log2(1 + np.asarray(ms) / 1000)).astype(np.int64)


def _read_table(path, key, columns):
    """A feature table, indexed by `key`, every feature a categorical of strings (integers, ranges, names alike)."""
    with _clear_errors(path):
        table = pd.read_csv(path, usecols=[key, *columns], dtype={key: "int64"} | dict.fromkeys(columns, "category"))
    if table[key].duplicated().any():
        raise InputError(f"{path}: {key} {table[key][table[key].duplicated()].iloc[0]} has two rows")
    return table.set_index(key)


def _split(dates, train_until, valid_until):
    """Positions of the training, validation and test rows."""
    days = np.unique(dates)
    train_until = train_until or days[max(len(days) - 5, 0)]
    valid_until = valid_until or days[max(len(days) - 3, 0)]
    return (
        np.flatnonzero(dates <= train_until),
        np.flatnonzero((dates > train_until) & (dates <= valid_until)),
        np.flatnonzero(dates > valid_until),
    )


def _open(path):
    return gzip.open(path, "rt", newline="") if path.suffix == ".gz" else open(path, newline="")


@contextmanager
def _clear_errors(path):
    """Turn what goes wrong below pandas into one line that names the file."""
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(
            f"{path}: the compressed data is damaged or ends early; fetch the file again ({error})"
        ) from error
    except pd.errors.EmptyDataError as error:
        raise InputError(f"{path}: the file is empty") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not a text file ({error})") from error
