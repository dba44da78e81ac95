"""The best weights of a run, with all that they belong to."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..storage import checkpoint
from ..config import Config, lasting
from ..datasets.load import load
from ..datasets.splits import Schema
from ..storage.digest import read_json
from ..errors import InputError
from ..models import MODELS
from ..models.assembly import shape_tree
from ..tree import flatten, not_finite, with_leaves

MODEL, CONFIG, CHECKPOINT = "model.safetensors", "config.json", "checkpoint.safetensors"


class Saved(NamedTuple):
    """What the file of a run's weights says of itself.

    facts  what `about` noted when the weights were written
    """

    file: Path
    config: Config
    schema: Schema
    facts: dict
    model: Any
    params: dict

    def data(self, changed_data=False):
        """The `Splits` that the config names, if they are those that the model was trained on.

        changed_data  or others of the same columns and vocabularies
        """
        splits = load(self.config, say=lambda line: print(line, file=sys.stderr, flush=True))
        same_data(self.file, self.facts, splits, changed_data)
        return splits


def about(config, splits):
    """What goes with saved weights, as plain data: enough to know what they belong to, and to rebuild the model."""
    data = {"schema": asdict(splits.schema), "simulated": splits.simulated, "data": splits.fingerprint}
    return plain({"config": config.json()} | data)


def plain(value):
    """Plain data as they come back from a JSON file: tuples are lists."""
    return json.loads(json.dumps(value))


def same_data(file, facts, splits, changed_data=False):
    """Raise InputError unless the data are those that `about` noted in a file; `changed_data` allows other rows."""
    now = {"schema": plain(asdict(splits.schema)), "simulated": splits.simulated, "data": splits.fingerprint}
    missing = [name for name in now if name not in facts]
    if missing:
        raise InputError(f"{file}: says nothing of the {missing[0]} of its data; was it written by another version?")
    if facts["simulated"] != now["simulated"]:
        kind = "simulated" if facts["simulated"] else "genuine"
        raise InputError(f"{file}: belongs to {kind} data, and these are not; --data-dir says where the data are")
    if facts["schema"] != now["schema"]:
        raise InputError(
            f"{file}: the data have other columns or vocabularies than those the run was trained on, and its weights "
            "fit no others; --data-dir says where the data are"
        )
    if facts["data"] != now["data"] and not changed_data:
        raise InputError(
            f"{file}: the rows of the data have changed since the run was trained on them; --data-dir says where the "
            "old ones are, --changed-data goes on with these"
        )


def read_model(run, **moved):
    """The folder of a run of croco_np.train -> `Saved`; the data are not read.

    moved  entries of the config that are others here, such as `data_dir`
    """
    file = Path(run) / MODEL
    if not file.exists():
        raise InputError(f"{run}: no {MODEL} there; give the folder of a run of croco_np.train, after its first epoch")
    arrays, facts, checksum = checkpoint.load(file, "the weights of a run")
    _same_run(Path(run), facts, checksum)
    try:
        config = Config.from_json(facts["config"] | moved)
        schema = Schema(**{k: tuple(v) if isinstance(v, list) else v for k, v in facts["schema"].items()})
    except InputError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{file}: not the model of a run ({error!s:.120})") from error
    model = MODELS[config.model].build(schema, **config.sizes)
    shapes = {path: (w.shape, np.dtype(config.dtype)) for path, w in flatten(shape_tree(model)).items()}
    own = {path: a for path, a in arrays.items() if not path.startswith("loss.")}  # the model's, not its loss's
    if {path: (a.shape, a.dtype) for path, a in own.items()} != shapes:
        raise InputError(f"{file}: its arrays do not fit the model {config.model}; was it written by another version?")
    params = with_leaves(shape_tree(model), own)
    if wrong := not_finite(params):
        raise InputError(f"{file}: {wrong} holds NaN or infinity, so it predicts nothing; train again, a smaller --lr")
    return Saved(file, config, schema, facts, model, params)


def _same_run(run, facts, checksum):
    """Raise InputError unless weights are those that the config and the checkpoint beside them, if any, speak of."""
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
        except (KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{run / name}: not a file of a run ({error!s:.120})") from error
        if best != checksum:
            raise InputError(
                f"{run / MODEL}: not the weights that {name} beside it calls the best; if the run is not being trained "
                f"now, python -m croco_np.train --resume {run} says more"
            )
