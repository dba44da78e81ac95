"""A command of the package, run in a process of its own."""

import subprocess
import sys

from .item import NotRun


def output_of(module: str, flags: list[str], longest: float) -> str:
    """What `python -m module flags` prints; NotRun after `longest` seconds, RuntimeError if it fails."""
    words = [sys.executable, "-m", module, *flags]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=longest, check=False)
    except subprocess.TimeoutExpired:
        raise NotRun(f"{module} took more than {longest} s") from None
    if done.returncode:
        raise RuntimeError(f"{module} ended with {done.returncode}: {done.stderr.strip()[-300:]}")
    return done.stdout
