"""The logs of KuaiRand: rows checked, filtered by tab, freed of duplicates, in order of time."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..errors import InputError
from . import kuairand_dates
from .csv_files import CsvFile

if TYPE_CHECKING:  # a function that needs it imports it: half a second, and a browser has none
    import pandas as pd

TABS = (0, 1, 2, 4, 6)  # the five domains of the paper, of the fifteen tabs of the app
MAX_RAGGED = 10  # lines of a log with a wrong number of columns that are skipped, not refused; 1K has one

# By these columns two rows are the same or not; others are none of KuaiRand's.
COLUMNS = (
    *("user_id", "video_id", "date", "hourmin", "time_ms", "is_click", "is_like", "is_follow", "is_comment"),
    *("is_forward", "is_hate", "long_view", "play_time_ms", "duration_ms", "profile_stay_time"),
    *("comment_stay_time", "is_profile_enter", "is_rand", "tab"),
)
USED = ["user_id", "video_id", "date", "time_ms", "duration_ms", "tab", "is_click"]
_LEAST = ("user_id", "video_id", "time_ms", "duration_ms")  # columns whose numbers are not negative
_RANGES = {"is_click": (0, 1), "is_rand": (0, 0), "tab": (0, 14)}


class Logs(NamedTuple):
    """All logs, N rows left.

    rows   frame of USED, with `file` and `line`, where each row comes from
    paths  the files
    notes  on what was dropped, in order; the last is on duplicates
    """

    rows: "pd.DataFrame"
    paths: list[Path]
    notes: list[str]

    def place(self, row: int) -> str:
        """Where a row comes from, for messages."""
        at = self.rows.iloc[row]
        return f"{self.paths[int(at['file'])]}: line {int(at['line'])}"


def read_logs(paths: Sequence[Path]) -> Logs:
    """All logs as `Logs`: the paper's tabs only, no duplicates, in order of time."""
    import pandas as pd

    kept, notes, total = [], [], 0
    for i, path in enumerate(paths):
        n, frames, more = _read_log(path)
        total += n
        notes += more
        kept += [frame.assign(file=np.int32(i)) for frame in frames]
    log = pd.concat(kept, ignore_index=True)
    tabs = ", ".join(map(str, TABS))
    notes.append(f"{total:,} rows in {len(paths)} log file(s), {len(log):,} of them in tabs {tabs}")
    if log.empty:
        raise InputError(f"{paths[0].parent}: none of the {total:,} rows of the logs is in tabs {tabs}")
    fresh = ~log["row_hash"].duplicated()
    notes.append(f"{int((~fresh).sum()):,} exact duplicates dropped, {int(fresh.sum()):,} rows left")
    rows = log[fresh].drop(columns="row_hash").sort_values("time_ms", kind="stable", ignore_index=True)
    return Logs(rows, list(paths), notes)


def _read_log(path):
    """(rows read, frames of the paper's tabs, notes) of one log file, checked."""
    file = CsvFile(path)
    at = file.positions(COLUMNS)
    total, frames, ragged, days, last = 0, [], [], set(), 0
    for lines in file:
        fits = lines.width == len(file.names)
        ragged += lines.number[~fits].tolist()
        last = lines.number[-1]
        if len(ragged) > MAX_RAGGED:
            break
        lines = lines.where(fits)
        total += lines.n
        frame, met = _frame(lines, at, path)
        frames.append(frame)
        days |= met
    if ragged and ragged[-1] == file.unended:
        raise InputError(f"{file.place(file.unended)}: the file ends inside this line; fetch it again")
    if len(ragged) > min(MAX_RAGGED, total):
        more = f"line {ragged[0]}" + (f" and {len(ragged) - 1} more have" if len(ragged) > 1 else " has")
        raise InputError(f"{path}: {more} not the header's {len(file.names)} columns; fetch the file again")
    if not total:
        raise InputError(f"{path}: no rows below the header; fetch the file again")
    notes = [*file.on_end(), *file.others(COLUMNS), *kuairand_dates.lacking(path, days, total)]
    if ragged:
        numbers = ", ".join(map(str, ragged))
        cut = "; it is the last line, is the file complete?" if ragged[-1] == last else ""
        notes.insert(0, f"{path.name}: skipped line {numbers} (wrong number of columns){cut}")
    return total, frames, notes


def _frame(lines, at, path):
    """The rows of the paper's tabs of some lines, where `row_hash` is equal for equal rows; and the days of all."""
    import pandas as pd

    columns = {name: lines.numbers(at[name]) for name in COLUMNS}
    for name in _LEAST:
        lines.check(columns[name] >= 0, f"{name} is {{}}, must not be negative", columns[name])
    for name, (low, high) in _RANGES.items():
        inside = (columns[name] >= low) & (columns[name] <= high)
        allowed = f"{low} to {high}" if low < high else f"{low} in a standard log"
        lines.check(inside, f"{name} is {{}}, must be {allowed}", columns[name])
    days = kuairand_dates.check(lines, columns["date"], path)
    frame = pd.DataFrame(columns)[np.isin(columns["tab"], TABS)]
    hashes = pd.util.hash_pandas_object(frame, index=False)
    return frame[USED].assign(row_hash=hashes, line=lines.number[frame.index]), days
