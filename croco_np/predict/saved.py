"""The best weights of a run, with all that they belong to."""

from pathlib import Path
from typing import Any, NamedTuple

from .. import checkpoint
from ..config import Config
from ..datasets.load import load
from ..datasets.splits import Schema
from ..errors import InputError
from ..models import MODELS
from ..models.budget import undrawn
from ..tree import flatten, with_leaves

MODEL = "model.safetensors"


class Saved(NamedTuple):
    """What the file of a run's weights says of itself.

    simulated  whether the model was trained on simulated data
    """

    file: Path
    config: Config
    schema: Schema
    simulated: bool
    model: Any
    params: dict

    def data(self):
        """The `Splits` that the config names, if they are such as the model was trained on."""
        splits = load(self.config, say=lambda line: None)  # its line is about training
        if self.simulated != splits.simulated:
            kind = "simulated" if self.simulated else "genuine"
            raise InputError(
                f"{self.file}: was trained on {kind} data, and these are not; --data-dir says where the data are"
            )
        if self.schema != splits.schema:
            raise InputError(
                f"{self.file}: the data has other columns or vocabularies than those the model was trained on"
            )
        return splits


def read_model(run, **moved):
    """The folder of a run of croco_np.train -> `Saved`; the data are not read.

    moved  entries of the config that are others here, such as `data_dir`
    """
    file = Path(run) / MODEL
    if not file.exists():
        raise InputError(f"{run}: no {MODEL} there; give the folder of a run of croco_np.train, after its first epoch")
    arrays, facts = checkpoint.load(file)
    try:
        config = Config.from_json(facts["config"] | {"threads": 0} | moved)  # this machine may have fewer cores
        schema = Schema(**{k: tuple(v) if isinstance(v, list) else v for k, v in facts["schema"].items()})
        simulated = facts["simulated"]
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{file}: not the model of a run ({error})") from error
    model = MODELS[config.model](schema, config)
    shapes = undrawn(model)
    if any(path not in arrays or arrays[path].shape != w.shape for path, w in flatten(shapes).items()):
        raise InputError(f"{file}: its arrays do not fit the model {config.model}; was it written by another version?")
    return Saved(file, config, schema, simulated, model, with_leaves(shapes, arrays))
