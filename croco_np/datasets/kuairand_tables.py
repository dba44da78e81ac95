"""The feature tables of KuaiRand: one row for a user or a video, every feature a category of text."""

import io

import numpy as np
import pandas as pd

from ..errors import InputError
from .csv_lines import CsvFile

USER = [
    *("user_active_degree", "is_lowactive_period", "is_live_streamer", "is_video_author"),
    *("follow_user_num_range", "fans_user_num_range", "friend_user_num_range", "register_days_range"),
    *(f"onehot_feat{i}" for i in range(18)),
]
VIDEO = [
    *("author_id", "video_type", "upload_dt", "upload_type", "visible_status", "music_id", "music_type", "tag"),
]
MISSING_TEXT = ["", "NA", "N/A", "NaN", "nan", "NULL", "null", "None"]  # what stands for no value


def read_table(path, key, columns):
    """A feature table, indexed by `key`, every feature a categorical of text (integers, ranges, names alike).

    Raises InputError, with file and line, for a line with more or fewer columns than the header, for a key that is no
    whole number or has two rows, and for a table without rows.
    """
    checked = _Checked(path, key, columns)
    table = pd.read_csv(
        io.BufferedReader(checked, 1 << 20),
        header=None,
        names=checked.file.names,
        usecols=columns,
        dtype="category",
        index_col=False,
        skip_blank_lines=False,
        keep_default_na=False,
        na_values=MISSING_TEXT,
        encoding="utf-8",
    )
    keys = np.concatenate(checked.keys)
    order = np.argsort(keys, kind="stable")
    again = order[1:][np.diff(keys[order]) == 0]
    if len(again):
        raise InputError(f"{path}: {key} {keys[again.min()]} has two rows; keep one")
    return table.set_index(pd.Index(keys, name=key))


class _Checked(io.RawIOBase):
    """The lines of a table below its header, as a stream of bytes in which nothing is left to be misread.

    keys  the keys of the lines that were read, block by block
    """

    def __init__(self, path, key, columns):
        self.file, self.keys, self._left = CsvFile(path), [], memoryview(b"")
        self._key = self.file.positions([key, *columns])[key]
        self._blocks = iter(self.file)

    def readable(self):
        return True

    def readinto(self, buffer):
        if not self._left:
            self._left = memoryview(self._next())
        n = min(len(buffer), len(self._left))
        buffer[:n], self._left = self._left[:n], self._left[n:]
        return n

    def _next(self):
        lines = next(self._blocks, None)
        if lines is None and not self.keys:
            raise InputError(f"{self.file.path}: no rows below the header; fetch the file again")
        if lines is None:
            return b""
        n = len(self.file.names)
        lines.check(lines.width == n, f"{{}} columns instead of the header's {n}; fetch the file again", lines.width)
        keys = lines.numbers(self._key)
        lines.check(keys >= 0, f"{self.file.names[self._key]} is {{}}, must not be negative", keys)
        self.keys.append(keys)
        return lines.bytes()
