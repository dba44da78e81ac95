"""The folder of a run: its files, and how a run is resumed from them."""

import json
import os
from pathlib import Path
from typing import Self

import numpy as np

from ..config import Config, lasting
from ..datasets.encoder import Encoder
from ..datasets.splits import Splits
from ..errors import InputError
from ..storage import checkpoint
from ..storage.digest import read_json, write_json
from ..storage.files import SCRATCH, not_written, replacing, sweep
from ..storage.locks import Lock
from .packing import in_place_of, pack, unpack
from .saved import CHECKPOINT, CONFIG, MODEL, about, parameters, same_data, write_model
from .state import State

MAP, HISTORY = "covariance.safetensors", "history.jsonl"
FILES = (CONFIG, CHECKPOINT, MODEL, MAP, HISTORY, "metrics.json")  # that nothing else may be written over
NEXT_MODEL = ".model.safetensors.next"  # the best weights until the checkpoint that knows them is written
LOCK = ".croco_np-lock"


class RunFolder:
    """config.json, history.jsonl, metrics.json, pictures, and three files of arrays.

    checkpoint.safetensors  parameters, moments, generator, position: where `--resume` goes on
    model.safetensors       the best weights so far
    covariance.safetensors  the experts' covariance map after `compare_steps` steps

    Every file is replaced whole or not at all, and what is read back has the checksum it was written with. While a
    process trains, it holds the lock of the folder:

        with RunFolder.new(out, config) as folder: ...
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.lock = Lock(self.path / LOCK)
        self.kept: dict = {}  # what config.json says: config, schema, data
        self.encoder: Encoder | None = None

    @classmethod
    def new(cls, out: str, config: Config) -> Self:
        """A fresh folder, locked: `out`, which must be new or empty; without `out` the first free one below runs/.

        A process owns a folder that it locked while it was empty, so two processes never get the same.
        """
        base = Path("runs") / f"{config.dataset}-{config.system}-seed{config.seed}"
        number, path = 1, Path(out) if out else base
        while True:
            folder, was_there = cls(path), path.exists()
            try:
                taken = _taken(path) if was_there else ""
                if not taken:
                    path.mkdir(parents=True, exist_ok=True)
                    taken = "" if folder.lock.take() else f"in use by {folder.lock.holder()}"
                if not taken:
                    sweep(path)
                    taken = _taken(path)  # by who had the lock before
            except OSError as error:
                if out or not was_there:
                    raise not_written(f"--out {path}" if out else path, error) from error
                taken = "somebody else's"
            if not taken:
                return folder
            folder.lock.release()
            if out:
                raise InputError(f"--out {path}: {taken}; choose another folder")
            number += 1
            path = base.with_name(f"{base.name}-{number}")

    @staticmethod
    def refuse_taken(out: str) -> None:
        """Raise InputError if `out` cannot be the folder of a new run; `new` decides, this is to know it early."""
        path = Path(out)
        if out and path.exists() and (taken := _taken(path)):
            raise InputError(f"--out {path}: {taken}; choose another folder")

    @classmethod
    def existing(cls, path: str) -> tuple[Self, Config]:
        """The folder of a run that was begun, locked, and its config."""
        folder = cls(path)
        file = folder.path / CONFIG
        if not file.exists():
            raise InputError(f"--resume {path}: no {CONFIG} there, so no run to go on with")
        try:
            if not folder.lock.take():
                raise InputError(f"--resume {path}: in use by {folder.lock.holder()}; wait until that has ended")
        except OSError as error:
            raise not_written(folder.lock.path, error) from error
        try:
            sweep(path)
            folder.kept = read_json(file, "the config of a run")
            return folder, Config.from_json(folder.kept["config"])
        except BaseException as error:
            folder.lock.release()
            if isinstance(error, (KeyError, TypeError, AttributeError)):
                raise InputError(f"{file}: not the config of a run ({error})") from error
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.lock.release()

    @property
    def where(self) -> str:
        """The path as text, for messages."""
        return str(self.path)

    @property
    def has_checkpoint(self) -> bool:
        """Whether there is something to go on from."""
        return (self.path / CHECKPOINT).exists()

    def begin(self, config: Config, splits: Splits) -> None:
        """Write down what the run is: its config, and what its data look like."""
        self.kept, self.encoder = about(config, splits), splits.encoder
        write_json(self.path / CONFIG, self.kept)

    def save(self, state: State) -> None:
        """Checkpoint everything that `restore` needs; history.jsonl is written from the same facts."""
        state.tick()
        arrays, facts = pack(state)
        checkpoint.save(self.path / CHECKPOINT, arrays, self.kept | facts)
        self._commit_model()
        self._write_history(state)

    def save_model(self, state: State) -> None:
        """Write the best weights. They count from the next `save` on, so a kill in between leaves a consistent run."""
        facts = self.kept | {"epoch": state.facts["best_epoch"]}
        checksum = write_model(self.path / NEXT_MODEL, state.chosen, facts, self.encoder)
        state.facts["best_checksum"] = checksum

    def _commit_model(self):
        if (self.path / NEXT_MODEL).exists():
            try:
                os.replace(self.path / NEXT_MODEL, self.path / MODEL)
            except OSError as error:
                raise not_written(self.path / MODEL, error) from error

    def save_map(self, cov: np.ndarray, step: int) -> None:
        """Write the covariance map of the experts at a step."""
        checkpoint.save(self.path / MAP, {"cov": cov}, self.kept | {"step": step})

    def load_map(self) -> tuple[np.ndarray, int] | None:
        """(map, the step it was taken at), or None if there is none of this run."""
        if not (self.path / MAP).exists():
            return None
        saved = checkpoint.load(self.path / MAP, "a map of covariances")
        self._same_run(self.path / MAP, saved.facts)
        same_data(self.path / MAP, saved.facts, self.kept)
        return saved.arrays["cov"], saved.facts["step"]

    def restore(self, state: State, config: Config, splits: Splits, changed_data: bool = False) -> State:
        """The state of the last checkpoint, in the place of the one at the start; before the first one, that itself.

        config        the run's own, but for what may change
        changed_data  go on though the rows are others than those the run was trained on so far
        """
        path, now = self.path / CHECKPOINT, about(config, splits)
        same_data(self.path / CONFIG, self.kept, now, changed_data)
        if path.exists():
            saved = checkpoint.load(path)
            self._same_run(path, saved.facts)
            same_data(path, saved.facts, now, changed_data)
            unpack(state, saved, path)
        state.best = self._restore_best(state)
        self._write_history(state)
        return state

    def _restore_best(self, state):
        """The weights that the checkpoint calls the best, or None. A draft that it does not know is dropped."""
        draft, path, checksum = self.path / NEXT_MODEL, self.path / MODEL, state.facts["best_checksum"]
        if draft.exists():
            if checksum is not None and checkpoint.load(draft).checksum == checksum:
                self._commit_model()
            else:
                draft.unlink()
        if checksum is None:
            return None
        saved = checkpoint.load(path, "the best weights of the run")
        if saved.checksum != checksum:
            raise InputError(
                f"{path}: not the weights that {self.path / CHECKPOINT} belongs to; restore both from a copy"
            )
        return in_place_of(state.params, parameters(saved.arrays))

    def _same_run(self, path, facts):
        """Raise InputError if the facts kept with arrays are of a run with another config."""
        try:
            theirs, ours = lasting(facts["config"]), lasting(self.kept["config"])
        except (KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{path}: not a file of a run ({error})") from error
        for name in ours:
            if theirs.get(name) != ours[name]:
                raise InputError(
                    f"{path}: {name} is {theirs.get(name)}, in {self.path / CONFIG} it is {ours[name]}; are both of "
                    "one run?"
                )

    def _write_history(self, state):
        self.write(HISTORY, "".join(json.dumps(entry) + "\n" for entry in state.facts["history"]))

    def write(self, name: str, text: str) -> None:
        """Replace a small text file whole or not at all."""
        with replacing(self.path / name) as file:
            file.write(text)


def _taken(path):
    """Why a folder cannot be that of a new run, or ""."""
    if not path.is_dir():
        return "is a file, not a folder"
    names = sorted(p.name for p in path.iterdir() if p.name != LOCK and not SCRATCH.fullmatch(p.name))
    if CONFIG in names:
        return f"holds a run already (--resume {path} goes on with it)"
    return f"is not empty ({names[0]!r:.80} is there)" if names else ""
