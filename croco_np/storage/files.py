"""Atomic files: each is written beside its place and renamed. Only plain files are read.

A draft lies in a scratch folder beside its target, `.croco_np-` and 16 random digits, which nobody else can foresee or
enter. Its process holds a lock on it, so `sweep` knows the scratch folders of processes that were killed.
"""

import errno
import json
import os
import re
import secrets
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from pathlib import Path
from typing import IO, Any

from ..errors import InputError
from .locks import Lock, hold, locked, same_file

PREFIX = ".croco_np-"
MARKER = ".scratch"  # in a scratch folder: a user's folder may have any name
SCRATCH = re.compile(re.escape(PREFIX) + "[0-9a-f]{16}")
MAY_NOT = "choose a place that you may write to"
ADVICE: dict[int | None, str] = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), "make room on this disk"),
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), MAY_NOT),
    errno.EFBIG: "the limit on the size of a file is too low (ulimit -f)",
}


def not_written(path: Path | str, error: OSError, otherwise: str = "") -> InputError:
    """The `InputError` of an OSError while writing `path`.

    otherwise  more advice for a place that may not be written to
    """
    advice = ADVICE.get(error.errno, "")
    if otherwise and advice == MAY_NOT:
        advice = f"{advice}, {otherwise}"
    return InputError(f"{path}: cannot write ({error.strerror or error}){'; ' + advice if advice else ''}")


@contextmanager
def scratch(folder: Path | str) -> Iterator[Path]:
    """A folder inside `folder` for the length of a `with` block; afterwards it is gone with all that is in it.

    Raises OSError if it cannot be made.
    """
    descriptor = None
    try:
        while descriptor is None:
            path = Path(folder, PREFIX + secrets.token_hex(8))
            path.mkdir(mode=0o700)
            with suppress(FileNotFoundError):  # swept before it was locked: another one
                descriptor = os.open(path, os.O_RDONLY)
                hold(descriptor, wait=True)
                if same_file(descriptor, path):
                    (path / MARKER).touch()
                else:
                    os.close(descriptor)
                    descriptor = None
        yield path
    finally:
        if descriptor is not None:
            _remove(path)
            os.close(descriptor)


def sweep(folder: Path | str) -> None:
    """Remove the scratch folders, and the locks of `made_once`, that killed processes left in `folder`."""
    for path in Path(folder).glob(PREFIX + "*"):
        with suppress(OSError, InputError):  # somebody else's, or gone by now
            if path.is_symlink():
                continue
            if SCRATCH.fullmatch(path.name) and path.is_dir():
                _sweep_scratch(path)
            elif path.suffix == ".lock" and path.is_file() and (lock := Lock(path)).take():
                lock.release()


def _sweep_scratch(path):
    descriptor = os.open(path, os.O_RDONLY)
    try:
        if not (hold(descriptor) and same_file(descriptor, path)):
            return
        if (path / MARKER).is_file():
            _remove(path)
        else:
            path.rmdir()  # killed before it was marked, if it is empty; else not ours
    finally:
        os.close(descriptor)


def _remove(work):
    """Remove a scratch folder, its mark last, so that `sweep` still finds it if this process is killed on the way."""
    with suppress(OSError):
        for path in work.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            elif path.name != MARKER:
                path.unlink()
        (work / MARKER).unlink(missing_ok=True)
        work.rmdir()


def made_once(
    folder: Path | str, build: Callable[[Path, Path], Any], waiting: Callable[[str], Any] = lambda holder: None
) -> None:
    """Make a folder whole or not at all, and once, however many processes ask for it at the same time.

    folder   its path. If it is there, it is left as it is; an empty one is filled
    build    function(new, work): makes the folder at the path `new`; `work` is a folder for scratch files
    waiting  function(holder), called if another process is making it, before waiting for that

    Raises OSError if something cannot be written.
    """
    folder = Path(folder)
    with suppress(OSError):
        sweep(folder.parent)
    if _is_filled(folder):
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    with locked(folder.with_name(f"{PREFIX}{folder.name}.lock"), waiting):
        if _is_filled(folder):
            return
        with scratch(folder.parent) as work:
            build(work / "new", work)
            os.rename(work / "new", folder)


