"""What the process of an answer may not do: an audit hook that Python asks, limits of the system, names it misses."""

import os
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

from ... import teaching

STARTS = {  # what starts other programs, reaches other processes or the network, or calls into C
    *("os.system", "os.fork", "os.forkpty", "os.exec", "os.posix_spawn", "os.spawn", "os.startfile", "pty.spawn"),
    *("subprocess.Popen", "os.kill", "os.killpg", "signal.pthread_kill", "sys.addaudithook", "resource.prlimit"),
    *("socket.__new__", "socket.connect", "socket.bind", "socket.sendto", "socket.getaddrinfo", "syslog.syslog"),
    *("ctypes.dlopen", "ctypes.dlsym", "ctypes.call_function", "ctypes.cdata", "ctypes.cdata/buffer"),
    "sqlite3.connect",  # also one in memory can attach a file by name
}
CHANGES = {
    *("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate", "os.chmod", "os.chown"),
    *("os.utime", "os.chflags", "os.mkfifo", "os.mknod", "os.setxattr", "os.removexattr", "shutil.rmtree"),
}
LOOKS = {"os.listdir", "os.scandir"}
UNHEARD = ("_dbm", "_gdbm")  # modules that open files without a word to the hook
NEEDS_C = ("numba", "llvmlite")  # they load libraries, which is refused in a way that no `except ImportError` expects
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def confine(folder: str, closed: Sequence[str], seconds: int, memory: int) -> None:
    """Confine this process from here on.

    folder   the one in which it may write
    closed   folders and files that it may not read, as resolved paths
    seconds  of processor time
    memory   bytes
    """
    _without_solutions()
    for name in (*UNHEARD, *NEEDS_C):
        if name not in sys.modules:
            sys.modules[name] = None  # type: ignore[assignment]  # Python's own way to have an import fail
    if hasattr(os, "pidfd_open"):
        del os.pidfd_open  # by which a signal reaches another process unheard
    _limit(seconds, memory)
    sys.addaudithook(_guard(folder, closed))


def _without_solutions():
    """Leave no worked solutions and no checks to import here."""
    for name in ("solutions", "exercises"):
        whole = f"{teaching.__name__}.{name}"
        for module in [m for m in sys.modules if m.startswith(f"{whole}.")]:
            del sys.modules[module]
        empty = ModuleType(whole)
        vars(empty)["every"] = dict
        sys.modules[whole] = empty
        for holder in (teaching, *vars(teaching).values()):
            if isinstance(holder, ModuleType) and isinstance(getattr(holder, name, None), ModuleType):
                setattr(holder, name, empty)


def _limit(seconds, memory):
    """Hold the process to some seconds of processor time and bytes of memory, and to small files, where that exists."""
    try:
        import resource
    except ImportError:  # not a Unix: the grade book's clock is the only limit
        return
    wanted = {"RLIMIT_CPU": seconds + 5, "RLIMIT_AS": memory, "RLIMIT_FSIZE": 2**20, "RLIMIT_CORE": 0}
    for name, most in wanted.items():
        if hasattr(resource, name):
            _, hard = resource.getrlimit(getattr(resource, name))
            most = most if hard == resource.RLIM_INFINITY else min(most, hard)
            resource.setrlimit(getattr(resource, name), (most, most))


def _guard(folder: str, closed: Sequence[str]) -> Callable[[str, Any], None]:
    """An audit hook that refuses other programs, the network, and files but in `folder`; `closed` cannot be read."""
    inside = os.path.realpath(folder)
    package = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
    library = [os.path.realpath(path) for path in (f"{package}/croco_np", sys.prefix, sys.base_prefix)]

    def below(path, folders):
        path = os.path.realpath(os.fsdecode(path))
        return any(path == f or path.startswith(f + os.sep) for f in folders)

    def guard(event, args):
        if event in STARTS:
            raise PermissionError(f"{event} is not allowed while answers are marked")
        if event == "open" and isinstance(args[0], (str, bytes)):
            path, mode, flags = args
            writes = bool(flags & WRITING) if isinstance(flags, int) else any(c in (mode or "") for c in "wax+")
            if writes and not below(path, [inside, os.devnull]):
                raise PermissionError("files are not written while answers are marked")
            if below(path, closed) and not below(path, [inside, *library]):
                raise PermissionError("the notebooks of the class are not read while answers are marked")
        elif event in LOOKS and isinstance(args[0], (str, bytes)) and below(args[0], closed):
            raise PermissionError("the notebooks of the class are not read while answers are marked")
        elif event in CHANGES:
            paths = [arg for arg in args if isinstance(arg, (str, bytes))]
            if not all(below(path, [inside]) for path in paths):
                raise PermissionError("files are not changed while answers are marked")

    return guard
