"""A heap that keeps its pages.

A training step makes and drops arrays of megabytes. The GNU C library maps such arrays anew each time, so each step
touches fresh pages, which the kernel has to clear first. Told to take them from the heap and not to give the heap back,
it reuses the pages. The price: memory that was once used stays with the process until its end.

Other C libraries have no such knobs. Nothing is turned here but by `tuning.tune`.
"""

from collections.abc import Mapping
from typing import Any

from .cpu import is_linux

TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD = -1, -2, -3  # numbers of malloc.h
MAPPED_ABOVE = (1 << 30, 1 << 25)  # bytes: the first is refused by older versions, which allow 32 MiB at most
PAD = 1 << 26  # bytes that the heap grows by at least, and so rarely
NEVER = -1  # give no page back
STATE: dict[str, Any] = {"pages_kept": False, "mapped_above_bytes": None, "why": "nobody asked for it"}


def keep_pages(environ: Mapping[str, str]) -> None:
    """Turn the knobs, and note in `STATE` what was done, or why nothing was."""
    if STATE["pages_kept"]:
        return
    STATE.update(mapped_above_bytes=None, why=reason_against(environ))
    if STATE["why"]:
        return
    mallopt = _c_library().mallopt
    above = next((size for size in MAPPED_ABOVE if mallopt(MMAP_THRESHOLD, size)), None)
    kept = above is not None and mallopt(TRIM_THRESHOLD, NEVER) and mallopt(TOP_PAD, PAD)
    STATE.update(pages_kept=bool(kept), mapped_above_bytes=above, why=None if kept else "the C library refused")


def reason_against(environ: Mapping[str, str]) -> str | None:
    """Why the knobs are not to be turned, or cannot be; None if they can."""
    theirs = [name for name in environ if name.startswith("MALLOC_") or name == "GLIBC_TUNABLES"]
    if theirs:
        return f"the user set {', '.join(sorted(theirs))}"
    if not (is_linux() and hasattr(_c_library(), "gnu_get_libc_version")):
        return "not the GNU C library"
    return None


def _c_library():
    """The C library of this process; None where it cannot be called."""
    try:
        import ctypes

        return ctypes.CDLL(None)
    except (ImportError, OSError):  # a Python without ctypes, a program without shared libraries
        return None
