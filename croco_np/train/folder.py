"""The folder of a run: what it holds, and how a run is taken up again from it."""

import json
import time
from dataclasses import asdict
from pathlib import Path

from .. import checkpoint
from ..config import Config
from ..errors import InputError
from ..predict.saved import MODEL
from ..tree import flatten, with_leaves

CHECKPOINT, MAP = "checkpoint.safetensors", "covariance.safetensors"


class RunFolder:
    """config.json, history.jsonl, metrics.json, pictures, and three files of arrays.

    checkpoint.safetensors  parameters, moments, generator, position: where `--resume` goes on
    model.safetensors       the best weights so far
    covariance.safetensors  the experts' covariance map after `compare_steps` steps

    Every file is replaced whole or not at all.
    """

    def __init__(self, path):
        self.path = Path(path)
        self.clock = time.perf_counter()

    @classmethod
    def new(cls, out, config):
        """A fresh folder: `out`, which must not hold a run; without `out` the first free one below runs/."""
        path = Path(out) if out else _first_free(Path("runs") / f"{config.dataset}-{config.system}-seed{config.seed}")
        if (path / "config.json").exists():
            raise InputError(
                f"--out {path}: holds a run already; --resume {path} goes on with it, or choose another folder"
            )
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"--out {path}: cannot make the folder ({error.strerror})") from error
        return cls(path)

    @classmethod
    def existing(cls, path):
        """The folder of a run that was begun, and its config."""
        folder = cls(path)
        file = folder.path / "config.json"
        try:
            return folder, Config.from_json(json.loads(file.read_text())["config"])
        except FileNotFoundError:
            raise InputError(f"--resume {path}: no config.json there, so no run to go on with") from None
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{file}: not the config of a run ({error})") from error

    def save_config(self, config, simulated):
        self.write("config.json", json.dumps({"config": config.json(), "simulated": simulated}, indent=1) + "\n")

    def save(self, setup, state):
        """Checkpoint everything that `restore` needs; history.jsonl is written from the same facts."""
        self.tick(state)
        arrays = {f"params.{k}": v for k, v in flatten(state.params).items()}
        arrays |= {f"m.{k}": v for k, v in flatten(state.moments["m"]).items()}
        arrays |= {f"v.{k}": v for k, v in flatten(state.moments["v"]).items()}
        arrays |= {f"last.{k}": v for k, v in state.moments["last"].items()}  # idle rows are saved as they are
        facts = {"state": state.facts, "t": state.moments["t"], "rng": state.rng.bit_generator.state}
        checkpoint.save(self.path / CHECKPOINT, arrays, _about(setup) | facts)
        self.write("history.jsonl", "".join(json.dumps(entry) + "\n" for entry in state.facts["history"]))

    def save_model(self, setup, params):
        checkpoint.save(self.path / MODEL, flatten(params), _about(setup))

    def save_map(self, cov, step):
        checkpoint.save(self.path / MAP, {"cov": cov}, {"step": step})

    def load_map(self):
        """(map, the step it was taken at), or None."""
        if not (self.path / MAP).exists():
            return None
        arrays, facts = checkpoint.load(self.path / MAP)
        return arrays["cov"], facts["step"]

    def restore(self, setup):
        """The state of the last checkpoint; before the first one, the state at the start."""
        state, path = setup.start(), self.path / CHECKPOINT
        if not path.exists():
            return state
        arrays, facts = checkpoint.load(path)
        if facts["schema"] != _about(setup)["schema"]:
            raise InputError(f"{path}: the data has other columns or vocabularies than when the run began")

        def part(prefix):
            return {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}

        def tree(prefix):
            return with_leaves(state.params, part(prefix))

        state.facts = facts["state"]
        state.moments = {"t": facts["t"], "m": tree("m."), "v": tree("v."), "last": part("last.")}
        state.params = tree("params.")
        state.rng.bit_generator.state = facts["rng"]
        if state.facts["best_epoch"] is not None:
            state.best = with_leaves(state.params, checkpoint.load(self.path / MODEL)[0])
        return state

    def tick(self, state):
        """Add the time since the last tick to the run's seconds."""
        now = time.perf_counter()
        state.facts["seconds"] += now - self.clock
        self.clock = now

    def write(self, name, text):
        """Replace a small text file whole or not at all."""
        path = self.path / name
        draft = path.with_name(path.name + ".part")
        try:
            draft.write_text(text)
            draft.replace(path)
        except OSError as error:
            raise InputError(f"{path}: cannot write ({error.strerror})") from error


def _about(setup):
    """What goes with saved weights: enough to know what they belong to and to rebuild the model."""
    schema = json.loads(json.dumps(asdict(setup.splits.schema)))  # tuples as lists, as they come back from a file
    return {"config": setup.config.json(), "schema": schema, "simulated": setup.splits.simulated}


def _first_free(path):
    number, free = 1, path
    while free.exists():
        number += 1
        free = path.with_name(f"{path.name}-{number}")
    return free
