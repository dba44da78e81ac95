"""`Config`: every field of its type and within its limits, and what a run that is taken up again may change."""

import json
from dataclasses import fields, replace

import numpy as np
import pytest

from croco_np.config import Config, named, sizes_of_all
from croco_np.config.config import SINCE
from croco_np.config.flags import parse, resumed
from croco_np.errors import InputError, flag, in_flags
from croco_np.models import MODELS
from croco_np.options import KINDS, Auto
from croco_np.train.memory import require_room

WRONG = {str: [5, None], bool: [1, "no"], int: [1.0, "3", True, None], float: ["1", True, None]}
WRONG[Auto] = ["car", "1", True, None]
WRONG[tuple[int, ...]] = [64, [64], (64.5,), (True,), "64", None]
TOO_LARGE = {int: [2**63, 10**30, 10**5000], float: [float("inf"), float("nan"), 10**400]}
TOO_LARGE[Auto] = TOO_LARGE[float]
TOO_LARGE[tuple[int, ...]] = [(8, 2**63)]


@pytest.mark.parametrize("f", fields(Config), ids=lambda f: f.name)
def test_each_field_has_its_type_and_its_limits(f):
    assert f.type in KINDS
    for value in WRONG[f.type] + TOO_LARGE.get(f.type, []):
        with pytest.raises(InputError, match=f"^{f.name} ") as refused:
            Config(**{"dataset": "kuairand", f.name: value})
        assert len(str(refused.value)) < 200
        assert in_flags(refused.value) == str(refused.value).replace(f.name, flag(f.name), 1)


def test_a_saved_config_is_whole():
    """It comes back from JSON as it was; an entry too few or too many is named."""
    config = Config(dataset="kuairand", tower_sizes=(), lr=1)
    saved = json.loads(json.dumps(config.json()))
    assert Config.from_json(saved) == config
    for name in saved.keys() - SINCE.keys():
        with pytest.raises(InputError, match=f"no entry '{name}'"):
            Config.from_json({k: v for k, v in saved.items() if k != name})
    with pytest.raises(InputError, match="unknown entry 'alhpa'"):
        Config.from_json(saved | {"alhpa": 1})


def test_a_config_from_before_there_were_devices():
    """It says nothing of them: the run was on the host, in full."""
    saved = Config(dataset="kuairand").json()
    older = {name: value for name, value in saved.items() if name not in ("backend", "precision")}
    assert Config.from_json(older).json() == saved


def test_tensor_cores_are_for_float32():
    with pytest.raises(InputError, match=r"^precision tf32: .* not of dtype float64"):
        Config(dataset="kuairand", backend="cupy", precision="tf32", dtype="float64")


def test_another_place_to_go_on():
    config = Config(dataset="kuairand")
    there = resumed(config, {"backend": "cupy", "precision": "tf32"})
    assert (there.backend, there.precision) == ("cupy", "tf32")
    assert resumed(there, {"backend": "numpy"}).backend == "numpy"


def test_a_comparison_takes_the_loss_of_each_system():
    """`auto` is kept, so a config that is changed to another system is not left with Crocodile's loss."""
    crocodile = Config(dataset="aliccp")
    assert (crocodile.loss, crocodile.resolved_loss) == ("auto", "covariance")
    assert replace(crocodile, model="mmoe").resolved_loss == "none"
    assert replace(crocodile, model="shared_bottom").resolved_loss == "none"


def test_each_system_is_built_by_its_own_sizes():
    from croco_np.gradcheck.cases import SCHEMA

    config = Config(dataset="kuairand", embedding_width=3, n_specific=2, gate="scalar")
    for name, system in MODELS.items():
        sizes = replace(config, model=name).sizes
        assert sizes == config.sizes_of(name)
        assert sizes.keys() == system.keywords().keys()
        assert system.build(SCHEMA, **Config(dataset="kuairand", model=name).sizes) == system.build(SCHEMA)
    assert "gate" not in config.sizes_of("ple")
    assert config.sizes_of("ple")["n_specific"] == 2


def test_systems_agree_on_the_sizes_that_they_share():
    class Other(MODELS["stem"]):
        @classmethod
        def build(cls, schema, *, n_specific: int = 7):
            return cls

    with pytest.raises(TypeError, match="other: n_specific has another type, default or Option than in ple"):
        sizes_of_all({"ple": MODELS["ple"], "other": Other})


