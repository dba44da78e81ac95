"""Free space on the disk and in memory, as the system reports it."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

PROBE = bytes(1 << 16)  # more than a file system keeps beside its records, so a full disk is noticed
MEMINFO, CGROUP = Path("/proc/meminfo"), Path("/sys/fs/cgroup")


def room(folder: str = ".") -> dict[str, Any]:
    """{"folder", "disk": bytes free there, "error": why nothing can be written there, "memory": bytes available}."""
    try:
        path = Path(folder).absolute()
    except OSError as error:  # the folder that this process is in was removed
        return {"folder": str(folder), "disk": None, "error": error.strerror or str(error), "memory": memory()}
    return {"folder": str(path), "disk": _disk(path), "error": cannot_write(path), "memory": memory()}


def cannot_write(folder: str | Path) -> str | None:
    """Why no file can be written to a folder, or None."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(PROBE)
            file.flush()
    except OSError as error:
        return error.strerror or str(error)
    return None


def memory(meminfo: Path = MEMINFO, cgroup: Path = CGROUP) -> int | None:
    """Bytes that can still be had, the limit of a container included; None where the system does not tell."""
    known = [_available(meminfo), _left(cgroup)]
    return min((n for n in known if n is not None), default=None)


def _disk(path):
    try:
        return shutil.disk_usage(path).free
    except OSError:
        return None


def _available(meminfo):
    try:
        line = next(line for line in meminfo.read_text().splitlines() if line.startswith("MemAvailable"))
        return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError, StopIteration):
        return None


def _left(cgroup):
    try:
        most, used = (int((cgroup / name).read_text()) for name in ("memory.max", "memory.current"))
    except (OSError, ValueError):  # ValueError: "max", no limit
        return None
    return max(most - used, 0)
