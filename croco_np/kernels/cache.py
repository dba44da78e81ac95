"""What Numba compiled, kept on disk for the next process. If that fails, kernels are compiled anew: slower, no more.

Numba keeps its files beside the source, or in the user's cache folder, or where NUMBA_CACHE_DIR says. It cannot read
files that were cut, and does not notice those with a flipped bit: they are programs, and would be run. So each file
here begins with the SHA-256 of the rest.
"""

import functools
import hashlib
import os
import pickle
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from numba.core.caching import (
    CompileResultCacheImpl,
    FunctionCache,
    IndexDataCacheFile,
    NullCache,
    UserProvidedCacheLocator,
)

from ..command.streams import note, one_line

SEAL_BYTES = hashlib.sha256().digest_size
ANEW = "kernels are compiled anew, which takes some seconds"
PLACES = "neither the package nor the home folder can be written to; NUMBA_CACHE_DIR can name a folder"
CACHES: list["NoCache | TwinCache"] = []  # of all twins, for `state`


def of(function: Callable) -> "NoCache | TwinCache":
    """The cache of a function that Numba compiles; one that keeps nothing where no folder can be written to."""
    try:
        cache: NoCache | TwinCache = TwinCache(function)
    except Exception as error:  # no place (RuntimeError), or a Numba that is built otherwise
        cache = NoCache(PLACES if isinstance(error, RuntimeError) else f"this Numba is unknown ({one_line(error)})")
    CACHES.append(cache)
    return cache


def state() -> dict[str, Any]:
    """{"folder": where compiled kernels are kept, or None; "why": why not; "damaged": files that cannot be used}."""
    folders = sorted({str(cache.cache_path) for cache in CACHES if cache.cache_path})
    reasons = sorted({cache.why for cache in CACHES if cache.why})
    damaged = sorted({name for cache in CACHES if isinstance(cache, TwinCache) for name in cache.damaged()})
    return {
        "folder": os.path.commonpath(folders) if folders else None,
        "why": reasons[0] if reasons else None,
        "damaged": damaged,
    }


class NoCache(NullCache):
    """Keeps nothing, and says why when the first kernel is compiled."""

    def __init__(self, why: str) -> None:
        self.why = why

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        note(f"{ANEW}, in each process: {self.why}")


class TwinCache(FunctionCache):
    """Numba's cache of one function, whose failures are a line: the function is then compiled.

    why  what went wrong last, or None
    """

    def __init__(self, function: Callable) -> None:
        self._impl_class = Placed
        super().__init__(function)
        base, stamp = self._impl.filename_base, self._impl.locator.get_source_stamp()
        self._cache_file = SealedFiles(self._cache_path, f"{base}.sealed", stamp)
        self.why: str | None = None

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        if self.is_temporary():
            note(f"compiled kernels are kept in {temporary_folder()}: {PLACES}")
        try:
            return super().load_overload(sig, target_context)
        except OSError as error:
            self._failed("cannot be read", error)
        except Exception as error:  # Numba's own trouble with a whole file: if it lasts, compiling says so
            self.why = f"{self._cache_path}: {one_line(error)}"

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            super().save_overload(sig, data)
        except Exception as error:
            self._failed("cannot be written", error)

    def is_temporary(self) -> bool:
        return isinstance(self._impl.locator, TemporaryLocator)

    def damaged(self) -> list[str]:
        """Names of the files of this function that cannot be used."""
        return self._cache_file.damaged()

    def _failed(self, what, error):
        said = getattr(error, "strerror", None) or one_line(error)
        self.why = f"the cache of compiled kernels in {self._cache_path} {what} ({said})"
        note(f"{self.why}: {ANEW}")


class SealedFiles(IndexDataCacheFile):
    """An index of what is compiled, and a file for each entry: each with a seal, its SHA-256, in front."""

    def _save_index(self, overloads):
        self._write(self._index_path, self._header() + self._dump((self._source_stamp, overloads)))

    def _save_data(self, name, data):
        self._write(self._data_path(name), self._dump(data))

    def _load_index(self):
        """What is compiled, {key: name of its file}; nothing if the source or Numba has changed since."""
        content = self._read(self._index_path)
        if content is None or not content.startswith(self._header()):
            return {}
        stamp, overloads = pickle.loads(content[len(self._header()) :])
        return overloads if stamp == self._source_stamp else {}

    def _load_data(self, name):
        content = self._read(self._data_path(name))
        return None if content is None else pickle.loads(content)

    def _header(self):
        return pickle.dumps(self._version)

    def _write(self, path, content):
        with self._open_for_write(path) as file:
            file.write(hashlib.sha256(content).digest() + content)

    def _read(self, path):
        """What a file holds behind its seal; None if it is not there, or damaged, which is said."""
        try:
            content = Path(path).read_bytes()
        except FileNotFoundError:
            return None
        if _is_sealed(content):
            return content[SEAL_BYTES:]
        note(f"the cache of compiled kernels in {self._cache_path} is damaged: {ANEW}, and written anew")
        return None

    def damaged(self) -> list[str]:
        paths = Path(self._cache_path).glob(f"{Path(self._index_name).stem}*.nb[ci]")
        return [path.name for path in paths if not _is_readable(path)]


def _is_sealed(content):
    return hashlib.sha256(content[SEAL_BYTES:]).digest() == content[:SEAL_BYTES]


def _is_readable(path):
    try:
        return _is_sealed(path.read_bytes())
    except OSError:
        return False


class TemporaryLocator(UserProvidedCacheLocator):
    """The last place to keep compiled functions: a folder of this user alone below the system's temporary one."""

    def __init__(self, function, file):
        self._py_file, self._lineno = file, function.__code__.co_firstlineno
        self._cache_path = os.path.join(temporary_folder(), self.get_suitable_cache_subpath(file))

    @classmethod
    def from_function(cls, function: Callable, file: str) -> Self | None:
        if temporary_folder() is None:
            return None
        return super(UserProvidedCacheLocator, cls).from_function(function, file)


class Placed(CompileResultCacheImpl):
    """What is kept of a function and where: Numba's places first."""

    _locator_classes = [*CompileResultCacheImpl._locator_classes, TemporaryLocator]  # noqa: RUF012 (a list in Numba)


@functools.cache
def temporary_folder() -> str | None:
    """A folder that only this user can have written to, or None.

    What is read from it is run, so a folder that somebody else made first, or may rename or write to, is not used.
    """
    try:
        path = Path(tempfile.gettempdir()) / f"croco_np-{os.geteuid()}"
        path.mkdir(mode=0o700, exist_ok=True)
        own, above = path.lstat(), path.parent.stat()
    except (OSError, AttributeError):  # AttributeError: a system without user numbers
        return None
    is_private = stat.S_ISDIR(own.st_mode) and own.st_uid == os.geteuid() and not own.st_mode & 0o077
    is_safe = above.st_uid in (0, os.geteuid()) and (above.st_mode & stat.S_ISVTX or not above.st_mode & 0o022)
    return str(path) if is_private and is_safe else None
