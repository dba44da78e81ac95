"""Prepared data on disk: tables that grow by blocks, are read back memory-mapped, and are built once or not at all."""

import io
from pathlib import Path

import numpy as np

from ..digest import ArrayDigest, of_json, of_rest, read_json, write_json
from ..errors import InputError
from ..files import made_once, not_written, require_file
from .splits import Rows

BLOCK_ROWS = 1 << 16  # that are in memory at a time
MANIFEST = "manifest.json"


class Table:
    """A folder with one .npy file per column, all of one length, written block by block.

    columns  name = (dtype, *width), where the width is empty for a vector and (F,) for F numbers a row

    The headers say "no rows" until the table is closed; NumPy leaves room in them for the final count. `digests` holds
    the checksum of each column so far.
    """

    def __init__(self, folder, **columns):
        folder.mkdir()
        self.columns, self.rows = columns, 0
        self.digests = {name: ArrayDigest(dtype, width) for name, (dtype, *width) in columns.items()}
        self.files = {name: (folder / f"{name}.npy").open("wb") for name in columns}
        self._write_headers()

    def append(self, **blocks):
        """Append one block of rows, an array for each column."""
        for name, block in blocks.items():
            block = block.astype(self.columns[name][0], copy=False)
            self.digests[name].update(block)
            block.tofile(self.files[name])
        self.rows += len(block)

    def _write_headers(self):
        for name, (dtype, *width) in self.columns.items():
            self.files[name].seek(0)
            self.files[name].write(_header(dtype, (self.rows, *width)))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._write_headers()
        for file in self.files.values():
            file.close()


def _header(dtype, shape):
    """The bytes before the numbers of a .npy file."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        file, {"descr": np.dtype(dtype).str, "fortran_order": False, "shape": tuple(shape)}
    )
    return file.getvalue()


def rows_table(folder, n_fields):
    """A `Table` with the columns of `Rows`."""
    return Table(folder, ids=(np.int32, n_fields), labels=(np.uint8,), domains=(np.uint8,), users=(np.int64,))


def load_rows(folder, digests, progress=None):
    """The memory-mapped `Rows` of a folder that `rows_table` wrote.

    digests   {column: checksum}, as `Table` had them. Raises InputError if a column has other bits
    progress  optional function(bytes done, bytes in all, what)
    """
    return Rows(*(load_column(folder / f"{name}.npy", digests[name], progress) for name in Rows._fields))


def load_column(path, digest, progress=None):
    """A memory-mapped .npy file whose checksum (`digest.of_array`) is known; InputError if it has another.

    What the checksum says of dtype and shape is believed, not the file, so no damaged header is ever parsed. The bytes
    are read, not mapped, for the checksum: pages of a map count as memory of this process.
    """
    sha256, dtype, shape = digest.split(":")
    shape = tuple(int(n) for n in shape.split("x"))
    header, done = _header(dtype, shape), 0
    size = len(header) + int(np.prod(shape)) * np.dtype(dtype).itemsize

    def count(read):
        nonlocal done
        done += read
        if progress:
            progress(done, size - len(header), f"verifying {path.parent.name}/{path.name}")

    require_file(path, "a column of prepared data")
    try:
        with path.open("rb") as file:
            if path.stat().st_size != size or file.read(len(header)) != header or of_rest(file, count) != sha256:
                raise InputError(f"{path}: does not fit its checksum; delete {path.parent}, and it is made anew")
        return np.memmap(path, dtype, "r", len(header), shape)
    except OSError as error:
        raise InputError(f"{path}: cannot read ({error.strerror})") from error


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


def prepare_once(folder, name, key, build, say=print):
    """Prepared data inside `folder`, built unless they are there already for the same key; they are never changed.

    name     what people should know them by, such as "min10"; the key's checksum makes the name of the folder unique
    key      JSON object of everything the result depends on
    build    function(work, done): writes its tables into the folder `done`, scratch files into `work`, and returns
             facts to keep with them (a JSON object) and checksums {path of a column without .npy: checksum}
    returns  (path, facts, checksums)

    All is written beside the folder and renamed at the end, so an interrupted build leaves nothing half-done, and of
    several processes one builds while the others wait for it. Raises InputError if nothing can be written there, or if
    what is there is damaged.
    """
    path = Path(folder) / f"prepared-{name}-{of_json(key)[:12]}"

    def make(new, work):
        new.mkdir()
        facts, digests = build(work, new)
        write_json(new / MANIFEST, {"key": key, "facts": facts, "checksums": digests})

    try:
        made_once(path, make, lambda holder: say(f"{path}: waiting for {holder}, which is preparing the same data"))
    except OSError as error:
        raise not_written(folder, error, "or link the raw files into a folder that you can write") from error
    kept = read_json(path / MANIFEST, "the manifest of prepared data")
    if kept.get("key") != key:
        raise InputError(f"{path}: holds other data than its name says; delete it, and it is made anew")
    return path, kept["facts"], kept["checksums"]
