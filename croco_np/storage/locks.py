"""A lock file that one process holds at a time. It names its holder, and is released when that process ends.

It is the operating system's lock on an open file (`flock`), so it ends with the process that holds it, however that
ends; the file itself means nothing. Where the system or the file system knows no such locks, everybody gets it.
"""

import json
import os
import socket
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import InputError

try:
    import fcntl
except ImportError:
    fcntl = None  # type: ignore[assignment]  # not a POSIX system

LOOKS, SECONDS_BETWEEN_LOOKS = 5, 0.01  # at the name of a holder
SIGNATURE = {"process", "machine", "since"}  # what a holder says of itself
MOST_BYTES = 4096


def hold(descriptor: int, wait: bool = False) -> bool | None:
    """Lock an open file or folder: True if it is held now, False if somebody else holds it, None if it has no locks."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a network file system without locks
        return None
    return True


def same_file(descriptor: int, path: Path | str) -> bool:
    """Whether `path` still names the file that is open as `descriptor`."""
    try:
        theirs = os.lstat(path)
    except FileNotFoundError:
        return False
    ours = os.fstat(descriptor)
    return (ours.st_dev, ours.st_ino) == (theirs.st_dev, theirs.st_ino)


class Lock:
    """A lock file that is there while somebody holds the lock, and may stay behind a process that was killed.

    path  the file; its folder exists. What is there and is no lock of ours is left alone: a link, a file with a second
          name, a file that holds something else
    """

    def __init__(self, path: Path | str) -> None:
        self.path = path
        self.descriptor: int | None = None

    def take(self, wait: bool = False) -> bool:
        """Whether the lock is ours now; with `wait` it will be. Raises OSError if the file cannot be made."""
        while True:
            flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
            descriptor, taken = os.open(self.path, flags, 0o666), False
            try:
                if not _may_be_a_lock(descriptor):
                    raise InputError(f"{self.path}: stands where the lock belongs and is none; move it elsewhere")
                held = hold(descriptor, wait)
                if held is False:
                    return False
                if same_file(descriptor, self.path):  # else its holder removed it before we had it
                    self.descriptor, taken = descriptor, True
                    self._sign()
                    return True
            finally:
                if not taken:
                    os.close(descriptor)

    def _sign(self):
        """Write who holds the lock into the file. A full disk may prevent it: the lock holds all the same."""
        text = {"process": os.getpid(), "machine": socket.gethostname(), "since": time.strftime("%Y-%m-%d %H:%M:%S")}
        try:
            os.ftruncate(self.descriptor, 0)
            os.pwrite(self.descriptor, json.dumps(text).encode(), 0)
        except OSError:
            pass

    def holder(self) -> str:
        """Who holds the lock, in words."""
        for _ in range(LOOKS):
            try:
                text = json.loads(self._read())
                return f"process {text['process']:d} on {text['machine']!s:.80} since {text['since']!s:.40}"
            except (OSError, ValueError, KeyError, TypeError):  # about to sign, or to leave
                time.sleep(SECONDS_BETWEEN_LOOKS)
        return "another process"

    def _read(self):
        descriptor = os.open(self.path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
        try:
            return os.read(descriptor, MOST_BYTES)
        finally:
            os.close(descriptor)

    def release(self) -> None:
        """Remove the file, while it is still ours, and let go."""
        if self.descriptor is not None:
            if same_file(self.descriptor, self.path):
                os.unlink(self.path)
            os.close(self.descriptor)
            self.descriptor = None


def _may_be_a_lock(descriptor):
    """Whether an open file is a lock, of this process or another, or a new and empty file."""
    about = os.fstat(descriptor)
    if not stat.S_ISREG(about.st_mode) or about.st_nlink > 1:
        return False
    text = os.pread(descriptor, MOST_BYTES, 0)
    if not text:
        return True
    try:
        return set(json.loads(text)) == SIGNATURE
    except (ValueError, TypeError):
        return False


@contextmanager
def locked(path: Path | str, waiting: Callable[[str], Any] = lambda holder: None) -> Iterator[None]:
    """Hold the lock file `path` inside a `with` block. If it has to wait, `waiting(holder)` is called first."""
    lock = Lock(path)
    if not lock.take():
        waiting(lock.holder())
        lock.take(wait=True)
    try:
        yield
    finally:
        lock.release()
