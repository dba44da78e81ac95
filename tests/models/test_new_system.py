"""A new system is one file and one line in `MODELS`: everything else follows from the class.

The package is copied, the file and the line are added, and the commands are run as they are.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from croco_np.costs.budget import budget
from croco_np.gradcheck.__main__ import run
from croco_np.gradcheck.cases import SCHEMA, at_blackboard, blackboard_sizes, model_cases
from croco_np.gradcheck.stops import stop_checks
from croco_np.models import MODELS

sys.path.append(str(Path(__file__).parents[1] / "train"))
import commands

FILE = '''
"""Warm bottom: a shared bottom whose logits are divided by a temperature."""

from dataclasses import dataclass
from typing import Any, Self

from ..datasets.splits import Schema
from ..layers import MLP, Embeddings, PerDomain, Tower
from ..options import Option
from .assembly import Assembly
from .output import Output
from .sizes import checked


@dataclass(frozen=True)
class WarmBottom(Assembly):
    """z = tower_s(bottom(x)) / warmth, or times warmth where `how` is "times"."""

    embeddings: Embeddings
    bottom: MLP
    towers: PerDomain
    scale: float

    options = {
        "warmth": Option("temperature of the logits", low=0.1),
        "how": Option("what is done with it", choices=("divide", "times")),
    }
    blackboard = {"warmth": 3.0}
    variants = ({"how": "times"},)

    @classmethod
    @checked
    def build(
        cls,
        schema: Schema,
        *,
        embedding_width: int = 16,
        embedding_std: float = 0.01,
        expert_sizes: tuple[int, ...] = (64,),
        warmth: float = 2.0,
        how: str = "divide",
    ) -> Self:
        return cls(
            embeddings=Embeddings(schema.vocabulary, 1, embedding_width, embedding_std),
            bottom=MLP((len(schema.fields) * embedding_width, *expert_sizes)),
            towers=PerDomain(Tower((expert_sizes[-1],)), len(schema.domains)),
            scale=1 / warmth if how == "divide" else warmth,
        )

    def forward(self, p, batch):
        x, embeddings = self.embeddings.forward(p["embeddings"], batch.ids)
        t, bottom = self.bottom.forward(p["bottom"], x[:, 0])
        z, towers = self.towers.forward(p["towers"], batch.domains, t)
        return Output(self.scale * z[:, 0]), (embeddings, bottom, towers)

    def backward(self, c, d):
        embeddings, bottom, towers = c
        dt, towers = self.towers.backward(towers, self.scale * d.logits[:, None])
        dx, bottom = self.bottom.backward(bottom, dt)
        _, embeddings = self.embeddings.backward(embeddings, dx[:, None])
        return {"embeddings": embeddings, "bottom": bottom, "towers": towers}
'''
LINE = '\nfrom .warm_bottom import WarmBottom\nMODELS["warm_bottom"] = WarmBottom\n'


def toy():
    """The class of `FILE`, as a module of `croco_np.models`."""
    space = {"__name__": "croco_np.models.warm_bottom", "__package__": "croco_np.models"}
    exec(compile(FILE, "warm_bottom.py", "exec"), space)
    return space["WarmBottom"]


@pytest.fixture
def warm(monkeypatch):
    """`MODELS` with the new system."""
    monkeypatch.setitem(MODELS, "warm_bottom", toy())
    return MODELS["warm_bottom"]


def test_its_gradients_are_checked_in_all_variants(warm):
    cases = model_cases("warm_bottom")
    assert {name.split(",")[1] for name in cases if "how" in name} == {" how times"}
    checks = run(cases, seed=0)
    assert len(checks) > 100
    assert all(c.ok for c in checks)


def test_a_wrong_gradient_of_it_is_found(warm, monkeypatch):
    backward = warm.backward
    monkeypatch.setattr(warm, "backward", lambda self, c, d: backward(self, c, d._replace(logits=1.1 * d.logits)))
    wrong = {c.name for c in run(model_cases("warm_bottom", [{}]), seed=0) if not c.ok}
    assert {"warm_bottom: embeddings.table", "warm_bottom, objective: bottom.0.W"} <= wrong


def test_its_own_sizes_at_the_blackboard(warm):
    assert at_blackboard("warm_bottom").scale == 1 / 3
    assert at_blackboard("warm_bottom", how="times").scale == 3
    assert at_blackboard("warm_bottom", n_experts=7) == at_blackboard("warm_bottom")  # a common size that it lacks


def test_it_is_counted(warm):
    ordinary = budget(MODELS["shared_bottom"], SCHEMA, blackboard_sizes(MODELS["shared_bottom"], tower_sizes=()))
    assert budget(warm, SCHEMA, blackboard_sizes(warm)) == ordinary


@pytest.mark.parametrize(
    ("sizes", "words"),
    [
        ({"warmth": 0}, "^warmth 0: must be at least 0.1$"),
        ({"how": "tmies"}, r"^how tmies: choose one of divide, times; did you mean times\?$"),
        ({"expert_sizes": [8, 0]}, "^expert_sizes 0: must be at least 1$"),
        ({"embedding_width": "8"}, "^embedding_width '8': must be a whole number$"),
    ],
)
def test_wrong_sizes_are_value_errors_that_name_the_keyword(warm, sizes, words):
    with pytest.raises(ValueError, match=words):
        warm.build(SCHEMA, **sizes)


def test_unknown_keywords_are_pythons_own_errors(warm):
    with pytest.raises(TypeError, match=r"WarmBottom\.build\(\) got an unexpected keyword argument 'warmht'"):
        warm.build(SCHEMA, warmht=2.0)
    with pytest.raises(TypeError, match=r"WarmBottom\.build\(\) missing 1 required positional argument: 'schema'"):
        warm.build()


def test_lists_and_numbers_of_numpy_are_taken(warm):
    sizes = {"expert_sizes": [np.int64(8), 4], "embedding_width": np.int32(3), "warmth": np.float32(2)}
    assert warm.build(SCHEMA, **sizes) == warm.build(SCHEMA, expert_sizes=(8, 4), embedding_width=3, warmth=2.0)


def test_a_size_without_a_description_is_named(warm, monkeypatch):
    monkeypatch.setattr(warm, "options", {})
    with pytest.raises(TypeError, match=r"describe it by an Option in WarmBottom\.options"):
        warm.build(SCHEMA, warmth=2.0)


def test_a_stop_gradient_that_no_setting_closes_fails(monkeypatch):
    monkeypatch.delattr(MODELS["stem"], "stop_settings")
    checks = stop_checks("stem", seed=0)
    assert checks
    assert not any(check.ok for check in checks)
    assert {check.hint for check in checks} == {"no stop_settings close them"}


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """A folder with the package and, in it, the file and the line; and data to train on."""
    folder = tmp_path_factory.mktemp("package")
    source = Path(__file__).parents[2] / "croco_np"
    shutil.copytree(source, folder / "croco_np", ignore=shutil.ignore_patterns("__pycache__"))
    models = folder / "croco_np" / "models"
    (models / "warm_bottom.py").write_text(FILE.lstrip())
    with (models / "__init__.py").open("a") as file:
        file.write(LINE)
    commands.make_data(folder / "data", rows=600)
    return folder


def command(package, name, *flags):
    """`python -m croco_np.NAME flags` of the copied package, on the definitions: nothing is compiled."""
    words = [sys.executable, "-m", f"croco_np.{name}", *map(str, flags)]
    environment = os.environ | {"PYTHONPATH": str(package), "CROCO_NP_KERNELS": "numpy"}
    return subprocess.run(words, cwd=package, env=environment, capture_output=True, text=True, timeout=300, check=False)


def test_the_commands_know_it(package):
    for name, flags, words in [
        ("gradcheck", ["--model", "warm_bottom"], "0 failed"),
        ("costs", ["--model", "warm_bottom", "--warmth", "4"], "own: towers.s"),
        ("train", ["--help"], "warm_bottom: temperature of the logits (default: 2.0)"),
    ]:
        done = command(package, name, *flags)
        assert done.returncode == 0, done.stderr
        assert words in " ".join(done.stdout.split())


def test_it_trains_by_flags_of_its_own(package):
    data = ["--dataset", "kuairand", "--data-dir", "data", "--epochs", 1, "--batch-size", 64, "--compare-steps", 0]
    done = command(package, "train", *data, "--model", "warm_bottom", "--warmth", "4", "--out", "run")
    assert done.returncode == 0, done.stderr
    config = json.loads((package / "run" / "config.json").read_text())["config"]
    assert (config["model"], config["warmth"], config["how"], config["loss"]) == ("warm_bottom", 4.0, "divide", "auto")
    assert json.loads((package / "run" / "metrics.json").read_text())["model"] == "warm_bottom"
    done = command(package, "diagnostics", "run")
    assert done.returncode == 0, done.stderr
    assert "no stand_in" in done.stdout
    for flags, words in [
        (["--model", "warm_bottom", "--warmth", "0"], "error: --warmth 0.0: must be at least 0.1"),
        (["--model", "mmoe", "--warmth", "4"], "error: --warmth: is for warm_bottom only, and would change nothing"),
    ]:
        done = command(package, "train", *data, *flags, "--out", "none")
        assert done.returncode == 2
        assert words in done.stderr


def test_the_benchmark_times_it(package):
    done = command(package, "bench", "--workload", "tiny", "--model", "warm_bottom", "--repeats", 2)
    assert done.returncode == 0, done.stderr
    assert "warm_bottom" in done.stdout
