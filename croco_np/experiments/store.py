"""Records of runs on disk. A run that has a record is not made again; two processes never make the same run at once."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ..storage.files import PREFIX, not_written, replacing, sweep
from ..storage.locks import Lock


class Store:
    """A folder of records, `KEY.json`, and of test logits, `KEY.npy`, by the key of a `Run`.

    Files are replaced whole or not at all, the record last. A record that cannot be read counts as absent, so the run
    is made anew.
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            sweep(self.folder)
        except OSError as error:
            raise not_written(self.folder, error, "or name one with --out") from error

    def record(self, key: str) -> dict[str, Any] | None:
        """The record of a run, or None."""
        try:
            found = json.loads((self.folder / f"{key}.json").read_text())
        except (OSError, ValueError, RecursionError):  # the last: brackets without end
            return None
        return found if isinstance(found, dict) and found.get("key") == key else None

    def logits(self, key: str) -> np.ndarray | None:
        """The test logits of a run (N,) float32, or None."""
        try:
            return np.load(self.folder / f"{key}.npy", allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return None

    def put(self, key: str, record: dict[str, Any], logits: np.ndarray | None = None) -> None:
        """Write what a run gave."""
        if logits is not None:
            buffer = io.BytesIO()
            np.save(buffer, logits, allow_pickle=False)
            with replacing(self.folder / f"{key}.npy", "wb") as file:
                file.write(buffer.getvalue())
        with replacing(self.folder / f"{key}.json") as file:
            json.dump(record, file)

    @contextmanager
    def held(self, key: str) -> Iterator[bool]:
        """Whether this process may make a run; it holds the run's lock inside the `with` block if so."""
        lock = Lock(self.folder / f"{PREFIX}{key}.lock")  # `sweep` knows those of killed processes by their name
        taken = lock.take()
        try:
            yield taken
        finally:
            lock.release()
