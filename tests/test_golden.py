"""The package against PyTorch: values, gradients and optimiser steps in the files that `golden/make.py` writes.

Both sides compute in float64 and sum in different orders, so they may differ by rounding only: in every array, the
largest difference must be at most 1e-10 of the largest entry. An array of zeros, such as the gradient of the tower of
an absent domain, must be met exactly.
"""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from croco_np.batch import make_batch
from croco_np.datasets.splits import Rows, Schema
from croco_np.kernels.twin import running, using
from croco_np.losses import LOSSES, bce
from croco_np.models import MODELS
from croco_np.objective import Objective
from croco_np.optim import OPTIMISERS, Adam
from croco_np.tree import RowGrad, flatten, tree_map, with_leaves

FOLDER = Path(__file__).parent / "golden"
TOLERANCE = 1e-10
SYSTEMS = ("crocodile_element", "crocodile_scalar", "crocodile_one_table", "mmoe", "me_mmoe")
SYSTEMS += ("single_domain", "shared_bottom", "ple", "ple_two_levels", "ple_shared_only", "me_ple", "stem")
SYSTEMS += ("pepnet_shared_input", "pepnet_shared_output", "pepnet_domain_input", "pepnet_domain_output")
SYSTEMS += ("hinet_official", "hinet_renorm", "hinet_with_self")
SYSTEMS += ("mmoe_hidden_gates", "ple_hidden_gates", "stem_hidden_gates", "hinet_hidden_gates")
SYSTEMS += ("star", "star_small_epsilon", "adasparse_fusion", "adasparse_binarization", "adasparse_scaling")
OF_THE_PAPER = {"single_domain", "shared_bottom", "mmoe", "me_mmoe", "ple", "me_ple", "stem", "pepnet", "hinet", "star"}
OF_THE_PAPER |= {"adasparse", "crocodile"}
LOSS_FILES = (*LOSSES, "importance_element")


def load(path):
    """What a golden file says about itself, and its arrays by group: {"params": {"experts.0.W": ...}, ...}."""
    groups = {}
    with np.load(FOLDER / path) as file:
        about = json.loads(str(file["about"]))
        for key in file.files:
            if key != "about":
                group, name = key.split("/", 1)
                groups.setdefault(group, {})[name] = file[key]
    return about, SimpleNamespace(**groups)


def assert_near(ours, theirs):
    """Two dicts of arrays: the same names, and the same shape and values under each."""
    assert ours.keys() == theirs.keys()
    for name, b in theirs.items():
        a = np.asarray(ours[name])
        assert a.shape == b.shape, name
        assert np.abs(a - b).max() <= TOLERANCE * np.abs(b).max(), name


def part(arrays, prefix):
    """The arrays below a prefix, without it."""
    return {name.removeprefix(prefix): x for name, x in arrays.items() if name.startswith(prefix)}


@pytest.fixture(params=("numpy", "numba"), autouse=True)
def kernels(request):
    """Every test runs on both sides of the kernels."""
    with using(request.param):
        if running() != request.param:
            pytest.skip("Numba is not installed")
        yield


@pytest.fixture(params=SYSTEMS)
def golden(request):
    """A golden file, the model it describes, fresh parameters and its batches, sorted by domain as the package wants.

    `at` is the place in the file of each row of the first batch.
    """
    about, arrays = load(f"systems/{request.param}.npz")
    schema = Schema(**about["schema"])
    system = MODELS[about["system"]]
    model = system.build(schema, **{name: size for name, size in about["sizes"].items() if name in system.keywords()})
    drawn = model.init(np.random.default_rng(0))
    assert {path: w.shape for path, w in flatten(drawn).items()} == {path: w.shape for path, w in arrays.params.items()}
    batches = []
    for i in range(len({name.split("/")[0] for name in arrays.batches})):
        b = part(arrays.batches, f"{i}/")
        rows = Rows(b["ids"], b["labels"], b["domains"], users=b["ids"][:, 0])
        batches.append(make_batch(rows, np.arange(rows.n), schema))
    return SimpleNamespace(
        about=about,
        arrays=arrays,
        model=model,
        params=with_leaves(drawn, arrays.params),
        batches=[batch for batch, _ in batches],
        at=batches[0][1],
    )


def test_every_system_of_the_paper_and_every_loss_has_a_file():
    assert {load(f"losses/{file}.npz")[0]["loss"] for file in LOSS_FILES} == set(LOSSES)
    systems = {load(f"systems/{file}.npz")[0]["system"] for file in SYSTEMS}
    assert systems == OF_THE_PAPER
    assert {path.stem for path in FOLDER.glob("systems/*.npz")} == set(SYSTEMS)
    assert {path.stem for path in FOLDER.glob("losses/*.npz")} == {*LOSS_FILES, "bce"}


def test_outputs(golden):
    out, _ = golden.model.forward(golden.params, golden.batches[0])
    taps = {name: x for name, x in out._asdict().items() if x is not None}
    assert_near(taps, {name: x[golden.at] if x.ndim else x for name, x in golden.arrays.taps.items()})


def test_objectives_and_gradients(golden):
    assert golden.about["objectives"]
    rows = np.flatnonzero(np.isin(golden.at, golden.about["cov_rows"]))
    drawing = SimpleNamespace(choice=lambda n, size, replace: rows)  # in place of a random generator
    for label, arguments in golden.about["objectives"].items():
        out, cache = golden.model.forward(golden.params, golden.batches[0])
        arguments = {"rows" if key == "cov_rows" else key: value for key, value in arguments.items()}
        parts, d, _ = Objective(**arguments)(out, golden.batches[0], drawing)
        assert_near(parts, part(golden.arrays.values, f"{label}/"))
        grads = flatten(golden.model.backward(cache, d))
        for path, g in grads.items():
            if isinstance(g, RowGrad):
                grads[path] = g.dense(golden.arrays.params[path].shape)
        assert_near(grads, part(golden.arrays.gradients, f"{label}/"))


@pytest.mark.parametrize("name", OPTIMISERS)
def test_optimiser_steps(golden, name):
    params = tree_map(np.copy, golden.params)
    optimiser = Adam(**golden.about["adam"], lazy=name == "lazy_adam")
    state = optimiser.init(params)
    objective = Objective(**golden.about["objectives"]["domain mean"])
    for t in range(golden.about["steps"]):
        batch = golden.batches[t % len(golden.batches)]
        out, cache = golden.model.forward(params, batch)
        _, d, _ = objective(out, batch, None)
        grads, tracked = golden.model.backward(cache, d), golden.model.tracked(cache)
        optimiser.step(params, grads, state, tracked=tracked)
    ours, theirs = flatten(params), getattr(golden.arrays, name)
    assert theirs
    assert_near({path: ours[path] for path in theirs}, theirs)


@pytest.mark.parametrize("file", LOSS_FILES)
def test_loss(file):
    about, arrays = load(f"losses/{file}.npz")
    assert about["calls"]
    for i, arguments in enumerate(about["calls"]):
        value, *gradients = LOSSES[about["loss"]].loss(**arrays.inputs, **arguments)
        assert_near({"value": value}, {"value": arrays.values[str(i)]})
        assert_near(dict(zip(arrays.inputs, gradients, strict=True)), part(arrays.gradients, f"{i}/"))


def test_bce():
    _, arrays = load("losses/bce.npz")
    value, gradient = bce(**arrays.inputs)
    assert_near({"value": value, "dz": gradient}, {"value": arrays.values["0"], "dz": arrays.gradients["0"]})
