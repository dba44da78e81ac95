"""Saved weights: a file with the best weights of a run, its config, data fingerprint and vocabularies."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..backend import host
from ..config import MAY_CHANGE, Config, lasting
from ..datasets.encoder import Encoder
from ..datasets.load import load
from ..datasets.splits import Schema, Splits
from ..errors import InputError
from ..models import MODELS
from ..models.assembly import shape_tree
from ..storage import checkpoint
from ..storage.digest import read_json
from ..tree import Tree, flatten, not_finite, with_leaves

MODEL, CONFIG, CHECKPOINT = "model.safetensors", "config.json", "checkpoint.safetensors"
WHERE = "--data-dir (of a table: --path)"
ENCODER = "encoder/"  # before the names of vocabularies: no parameter has a slash in its path


class Saved(NamedTuple):
    """What the file of a run's weights says of itself.

    facts    what `about` noted when the weights were written
    encoder  turns raw rows into ids (`datasets.encoder.Encoder`); None where the data had none
    """

    file: Path
    config: Config
    schema: Schema
    facts: dict
    model: Any
    params: Tree
    encoder: Encoder | None

    def data(self, changed_data: bool = False) -> Splits:
        """The `Splits` that the config names, if they are those that the model was trained on.

        changed_data  or others of the same columns and vocabularies
        """
        splits = load(self.config, say=lambda line: print(line, file=sys.stderr, flush=True))
        same_data(self.file, self.facts, about(self.config, splits), changed_data)
        return splits


def about(config: Config, splits: Splits) -> dict:
    """What goes with saved weights, as plain data: enough to know what they belong to, and to rebuild the model."""
    data = {"schema": asdict(splits.schema), "simulated": splits.simulated, "data": splits.fingerprint}
    return plain({"config": config.json()} | data)


def plain(value: Any) -> Any:
    """Plain data as they come back from a JSON file: tuples are lists."""
    return json.loads(json.dumps(value))


def same_data(file: Path | str, facts: dict, now: dict, changed_data: bool = False) -> None:
    """Raise InputError unless the data of now are those of the facts in a file, both as `about` notes them.

    changed_data  allow other rows
    """
    missing = [name for name in ("schema", "simulated", "data") if name not in facts]
    if missing:
        raise InputError(f"{file}: says nothing of the {missing[0]} of its data; was it written by another version?")
    if facts["simulated"] != now["simulated"]:
        kind = "simulated" if facts["simulated"] else "genuine"
        raise InputError(f"{file}: belongs to {kind} data, and these are not; {WHERE} says where the data are")
    if facts["schema"] != now["schema"]:
        raise InputError(
            f"{file}: the data have other columns or vocabularies than those the run was trained on, and its weights "
            f"fit no others; {WHERE} says where the data are"
        )
    if facts["data"] != now["data"] and not changed_data:
        raise InputError(
            f"{file}: the rows of the data have changed since the run was trained on them; {WHERE} says where the "
            "old ones are, --changed-data goes on with these"
        )


def write_model(file: Path | str, params: Tree, facts: dict, encoder: Encoder | None = None) -> str:
    """Write weights, facts and vocabularies to one file; returns its checksum.

    facts    of `about`, and what else is to be known
    encoder  whose vocabularies are kept beside the weights
    """
    arrays = {path: host(w) for path, w in flatten(params).items()}
    if encoder is not None:
        vocabularies, kept = encoder.state()
        arrays |= {ENCODER + name: a for name, a in vocabularies.items()}
        facts = facts | {"encoder": kept}
    return checkpoint.save(file, arrays, facts)


def parameters(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays of a file that are parameters, not vocabularies."""
    return {name: a for name, a in arrays.items() if not name.startswith(ENCODER)}


def _encoder(file, arrays, facts):
    if "encoder" not in facts:
        return None
    kept = {name.removeprefix(ENCODER): a for name, a in arrays.items() if name.startswith(ENCODER)}
    try:
        return Encoder.from_state(kept, facts["encoder"])
    except InputError as error:
        raise InputError(f"{file}: {error}") from error


def read_model(run: Path | str, **moved: Any) -> Saved:
    """Saved weights -> `Saved`; the data are not read.

    run    the folder of a run of croco_np.train, or a file of weights
    moved  entries of the config that are others here, such as `data_dir`
    """
    file = Path(run) if Path(run).is_file() else Path(run) / MODEL
    if not file.exists():
        after = f"no {MODEL} there; a run has one after its first epoch"
        raise InputError(f"{run}: {after if Path(run).is_dir() else 'no such file or folder'}")
    arrays, facts, checksum = checkpoint.load(file, "the weights of a run")
    moved = (_moved(file.parent, facts, checksum) if file.name == MODEL else {}) | moved
    try:
        config = Config.from_json(facts["config"] | moved)
        schema = Schema.from_json(facts["schema"])
    except InputError as error:  # of an entry of the config, in its own words
        raise InputError(f"{file}: {error}") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{file}: not the model of a run ({error!s:.120})") from error
    model = MODELS[config.model].build(schema, **config.sizes)
    shapes = {path: (w.shape, np.dtype(config.dtype)) for path, w in flatten(shape_tree(model)).items()}
    own = parameters(arrays)
    own = {path: a for path, a in own.items() if not path.startswith("loss.")}  # the model's, not its loss's
    if {path: (a.shape, a.dtype) for path, a in own.items()} != shapes:
        raise InputError(f"{file}: its arrays do not fit the model {config.model}; was it written by another version?")
    params = with_leaves(shape_tree(model), own)
    if wrong := not_finite(params):
        raise InputError(f"{file}: {wrong} holds NaN or infinity, so it predicts nothing; train again, a smaller --lr")
    return Saved(file, config, schema, facts, model, params, _encoder(file, arrays, facts))


def _moved(run, facts, checksum):
    """What config.json beside the weights says of settings that may change, such as where the data are now.

    Raises InputError unless the weights belong to the config and to the checkpoint beside them, if there is one.
    """
    now = {}
    for name in (CONFIG, CHECKPOINT):
        if not (run / name).exists():
            continue
        theirs = read_json(run / name, "the config of a run") if name == CONFIG else checkpoint.peek(run / name)
        try:
            ours, kept = lasting(facts["config"]), lasting(theirs["config"])
            if wrong := [key for key in ours.keys() | kept.keys() if ours.get(key) != kept.get(key)]:
                raise InputError(
                    f"{run / MODEL}: {wrong[0]} is {ours.get(wrong[0])}, in {name} beside it {kept.get(wrong[0])}; "
                    "are both of one run?"
                )
            best = theirs["state"]["best_checksum"] if name == CHECKPOINT else checksum
            if name == CONFIG:
                now = {key: value for key, value in theirs["config"].items() if key in MAY_CHANGE}
        except (KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{run / name}: not a file of a run ({error!s:.120})") from error
        if best != checksum:
            raise InputError(
                f"{run / MODEL}: not the weights that {name} beside it calls the best; if the run is not being trained "
                f"now, python -m croco_np.train --resume {run} says more"
            )
    return now
