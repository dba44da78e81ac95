"""Raw text files, plain or gzip, as blocks of whole lines; what is wrong below the lines ends in one `InputError`."""

import gzip
import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BufferedIOBase
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import InputError

Progress = Callable[[int, int, str], Any]  # (done, total, what), called often while something long is under way

MAX_LINE = 4 << 20  # bytes; the longest genuine lines, contexts of AliCCP, have some hundred thousand
_GZIP_MAGIC = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"


def blocks(
    path: Path, size: int, progress: Progress | None = None, unended: Callable[[int], Any] | None = None
) -> Iterator[tuple[int, bytes]]:
    """Yield (number of the first line, bytes) for consecutive pieces of whole lines of `path`, plain or gzip (.gz).

    A piece has about `size` bytes, more only where a line is longer. Windows' line ends become plain ones, a last line
    without an end gets it, and a byte order mark is cut off. `progress(bytes_done, bytes_total, what)` counts bytes of
    the file as stored. `unended(line)` is called where the last line has no end, as a genuine file never is, before
    that line is yielded. Raises InputError for a file that is empty, no file, not readable, not what its name says, or
    has a line without end.
    """
    with _opened(path) as stored:
        total = os.fstat(stored.fileno()).st_size
        text = gzip.GzipFile(fileobj=stored) if path.suffix == ".gz" else stored
        for piece in whole_lines(text, size, path, unended):
            yield piece
            if progress:
                progress(stored.tell(), total, path.name)


def whole_lines(
    text: BufferedIOBase | BinaryIO, size: int, name: Path | str, unended: Callable[[int], Any] | None = None
) -> Iterator[tuple[int, bytes]]:
    """The pieces of an open binary file or stream, as `blocks` yields them; `name` stands for it in messages."""
    line, rest = 1, b""
    while data := _read(text, size, name, line):
        cut = data.rfind(b"\n") + 1
        if cut:
            whole = _plain_ends(rest + data[:cut], line)
            yield line, whole
            line, rest = line + whole.count(b"\n"), b""
        rest += data[cut:]
        if len(rest) > MAX_LINE:
            raise InputError(f"{name}: line {line} does not end within {MAX_LINE >> 20} MiB; fetch the file again")
    if rest:
        if unended:
            unended(line)
        yield line, _plain_ends(rest + b"\n", line)
    elif line == 1:
        raise InputError(f"{name}: empty file; unpack it again from the data set's archive")


def names(folder: Path | str) -> list[str]:
    """The names in a folder, sorted, none if there is no such folder; InputError if it cannot be read."""
    with _told(folder, "make it a folder that can be read"):
        try:
            return sorted(path.name for path in Path(folder).iterdir())
        except FileNotFoundError:
            return []


def is_there(path: Path) -> bool:
    """True for a regular file, False for nothing; InputError for what has the name of a file and is none."""
    with _told(path, "make its folder readable"):
        if path.is_file():
            return True
        if path.is_symlink() and not path.exists():
            raise InputError(f"{path}: a link to a file that is not there; mend the link")
        if path.exists():
            raise InputError(f"{path}: not a regular file; put the raw file itself there")
    return False


def shown(text: str | bytes, most: int = 60) -> str:
    """A value as a message quotes it: on one line, in quotes, cut where it is long; text or bytes."""
    if isinstance(text, bytes):
        text = text[: 4 * most].decode("utf-8", "backslashreplace")
    return ascii(text if len(text) <= most else text[:most] + "...")


def _plain_ends(data, line):
    if line == 1:
        data = data.removeprefix(_BOM)
    return data.replace(b"\r\n", b"\n") if b"\r" in data else data


@contextmanager
def _told(path, advice):
    """Turn what the system refuses into one line that names the file."""
    try:
        yield
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error}); {advice}") from error


@contextmanager
def _opened(path):
    """The file, open in binary; a FIFO is refused before `open` could wait for its writer."""
    if not is_there(path):
        raise InputError(f"{path}: no such file")
    with _told(path, "make it readable"):
        file = path.open("rb")
    with file:
        with _told(path, "fetch the file again"):
            magic = file.peek(2)[:2]
        if path.suffix != ".gz" and magic == _GZIP_MAGIC:
            raise InputError(f"{path}: holds gzip data; name it {path.name}.gz")
        yield file


def _read(text, size, path, line):
    with _told(path, "fetch the file again"):
        try:
            return text.read(size)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            problem = f"broken gzip stream after line {line - 1} ({error})"
            raise InputError(f"{path}: {problem}; fetch the file again") from error
