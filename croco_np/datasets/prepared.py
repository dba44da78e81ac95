"""Prepared data on disk: tables that grow by blocks, are read back memory-mapped, and are built once or not at all."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import numpy as np

from ..batch import check_domain_ids, check_ids, check_labels
from ..errors import InputError
from ..storage.digest import ArrayDigest, of_json, read_json, write_json
from ..storage.files import made_once, not_written, require_file
from .raw_files import Progress
from .splits import Rows, Schema

BLOCK_ROWS = 1 << 16  # that are in memory at a time
MANIFEST = "manifest.json"


class Table:
    """A folder with one .npy file per column, all of one length, written block by block.

    columns  name = (dtype, *width), where the width is empty for a vector and (F,) for F numbers a row

    The headers say "no rows" until the table is closed; NumPy leaves room in them for the final count. `digests` holds
    the checksum of each column so far.
    """

    def __init__(self, folder: Path, **columns: tuple) -> None:
        folder.mkdir()
        self.columns, self.rows = columns, 0
        self.digests = {name: ArrayDigest(dtype, width) for name, (dtype, *width) in columns.items()}
        self.files = {name: (folder / f"{name}.npy").open("wb") for name in columns}
        self._write_headers()

    def append(self, **blocks: np.ndarray) -> None:
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

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
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


def rows_table(folder: Path, n_fields: int) -> Table:
    """A `Table` with the columns of `Rows`."""
    return Table(folder, ids=(np.int32, n_fields), labels=(np.uint8,), domains=(np.uint8,), users=(np.int64,))


def load_rows(
    folder: Path, part: str, checksums: dict[str, str], schema: Schema, progress: Progress | None = None
) -> Rows:
    """The memory-mapped `Rows` of one part of prepared data.

    part       "train", "valid" or "test"
    checksums  {"part/column": checksum}, as `Table` had them
    schema     of the rows
    progress   optional function(rows done, rows in all, what)

    Raises InputError if a column has other bits than were written, or what the schema does not allow.
    """

    def ids(block, first):
        check_ids(block, schema.vocabulary, schema.fields, first)

    def domains(block, first):
        check_domain_ids(block, len(schema.domains), first)

    checks = {"ids": ids, "labels": check_labels, "domains": domains, "users": lambda block, first: None}
    columns = ((f"{part}/{column}", checks[column]) for column in Rows._fields)
    return Rows(*(load_column(folder, name, checksums[name], progress, check) for name, check in columns))


def load_column(
    folder: Path,
    name: str,
    digest: str,
    progress: Progress | None = None,
    check: Callable[[np.ndarray, int], Any] = lambda block, first: None,
    advice: str = "",
) -> np.ndarray:
    """The memory-mapped file NAME.npy of a folder, whose checksum (`digest.of_array`) is known.

    advice  what to do about a file that has another checksum, which raises InputError; "": delete the folder

    check  function(block of rows, number of its first row) that raises ValueError for values that must not be

    What the checksum says of dtype and shape is believed, not the file, so no damaged header is ever parsed. For the
    checksum the bytes are read, not mapped: pages of a map count as memory of this process.
    """
    path = folder / f"{name}.npy"
    advice = advice or f"delete {folder}, and it is made anew"
    damaged = InputError(f"{path}: does not fit its checksum; {advice}")
    _, dtype, shape = digest.split(":")
    rows, *width = (int(n) for n in shape.split("x"))
    header, found, complaint = _header(dtype, (rows, *width)), ArrayDigest(dtype, width), None
    row_bytes = int(np.prod(width)) * np.dtype(dtype).itemsize
    require_file(path, "a column of prepared data")
    try:
        if path.stat().st_size != len(header) + rows * row_bytes:
            raise damaged
        with path.open("rb") as file:
            if file.read(len(header)) != header:
                raise damaged
            while text := file.read(BLOCK_ROWS * row_bytes):
                block = np.frombuffer(text, dtype).reshape(-1, *width)
                try:
                    check(block, found.rows)
                except ValueError as error:  # told if these are the bits that were written
                    complaint = complaint or error
                found.update(block)
                if progress:
                    progress(found.rows, rows, f"verifying {name}")
        if found.text() != digest:
            raise damaged
        if complaint:
            raise InputError(f"{path}: {complaint}; {advice}")
        return np.memmap(path, dtype, "r", len(header), (rows, *width))
    except OSError as error:
        raise InputError(f"{path}: cannot read ({error.strerror})") from error


def row_blocks(path: Path, progress: Progress | None = None, what: str = "") -> Iterator[np.ndarray]:
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


def prepare_once(
    folder: Path | str,
    name: str,
    key: dict,
    build: Callable[[Path, Path], tuple[dict, dict]],
    say: Callable[[str], Any] = print,
) -> tuple[Path, dict, dict]:
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
    try:
        kept = read_json(path / MANIFEST, "the manifest of prepared data")
        if kept["key"] != key:
            raise InputError(f"{path}: holds other data than its name says")
        return path, kept["facts"], kept["checksums"]
    except (InputError, KeyError) as error:
        raise InputError(f"{error}; delete {path}, and it is made anew") from error
