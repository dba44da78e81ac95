"""Which files of a folder are KuaiRand's: the logs, the user table and the video table of one version."""

import re
from datetime import date
from pathlib import Path

from ..errors import InputError
from .raw_files import is_there, names

KINDS = ("log_standard_", "user_features_", "video_features_basic_")
YEAR = 2022
_ENDS = (".csv", ".csv.gz")
_DAYS = r"(?P<days>(\d{1,2})_(\d{1,2})_to_(\d{1,2})_(\d{1,2})_)?"
_NAME = re.compile(rf"({KINDS[0]}{_DAYS}|{KINDS[1]}|{KINDS[2]})[A-Za-z0-9]+\.csv(\.gz)?", re.ASCII)


def find(folder: Path | str) -> tuple[list[Path], Path, Path]:
    """The raw files of a folder or of its `data` subfolder: standard logs, user table, video table.

    Raises InputError if one of the three kinds is missing, or if they are not of one version of KuaiRand.
    """
    root = Path(folder)
    found = _files(root)
    if "data" in names(root) and (root / "data").is_dir() and any(inside := _files(root / "data")):
        if any(found):
            raise InputError(f"{root}: raw files lie there and in its subfolder data; keep them in one of the two")
        root, found = root / "data", inside
    for paths, kind in zip(found, KINDS, strict=True):
        if not paths:
            raise InputError(
                f"{root}: no {kind}*.csv[.gz] there; unpack KuaiRand-1K or KuaiRand-Pure (https://kuairand.com) into it"
            )
        for path in paths:
            is_there(path)
            _check_name(path)
    logs, *tables = found
    for paths in tables:
        if len(paths) > 1:
            raise InputError(
                f"{root}: {paths[0].name} and {paths[1].name}: keep the tables of one KuaiRand version only"
            )
    for path in logs:
        if path.with_name(path.name + ".gz") in logs:
            raise InputError(f"{root}: {path.name} is there plain and as .gz; keep the one that is complete")
    for path in [*logs, *(paths[0] for paths in tables)]:
        if version(path) != version(logs[0]):
            raise InputError(
                f"{root}: {logs[0].name} and {path.name} are of two versions of KuaiRand, whose user and video ids "
                "differ; keep one version only"
            )
    return logs, tables[0][0], tables[1][0]


def _files(root):
    """The files in a folder by kind, in the order of KINDS."""
    listed = [name for name in names(root) if name.endswith(_ENDS)]
    return [[root / name for name in listed if name.startswith(kind)] for kind in KINDS]


def _check_name(path):
    """Raise InputError for a name that KuaiRand has not, such as that of a browser's second copy."""
    if not _NAME.fullmatch(path.name):
        raise InputError(
            f"{path}: not a name of KuaiRand's, which end in _pure.csv or _1k.csv, and .gz; is it a copy, or one part "
            "of a file? Keep the complete file by the name it was fetched by, and move others away"
        )
    span(path)


def version(path: Path) -> str:
    """The last part of a raw file's name, such as "pure" or "1k"; user and video ids are those of that version."""
    return path.name.partition(".")[0].rpartition("_")[2]


def span(path: Path) -> tuple[date, date] | None:
    """First and last date that a log's name announces; None if it announces none, InputError if they cannot be."""
    found = _NAME.fullmatch(path.name)
    if not found or not found["days"]:
        return None
    numbers = [int(n) for n in found.group(3, 4, 5, 6)]
    try:
        first, last = date(YEAR, *numbers[:2]), date(YEAR, *numbers[2:])
    except ValueError:
        first, last = date.max, date.min
    if first > last:
        raise InputError(
            f"{path}: the dates in its name are no days, or in reverse; give it back the name it was fetched by"
        )
    return first, last
