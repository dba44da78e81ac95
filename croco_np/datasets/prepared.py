"""Prepared data on disk: tables that grow by blocks, are read back memory-mapped, and are built once or not at all."""

import json
import os
import tempfile
from pathlib import Path

import numpy as np

from ..errors import InputError
from .splits import Rows

BLOCK_ROWS = 1 << 16  # that are in memory at a time


class Table:
    """A folder with one .npy file per column, all of one length, written block by block.

    columns  name = (dtype, *width), where the width is empty for a vector and (F,) for F numbers a row

    The headers say "no rows" until the table is closed; NumPy leaves room in them for the final count.
    """

    def __init__(self, folder, **columns):
        folder.mkdir()
        self.columns, self.rows = columns, 0
        self.files = {name: (folder / f"{name}.npy").open("wb") for name in columns}
        self._write_headers()

    def append(self, **blocks):
        """Append one block of rows, an array for each column."""
        for name, block in blocks.items():
            block.astype(self.columns[name][0], copy=False).tofile(self.files[name])
        self.rows += len(block)

    def _write_headers(self):
        for name, (dtype, *width) in self.columns.items():
            header = {"descr": np.dtype(dtype).str, "fortran_order": False, "shape": (self.rows, *width)}
            self.files[name].seek(0)
            np.lib.format.write_array_header_1_0(self.files[name], header)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._write_headers()
        for file in self.files.values():
            file.close()


def rows_table(folder, n_fields):
    """A `Table` with the columns of `Rows`."""
    return Table(folder, ids=(np.int32, n_fields), labels=(np.uint8,), domains=(np.uint8,), users=(np.int64,))


def load_rows(folder):
    """The memory-mapped `Rows` of a folder that `rows_table` wrote."""
    return Rows(*(np.load(folder / f"{name}.npy", mmap_mode="r") for name in Rows._fields))


def row_blocks(path, progress=None, what=""):
    """Yield a .npy file of a `Table` as arrays of at most BLOCK_ROWS rows; `progress(rows_done, rows, what)` counts.

    It is read, not mapped: pages of a map count as memory of this process for as long as it stays open.
    """
    with path.open("rb") as file:
        np.lib.format.read_magic(file)
        (rows, *width), _, dtype = np.lib.format.read_array_header_1_0(file)
        for start in range(0, rows, BLOCK_ROWS):
            shape = (min(BLOCK_ROWS, rows - start), *width)
            yield np.fromfile(file, dtype, int(np.prod(shape))).reshape(shape)
            if progress:
                progress(start + shape[0], rows, what)


def build_once(folder, key, build):
    """The folder `prepared` inside `folder`, built unless it is there already for the same key.

    key      JSON object of everything the result depends on
    build    function(work, done): writes its tables into the folder `done`, scratch files into `work`, and returns a
             JSON object of facts to keep with them
    returns  (path, facts)

    All is written next to `prepared` and renamed at the end, so an interrupted build leaves nothing half-done. Raises
    InputError if the folder cannot be written.
    """
    prepared = folder / "prepared"
    try:
        kept = json.loads((prepared / "manifest.json").read_text())
        if kept["key"] == key:
            return prepared, kept["facts"]
    except (OSError, ValueError, KeyError):
        pass  # not there or not ours to read: build it
    try:
        with tempfile.TemporaryDirectory(prefix="preparing-", dir=folder) as work:
            work = Path(work)
            done = work / "prepared"
            done.mkdir()
            facts = build(work, done)
            (done / "manifest.json").write_text(json.dumps({"key": key, "facts": facts}, indent=1))
            if prepared.exists():
                os.replace(prepared, work / "replaced")
            os.replace(done, prepared)
    except OSError as error:
        raise InputError(
            f"{folder}: cannot write prepared data here ({error.strerror}); make room, or link the raw files into a "
            "folder that you can write"
        ) from error
    return prepared, facts