def test_a_name_stands_for_a_system_and_the_sizes_of_its_row():
    assert named("me_pg") == ("crocodile", {"gate": "scalar", "n_tables": 0})
    assert named("me") == ("me_mmoe", {})
    assert named("star") == ("star", {})


def test_numbers_of_numpy_become_pythons():
    config = Config(dataset="kuairand", n_experts=np.int64(3), lr=np.float64(0.1))
    assert json.dumps(config.json()) == json.dumps(Config(dataset="kuairand", n_experts=3, lr=0.1).json())


def test_an_error_calls_an_option_as_its_reader_does():
    """Python reads names, a command flags; also where a message speaks of another option."""
    with pytest.raises(ValueError, match=r"^loss dot: star has no experts for it to pull on; choose model ") as refused:
        Config(dataset="kuairand", model="star", loss="dot")
    assert in_flags(refused.value).startswith("--loss dot: star has no experts for it to pull on; choose --model mmoe")


@pytest.mark.parametrize(
    ("begun", "given"),
    [
        ({"model": "me_mmoe"}, {"model": "me"}),
        ({"model": "crocodile", "gate": "scalar", "loss": "none"}, {"model": "me_pg"}),
        ({"model": "crocodile"}, {"loss": "auto"}),
        ({"model": "mmoe"}, {"loss": "auto", "epochs": 3}),
        ({"model": "crocodile"}, {"loss": "covariance"}),
        ({"model": "crocodile", "loss": "covariance"}, {"loss": "auto"}),  # as configs of earlier versions have it
        ({"model": "crocodile"}, {"alpha": 1e-3}),
        ({"model": "crocodile", "alpha": 1e-3}, {"alpha": "auto"}),
    ],
)
def test_the_same_flags_in_other_words_resume(begun, given):
    config = Config(dataset="kuairand", **begun)
    assert resumed(config, given).json() == config.json() | {k: v for k, v in given.items() if k == "epochs"}


@pytest.mark.parametrize(
    ("begun", "given", "flag"),
    [
        ({"model": "me_mmoe"}, {"model": "me_pg"}, "--model .* me_mmoe"),
        ({"model": "crocodile"}, {"model": "me_peg"}, "--model .* crocodile"),
        ({"model": "crocodile", "loss": "none"}, {"loss": "auto"}, "--loss .* none"),
        ({"model": "crocodile", "alpha": 2e-3}, {"alpha": "auto"}, "--alpha .* 0.002"),
    ],
)
def test_other_flags_do_not(begun, given, flag):
    with pytest.raises(InputError, match=flag):
        resumed(Config(dataset="kuairand", **begun), given)


def test_a_model_beyond_memory_is_refused_before_it_is_drawn():
    from croco_np.gradcheck.cases import SCHEMA

    config = Config(dataset="kuairand", embedding_width=2**16, expert_sizes=(2**16,) * 9, n_experts=1000)
    with pytest.raises(InputError, match=r"parameters.*--embedding-width"):
        require_room(MODELS["crocodile"].build(SCHEMA, **config.sizes), "float32", memory=10**12)
    small = MODELS["crocodile"].build(SCHEMA)
    require_room(small, "float32", memory=10**9)


def test_a_size_without_a_use_is_told():
    from croco_np.config.flags import without_effect

    asked = parse(["--dataset", "kuairand", "--model", "shared_bottom", "--n-experts", "3", "--lr", "0.1"], "p", "d")
    line = "--n-experts: shared_bottom has no use for it, so it changes nothing"
    assert without_effect(asked.config, asked.given) == [line]
    asked = parse(["--dataset", "kuairand", "--precision", "tf32"], "p", "d")
    line = "--precision: --backend numpy multiplies in full, so it changes nothing"
    assert without_effect(asked.config, asked.given) == [line]
    assert without_effect(replace(asked.config, backend="cupy"), asked.given) == []


def test_one_table_is_no_row_of_the_paper():
    """me_peg has a table for each expert, however that is said."""
    config = Config(dataset="aliccp", loss="none", n_experts=4)
    assert [replace(config, n_tables=n).system for n in (0, 4, 1)] == ["me_peg", "me_peg", "crocodile"]
    with pytest.raises(InputError, match="--model me_peg means --n-tables 0, not 1"):
        parse(["--dataset", "aliccp", "--model", "me_peg", "--n-tables", "1"], "p", "d")
