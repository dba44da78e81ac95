"""Checkpoints: a dict of arrays and a dict of facts in one safetensors file, with a checksum, replaced whole or not at
all.

The library of the format is imported where a file is written or read: arithmetic, and a browser, do without it.
"""

import json
import os
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..errors import InputError
from .digest import of_arrays, of_json
from .files import draft, require_file


class Checkpoint(NamedTuple):
    """What `load` returns: arrays {name: array}, facts (plain data), and the checksum of both."""

    arrays: dict
    facts: dict
    checksum: str


def save(path: Path | str, arrays: dict[str, np.ndarray], facts: dict) -> str:
    """Write `arrays` {name: array} and `facts` (a dict for JSON) to `path`; returns the checksum of both.

    The file is written beside `path` and then renamed, so a reader sees the old one or the new one. Raises InputError
    if it cannot be written; what was at `path` before is then still there.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    path = Path(path)
    arrays = {name: np.ascontiguousarray(a) for name, a in arrays.items()}  # the format writes memory as it lies
    checksum = _checksum(arrays, facts)
    try:
        with draft(path) as work:
            try:
                save_file(arrays, work, metadata={"croco_np": json.dumps({"sha256": checksum, "facts": facts})})
            except SafetensorError as error:  # which words what the system said
                code = re.search(r"os error (\d+)", str(error))
                raise OSError(int(code[1]) if code else 0, os.strerror(int(code[1])) if code else str(error)) from error
    except InputError as error:
        before = "the one before is intact" if path.exists() else "nothing was saved"
        need = sum(a.nbytes for a in arrays.values()) / 1e6
        raise InputError(f"{error}; {before}; the file needs {need:.1f} MB") from error
    return checksum


def load(path: Path | str, what: str = "a checkpoint") -> Checkpoint:
    """Read a file of `save` -> `Checkpoint`. InputError, one line, unless it has the very bits that were written.

    what  which file it should be, in words
    """
    from safetensors import safe_open

    require_file(path, what)
    try:
        with safe_open(path, framework="numpy") as file:
            facts, checksum = _metadata(file)
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except MemoryError:
        raise
    except Exception as error:  # whatever damaged bytes lead the reader of the format into
        raise InputError(f"{path}: not a whole checkpoint of croco_np ({error!s:.120})") from error
    if checksum != _checksum(arrays, facts):
        raise InputError(f"{path}: does not fit its checksum, so it is damaged; restore it from a copy")
    return Checkpoint(arrays, facts, checksum)


def peek(path: Path | str, what: str = "a checkpoint") -> dict:
    """The facts of a file of `save`, without its arrays and so without a look at the checksum."""
    from safetensors import safe_open

    require_file(path, what)
    try:
        with safe_open(path, framework="numpy") as file:
            return _metadata(file)[0]
    except Exception as error:
        raise InputError(f"{path}: not a whole checkpoint of croco_np ({error!s:.120})") from error


def _metadata(file):
    kept = json.loads(file.metadata()["croco_np"])
    return kept["facts"], kept["sha256"]


def _checksum(arrays, facts):
    return of_json({"arrays": of_arrays(arrays), "facts": facts})
