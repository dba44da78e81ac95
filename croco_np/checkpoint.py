"""Checkpoints: a dict of arrays and a dict of facts in one safetensors file, replaced whole or not at all."""

import json
import os
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from .errors import InputError


def save(path, arrays, facts):
    """Write `arrays` {name: array} and `facts` (JSON) to `path`.

    The file is written beside `path` and then renamed, so a reader sees the old one or the new one. Raises InputError
    if it cannot be written; what was at `path` before is then still there.
    """
    path = Path(path)
    draft = path.with_name(path.name + ".part")
    try:
        save_file(arrays, draft, metadata={"facts": json.dumps(facts)})
        with open(draft, "rb") as file:
            os.fsync(file.fileno())
        os.replace(draft, path)
    except (OSError, SafetensorError) as error:
        draft.unlink(missing_ok=True)
        before = "the one before is intact" if path.exists() else "nothing was saved"
        need = sum(a.nbytes for a in arrays.values()) / 1e6
        raise InputError(f"{path}: cannot write the checkpoint ({error}); {before}; it needs {need:.1f} MB") from error


def load(path):
    """The (arrays, facts) of a checkpoint."""
    try:
        with safe_open(path, framework="numpy") as file:
            facts = json.loads(file.metadata()["facts"])
            return {name: file.get_tensor(name) for name in file.keys()}, facts  # noqa: SIM118 (not a dict)
    except FileNotFoundError:
        raise InputError(f"{path}: no such checkpoint") from None
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: not a whole checkpoint of croco_np ({error})") from error
