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

from croco_np.backend import running, using
from croco_np.batch import make_batch
from croco_np.datasets.splits import Rows, Schema
from croco_np.losses import LOSSES, bce
from croco_np.models import MODELS
from croco_np.objective import Objective
from croco_np.optim import OPTIMISERS, Adam
from croco_np.tree import RowGrad, flatten, tree_map, unflatten

FOLDER = Path(__file__).parent / "golden"
TOLERANCE = 1e-10
SYSTEMS = ("crocodile_element", "crocodile_scalar", "mmoe", "me_mmoe")


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
    model = MODELS[about["system"]](schema, SimpleNamespace(**about["sizes"]))
    drawn = flatten(model.init(np.random.default_rng(0)))
    assert {path: w.shape for path, w in drawn.items()} == {path: w.shape for path, w in arrays.params.items()}
    batches = []
    for i in range(len({name.split("/")[0] for name in arrays.batches})):
        b = part(arrays.batches, f"{i}/")
        rows = Rows(b["ids"], b["labels"], b["domains"], users=b["ids"][:, 0])
        batches.append(make_batch(rows, np.arange(rows.n), schema))
    return SimpleNamespace(
        about=about,
        arrays=arrays,
        model=model,
        params=unflatten(arrays.params),
        batches=[batch for batch, _ in batches],
        at=batches[0][1],
    )


def test_every_system_and_loss_has_a_file():
    systems = {load(f"systems/{file}.npz")[0]["system"] for file in SYSTEMS}
    assert systems == set(MODELS)
    assert {path.stem for path in FOLDER.glob("systems/*.npz")} == set(SYSTEMS)
    assert {path.stem for path in FOLDER.glob("losses/*.npz")} == {*LOSSES, "bce"}


def test_outputs(golden):
    out, _ = golden.model.forward(golden.params, golden.batches[0])
    taps = {name: x for name, x in out._asdict().items() if x is not None}
    assert_near(taps, {name: x[golden.at] for name, x in golden.arrays.taps.items()})


def test_objectives_and_gradients(golden):
    assert golden.about["objectives"]
    rows = np.flatnonzero(np.isin(golden.at, golden.about["cov_rows"]))
    drawing = SimpleNamespace(choice=lambda n, size, replace: rows)  # in place of a random generator
    for label, arguments in golden.about["objectives"].items():
        out, cache = golden.model.forward(golden.params, golden.batches[0])
        parts, d = Objective(**arguments)(out, golden.batches[0], drawing)
        assert_near(parts, part(golden.arrays.values, f"{label}/"))
        grads = flatten(golden.model.backward(cache, d))
        for path, g in grads.items():
            if isinstance(g, RowGrad):
                grads[path] = g.dense(golden.arrays.params[path].shape)
        assert_near(grads, part(golden.arrays.gradients, f"{label}/"))


@pytest.mark.parametrize("name", OPTIMISERS)
def test_optimiser_steps(golden, name):
    params = tree_map(np.copy, golden.params)
    optimiser = Adam(**golden.about["adam"], lazy=OPTIMISERS[name])
    state = optimiser.init(params)
    objective = Objective(**golden.about["objectives"]["domain mean"])
    for t in range(golden.about["steps"]):
        batch = golden.batches[t % len(golden.batches)]
        out, cache = golden.model.forward(params, batch)
        _, d = objective(out, batch, None)
        optimiser.step(params, golden.model.backward(cache, d), state)
    assert_near(flatten(params), getattr(golden.arrays, name))


@pytest.mark.parametrize("name", LOSSES)
def test_loss(name):
    about, arrays = load(f"losses/{name}.npz")
    assert about["calls"]
    for i, arguments in enumerate(about["calls"]):
        value, gradient = LOSSES[name].loss(arrays.inputs["o"], **arguments)
        assert_near({"value": value, "do": gradient}, {"value": arrays.values[str(i)], "do": arrays.gradients[str(i)]})


def test_bce():
    _, arrays = load("losses/bce.npz")
    value, gradient = bce(**arrays.inputs)
    assert_near({"value": value, "dz": gradient}, {"value": arrays.values["0"], "dz": arrays.gradients["0"]})
