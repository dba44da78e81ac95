"""What we wrote into a learner's folder, by its checksums: what has another one by now is the learner's.

Notebooks carry their record with them, in their metadata; pages and pictures cannot, so a file of the folder has it.
"""

import hashlib
import json
import os
from pathlib import Path

from ..storage.files import replacing

NAME = ".croco_np.json"

Ledger = dict[str, dict[str, str]]  # offered: {lesson: version laid beside}; files: {path in the folder: SHA-256}


def load(folder: Path) -> Ledger:
    """What earlier calls noted about the folder; a ledger that cannot be read counts as empty, which loses nothing."""
    try:
        found = json.loads((folder / NAME).read_text(encoding="utf-8"))
        return {key: dict(found[key]) for key in ("offered", "files")}
    except (OSError, ValueError, KeyError, TypeError):
        return {"offered": {}, "files": {}}


def save(ledger: Ledger, folder: Path) -> None:
    """Write the ledger, whole or not at all."""
    with replacing(folder / NAME, encoding="utf-8") as file:
        json.dump(ledger, file, indent=1, sort_keys=True)


def put(content: bytes, name: str, folder: Path, ledger: Ledger) -> bool:
    """Write a file of ours at `name` in the folder, unless what is there is the learner's -> whether it is ours now."""
    path, now = folder / name, checksum(content)
    if os.path.lexists(path):
        if (there := _held(path)) is None or checksum(there) not in (ledger["files"].get(name), now):
            return False
        if there == content:
            ledger["files"][name] = now
            return True
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path.resolve(), "wb") as file:  # resolved: a link of the learner's stays one
        file.write(content)
    ledger["files"][name] = now
    return True


def checksum(content: bytes) -> str:
    """SHA-256 of the bytes of a file."""
    return hashlib.sha256(content).hexdigest()


def _held(path):
    """The bytes of a file; None for what cannot be read, such as a folder or a link to nothing."""
    try:
        return path.read_bytes()
    except OSError:
        return None
