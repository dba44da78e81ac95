"""SHA-256 checksums of arrays, JSON and files: they detect damage, and tell data sets apart.

A processor with instructions for it, as nearly all have, takes about half a second for a gigabyte.
"""

import hashlib
import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from ..errors import InputError
from .files import replacing, require_file

BLOCK_BYTES = 1 << 20  # of a file or a memory-mapped array that are in memory at a time
SAMPLED_BLOCKS = 64  # of a large file in `of_sample`
KEY = "sha256"  # under which a JSON file holds the checksum of its other entries


class ArrayDigest:
    """The checksum of an array that comes in blocks of rows: of its dtype, its shape and its bytes in C order.

    dtype, width  of the array: a row is `width` numbers, () for a vector
    """

    def __init__(self, dtype: DTypeLike, width: Sequence[int] = ()) -> None:
        self.dtype, self.width, self.rows, self.sha256 = np.dtype(dtype), tuple(width), 0, hashlib.sha256()

    def update(self, block: np.ndarray) -> None:
        """Add rows (B, *width) to the array."""
        self.rows += len(block)
        if block.size:
            self.sha256.update(np.ascontiguousarray(block).view(np.uint8).reshape(-1).data)

    def text(self) -> str:
        """The checksum of all rows so far: "sha256:dtype:shape"."""
        return f"{self.sha256.hexdigest()}:{self.dtype.str}:{'x'.join(map(str, (self.rows, *self.width)))}"


def of_array(array: np.ndarray) -> str:
    """The checksum of an array of any shape, memory-mapped or not."""
    array = np.asarray(array)
    if array.ndim == 0:
        return of_array(array[None]).removesuffix("1")
    digest = ArrayDigest(array.dtype, array.shape[1:])
    step = max(BLOCK_BYTES // max(array.itemsize * math.prod(array.shape[1:]), 1), 1)
    for start in range(0, len(array), step):
        digest.update(array[start : start + step])
    return digest.text()


def of_arrays(arrays: Mapping[str, np.ndarray]) -> dict[str, str]:
    """{name: checksum} of {name: array}."""
    return {name: of_array(a) for name, a in arrays.items()}


def of_json(value: Any) -> str:
    """The checksum of plain data, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def of_file(path: Path | str) -> str:
    """The checksum of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def of_sample(path: Path | str) -> str:
    """The checksum of a file's size and of 64 MiB of it, evenly spread: of all of it, unless it is larger."""
    size = os.stat(path).st_size
    sha256 = hashlib.sha256(str(size).encode())
    blocks: Sequence[int] = range(0, size, BLOCK_BYTES)
    if len(blocks) > SAMPLED_BLOCKS:
        blocks = np.linspace(0, size - BLOCK_BYTES, SAMPLED_BLOCKS).astype(np.int64).tolist()
    with open(path, "rb") as file:
        for start in blocks:
            file.seek(start)
            sha256.update(file.read(BLOCK_BYTES))
    return sha256.hexdigest()


def write_json(path: Path | str, entries: dict) -> None:
    """Write a dict as a JSON file that holds its own checksum; see `read_json`."""
    with replacing(path) as file:
        file.write(json.dumps(entries | {KEY: of_json(entries)}, indent=1) + "\n")


def read_json(path: Path | str, what: str) -> dict:
    """The entries of a file of `write_json`; InputError, one line, if it is damaged or was changed by hand.

    what  which file it should be, in words
    """
    require_file(path, what)
    try:
        with open(path, encoding="utf-8") as file:
            entries = json.load(file)
    except OSError as error:
        raise InputError(f"{path}: cannot read {what} ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: damaged, so not {what} ({error!s:.80})") from error
    if not isinstance(entries, dict) or KEY not in entries:
        raise InputError(f"{path}: holds no checksum, so not {what} that this version wrote")
    said = entries.pop(KEY)
    if said != of_json(entries):
        raise InputError(f"{path}: does not fit its checksum: damaged, or changed by hand; restore it from a copy")
    return entries
