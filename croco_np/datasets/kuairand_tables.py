"""The feature tables of KuaiRand: one row for a user or a video, every feature a category."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..errors import InputError
from .csv_files import CsvFile
from .csv_lines import without_quotes
from .values import MISSING_TEXT

USER = [
    *("user_active_degree", "is_lowactive_period", "is_live_streamer", "is_video_author"),
    *("follow_user_num_range", "fans_user_num_range", "friend_user_num_range", "register_days_range"),
    *(f"onehot_feat{i}" for i in range(18)),
]
VIDEO = [
    *("author_id", "video_type", "upload_dt", "upload_type", "visible_status", "music_id", "music_type", "tag"),
]
# Of text, every spelling is a value of its own; the other features are numbers, so 1 and 1.0 are one value.
TEXTS = frozenset(
    (
        *("user_active_degree", "follow_user_num_range", "fans_user_num_range", "friend_user_num_range"),
        *("register_days_range", "video_type", "upload_dt", "upload_type", "tag"),
    )
)
NOT_USED = frozenset(
    (
        *("follow_user_num", "fans_user_num", "friend_user_num", "register_days"),
        *("video_duration", "server_width", "server_height"),
    )
)


class Features(NamedTuple):
    """A feature table of R rows.

    keys   (R,) int64, the users or videos, sorted
    codes  by feature (R,) integers, categories numbered 0, 1, ... in order of their values; -1 = no value
    values by feature the categories in that order, int64 or objects (str)
    notes  on columns that are none of KuaiRand's, and on a last line without a line end
    """

    keys: np.ndarray
    codes: dict[str, np.ndarray]
    values: dict[str, np.ndarray]
    notes: list[str]

    def rows_of(self, keys: np.ndarray) -> np.ndarray:
        """The row of each key (N,), -1 where there is none."""
        at = np.searchsorted(self.keys, keys).clip(max=len(self.keys) - 1)
        return np.where(self.keys[at] == keys, at, -1)


def read_table(path: Path, key: str, columns: Sequence[str]) -> Features:
    """A feature table as `Features`.

    Raises InputError, with file and line, for a line with more or fewer columns than the header, for a key that is no
    whole number or has two rows, for text in a feature of numbers, and for a table without rows.
    """
    file = CsvFile(path)
    at = file.positions([key, *columns])
    found = []
    features = {name: (_Texts if name in TEXTS else _Numbers)() for name in columns}
    for lines in file:
        n = len(file.names)
        lines.check(lines.width == n, f"{{}} columns instead of the header's {n}; fetch the file again", lines.width)
        own = lines.numbers(at[key])
        lines.check(own >= 0, f"{key} is {{}}, must not be negative", own)
        found.append((own, lines.number))
        for name, feature in features.items():
            feature.add(lines, at[name])
    if not found:
        raise InputError(f"{path}: no rows below the header; fetch the file again")
    keys, numbers = (np.concatenate(columns) for columns in zip(*found, strict=True))
    order = np.argsort(keys, kind="stable")
    again = order[1:][np.diff(keys[order]) == 0]
    if len(again):
        raise InputError(f"{file.place(numbers[again.min()])}: {key} {keys[again.min()]} has two rows; keep one")
    ranked = {name: feature.ranked() for name, feature in features.items()}
    codes = {name: ranks[order] for name, (ranks, _) in ranked.items()}
    values = {name: distinct for name, (_, distinct) in ranked.items()}
    return Features(keys[order], codes, values, [*file.on_end(), *file.others({*at, *NOT_USED})])


class _Numbers:
    """A feature of numbers, collected block by block."""

    def __init__(self):
        self.values, self.present = [], []

    def add(self, lines, column):
        value, present = lines.numbers_if_any(column, MISSING_TEXT)
        self.values.append(value)
        self.present.append(present)

    def ranked(self):
        """(R,) ranks of the numbers, and the distinct numbers."""
        present = np.concatenate(self.present)
        codes = np.full(len(present), -1)
        distinct, codes[present] = np.unique(np.concatenate(self.values)[present], return_inverse=True)
        return _narrow(codes), distinct


class _Texts:
    """A feature of text, collected block by block; `met` numbers what was met, as it is written."""

    def __init__(self):
        self.met, self.found = {}, []

    def add(self, lines, column):
        met = self.met
        self.found.append(np.array([met.setdefault(text, len(met)) for text in lines.texts(column)], np.int32))

    def ranked(self):
        """(R,) ranks of the texts, and the distinct texts."""
        texts = [without_quotes(text) for text in self.met]
        distinct = sorted(set(texts) - set(MISSING_TEXT))
        rank = {text: i for i, text in enumerate(distinct)}
        codes = _narrow(np.array([rank.get(text, -1) for text in texts]))
        return codes[np.concatenate(self.found)], np.array(distinct, object)


def _narrow(codes):
    """Codes in the smallest type that holds them: there are many rows, and sorting is faster."""
    return codes.astype(np.min_scalar_type(min(-1, -1 - codes.max())))
