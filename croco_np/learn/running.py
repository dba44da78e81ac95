"""Which JupyterLab runs for a learner's folder: two on the same files would overwrite each other's."""

import json
import os
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPException
from pathlib import Path
from urllib.parse import urlsplit

NAME = ".croco_np_servers.json"  # in the folder, for its owner's eyes: addresses hold tokens
HOST = "127.0.0.1"


def address(folder: Path) -> str | None:
    """The address of a JupyterLab that runs for this folder, if one answers."""
    return next((noted for noted in _addresses(folder) if _answers(noted)), None)


@contextmanager
def noted(address: str, folder: Path) -> Iterator[None]:
    """The address is written down in the folder for the length of a `with` block, beside those of others that run."""
    with suppress(OSError):
        _note([a for a in _addresses(folder) if _answers(a)] + [address], folder)
    try:
        yield
    finally:
        with suppress(OSError):
            _note([a for a in _addresses(folder) if a != address], folder)


def _addresses(folder):
    """What is written down; [] for what cannot be read."""
    try:
        found = json.loads((folder / NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return [a for a in found if isinstance(a, str)] if isinstance(found, list) else []


def _answers(address):
    """Whether a JupyterLab on this machine answers to the token of this address."""
    try:
        parts = urlsplit(address)
        if parts.scheme != "http" or parts.hostname != HOST:
            return False
        with urllib.request.urlopen(f"http://{parts.netloc}/api/status?{parts.query}", timeout=2):
            return True
    except (OSError, ValueError, HTTPException):
        return False


def _note(addresses, folder):
    """Write addresses down, to be read by their owner only; no file for none."""
    path = folder / NAME
    path.unlink(missing_ok=True)
    if addresses:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            json.dump(addresses, file)