def _is_filled(folder):
    return folder.is_dir() and any(folder.iterdir())


@contextmanager
def draft(path: Path | str) -> Iterator[Path]:
    """A path to write a file at, which takes the place of `path` when the block ends well.

    A symbolic link at `path` is replaced, not followed. The file gets the mode that the umask gives to new files.
    Raises InputError if it cannot be written; what was at `path` is then still there.
    """
    path = Path(path)
    try:
        sweep(path.parent)
        with scratch(path.parent) as work:
            mode = _mode_of_new_files(work / "mode")
            yield work / path.name
            with open(work / path.name, "rb") as file:
                os.fsync(file.fileno())
            os.chmod(work / path.name, mode)
            os.replace(work / path.name, path)
    except OSError as error:
        raise not_written(path, error) from error


@contextmanager
def replacing(path: Path | str, mode: str = "w", **how: Any) -> Iterator[IO]:
    """An open file that takes the place of `path` when the block ends well; see `draft`."""
    with draft(path) as work, open(work, mode, **how) as file:
        yield file


@contextmanager
def writing(path: Path | str, mode: str = "w", **how: Any) -> Iterator[IO]:
    """An open file for a path that a user named: `replacing` it, but written into where it is a link or no plain file.

    So `--out /dev/stdout`, a FIFO and a link to a file on another disk mean what they mean elsewhere. Where it is
    standard output itself, it is not opened a second time, which would write over what is there; see `making_way`.
    """
    path = Path(path)
    to_stdout = is_stdout(path)
    if not to_stdout and not path.is_symlink() and (path.is_file() or not path.exists()):
        with replacing(path, mode, **how) as file:
            yield file
        return
    try:
        with open(os.dup(STDOUT) if to_stdout else path, mode, **how) as file:
            yield file
    except OSError as error:
        raise not_written(path, error) from error


STDOUT = 1


def is_stdout(path: Path | str) -> bool:
    """Whether a path names the file, pipe or terminal that standard output goes to."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(STDOUT))
    except (OSError, ValueError):  # ValueError: a NUL in the name
        return False


@contextmanager
def making_way(path: str) -> Iterator[None]:
    """Prints go to standard error inside a `with` block if `path`, which is to be written, is standard output."""
    if not (path and is_stdout(os.path.expanduser(path))):
        yield
        return
    sys.stdout.flush()
    with redirect_stdout(sys.stderr):
        yield


def write_report(path: str, found: Any) -> None:
    """Write plain data as JSON to a file that a user named (`writing`). No NaN or infinity may be in them."""
    with writing(os.path.expanduser(path)) as file:
        file.write(json.dumps(found, indent=1, allow_nan=False) + "\n")


def require_file(path: Path | str, what: str) -> None:
    """Raise InputError unless `path` is a plain file, or a link to one: opening a FIFO would wait for ever.

    what  which file is wanted, in words, such as "the config of a run"
    """
    try:
        kind = os.stat(path).st_mode
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; it should be {what}") from None
    except OSError as error:
        raise InputError(f"{path}: cannot read {what} ({error.strerror})") from error
    except ValueError as error:  # a NUL in the name
        raise InputError(f"{path!r:.80}: no name of a file ({error})") from error
    if not stat.S_ISREG(kind):
        raise InputError(f"{path}: not a plain file; it should be {what}")
    if not os.access(path, os.R_OK):
        raise InputError(f"{path}: cannot read {what} (Permission denied)")


def _mode_of_new_files(path):
    """The permissions that the umask leaves a new file; `path` must not exist yet."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
    os.close(descriptor)
    os.unlink(path)
    return mode
