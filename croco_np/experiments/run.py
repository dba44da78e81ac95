"""One training run of an experiment: a config in, a record of everything that was measured out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from ..config import Config
from ..datasets.load import load
from ..datasets.splits import Splits
from ..diagnostics import abundance_during
from ..diagnostics.report import diagnose
from ..doctor.facts import versions
from ..machine.rates import blas
from ..metrics import evaluate
from ..predict import Predictor
from ..storage.digest import of_json
from ..train.loop import fit
from ..train.results import measure
from ..train.trainer import Trainer
from .draws import sampled

PLACES = ("data_dir", "path")  # where the data lie: the fingerprint says which they are
NOT_OF_A_MODEL = ("checkpoint_steps", "compare_steps")  # files and pictures of `croco_np.train`
ALWAYS_NAMED = ("dataset", "model", "seed")
FORM = 1  # of a record: another form is another key


@dataclass(frozen=True)
class Run:
    """A run to be made, or found in the store.

    config       what is trained on what
    fingerprint  of the data
    looks        what is looked for in the trained model, names of `LOOKS`: tuning only needs the validation AUC
    """

    config: Config
    fingerprint: str
    looks: tuple[str, ...] = ("learnt",)

    @cached_property
    def key(self) -> str:
        """The name of the record: a checksum of the settings that are not defaults, and of the data.

        Defaults are left out, so a record outlives a new setting of a later version; `is_of` compares the others.
        """
        about = {"form": FORM, "config": changed(_of_the_model(self.config.json())), "data": self.fingerprint}
        return of_json(about | {"looks": list(self.looks)}).removeprefix("sha256:")[:24]

    def is_of(self, record: dict[str, Any]) -> bool:
        """Whether a record with this run's key is this run's: a default of its config may have been another."""
        parts = ("config", "test", "valid", *self.looks)
        if not all(isinstance(record.get(part), dict) for part in parts):  # damaged
            return False
        theirs, ours = (_of_the_model(config) for config in (record["config"], self.config.json()))
        return all(plain(theirs[name]) == plain(ours[name]) for name in theirs.keys() & ours.keys())

    @property
    def title(self) -> str:
        """The run in a few words, for progress and errors."""
        c = self.config
        loss = f", {c.resolved_loss} {c.resolved_alpha:g}" if c.alpha and c.resolved_loss != "none" else ""
        return f"{c.system}{loss}, lr {c.lr:g}, l2 {c.l2:g}, seed {c.seed}"


def _of_the_model(config):
    """The settings of a config that its numbers depend on."""
    return {name: value for name, value in config.items() if name not in (*PLACES, *NOT_OF_A_MODEL)}


def changed(config: dict[str, Any]) -> dict[str, Any]:
    """The settings of a config (`Config.json`) that differ from the defaults; always the model and the seed."""
    defaults = Config(dataset=config["dataset"]).json()
    return {
        name: value
        for name, value in config.items()
        if name in ALWAYS_NAMED or (name not in PLACES and plain(value) != plain(defaults.get(name)))
    }


def plain(value: Any) -> Any:
    """A setting as a JSON file has it: tuples are lists."""
    return list(value) if isinstance(value, tuple) else value


@lru_cache(maxsize=2)
def data(key: Config) -> Splits:
    """The data of a config; what was read last is kept. `key` is `data_key` of the config."""
    return load(key, say=lambda line: None)


def data_key(config: Config) -> Config:
    """The config without what the data do not depend on, so that runs on the same data share them in memory."""
    kept = {"dataset": config.dataset} | {
        f.name: getattr(config, f.name)
        for f in fields(config)
        if f.metadata["only"] and config.dataset in f.metadata["only"]
    }
    common = ("data_dir", "min_count", "simulated_rows", "simulated_seed")
    return Config(**kept | {name: getattr(config, name) for name in common})


def carry_out(run: Run) -> tuple[dict[str, Any], np.ndarray]:
    """Train and measure -> (record for a JSON file, logits of the test rows (N,) float32).

    A record has the config, the fingerprint of the data, versions, test measures, the history with validation measures,
    and what each of the run's `looks` found. Nothing is written, nothing printed.
    """
    c = run.config
    splits = data(data_key(c))
    trainer = Trainer.from_config(c, splits)
    state = trainer.start()
    each_epoch = abundance_during(splits, c) if "learnt" in run.looks else None
    fit(
        trainer,
        state,
        epochs=c.epochs,
        patience=c.patience,
        each_epoch=each_epoch,
        say=lambda line: None,
        progress=False,
    )
    metrics = measure(trainer, state, c)
    predictor = trainer.predictor(state.chosen)
    record = {
        "form": FORM,
        "key": run.key,
        "system": c.system,
        "loss": c.resolved_loss if c.alpha else "none",
        "config": c.json(),
        "fingerprint": splits.fingerprint,
        "simulated": splits.simulated,
        "versions": versions() | {"blas": blas()},
        "test": {"overall": metrics["overall"], "domains": metrics["domains"]},
        "valid": evaluate(
            predictor.logits(splits.valid), np.asarray(splits.valid.labels), np.asarray(splits.valid.users)
        ),
        "best_epoch": metrics["best_epoch"],
        "parameters": metrics["parameters"],
        "history": state.facts["history"],
        "seconds": metrics["seconds"],
        "rows_per_second": metrics["train_rows_per_second"],
    }
    record |= {name: LOOKS[name](predictor, splits, c) for name in run.looks}
    return record, predictor.logits(splits.test).astype(np.float32)


LOOKS: dict[str, Callable[[Predictor, Splits, Config], Any]] = {"learnt": diagnose, "sampled": sampled}
