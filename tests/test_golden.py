"""The package against PyTorch: values, gradients and optimiser steps in the files that `golden/make.py` writes.

Both sides compute in float64 and sum in different orders, so they may differ by rounding only: in every array, the
largest difference must be at most 1e-10 of the largest entry. An array of zeros, such as the gradient of the tower of
an absent domain, must be met exactly.
"""

import numpy as np
import pytest
from golden.files import FOLDER, TOLERANCE, Golden, load, part

from croco_np.kernels.twin import running, using
from croco_np.losses import LOSSES, bce
from croco_np.optim import OPTIMISERS

SYSTEMS = ("crocodile_element", "crocodile_scalar", "crocodile_one_table", "mmoe", "me_mmoe")
SYSTEMS += ("single_domain", "shared_bottom", "ple", "ple_two_levels", "ple_shared_only", "me_ple", "stem")
SYSTEMS += ("pepnet_shared_input", "pepnet_shared_output", "pepnet_domain_input", "pepnet_domain_output")
SYSTEMS += ("hinet_official", "hinet_renorm", "hinet_with_self")
SYSTEMS += ("mmoe_hidden_gates", "ple_hidden_gates", "stem_hidden_gates", "hinet_hidden_gates")
SYSTEMS += ("star", "star_small_epsilon", "adasparse_fusion", "adasparse_binarization", "adasparse_scaling")
OF_THE_PAPER = {"single_domain", "shared_bottom", "mmoe", "me_mmoe", "ple", "me_ple", "stem", "pepnet", "hinet", "star"}
OF_THE_PAPER |= {"adasparse", "crocodile"}
LOSS_FILES = (*LOSSES, "importance_element")


def assert_near(ours, theirs):
    """Two dicts of arrays: the same names, and the same shape and values under each."""
    assert ours.keys() == theirs.keys()
    for name, b in theirs.items():
        a = np.asarray(ours[name])
        assert a.shape == b.shape, name
        assert np.abs(a - b).max() <= TOLERANCE * np.abs(b).max(), name


@pytest.fixture(params=("numpy", "numba"), autouse=True)
def kernels(request):
    """Every test runs on both sides of the kernels."""
    with using(request.param):
        if running() != request.param:
            pytest.skip("Numba is not installed")
        yield


@pytest.fixture(params=SYSTEMS)
def golden(request):
    return Golden(request.param)


def test_every_system_of_the_paper_and_every_loss_has_a_file():
    assert {load(f"losses/{file}.npz")[0]["loss"] for file in LOSS_FILES} == set(LOSSES)
    systems = {load(f"systems/{file}.npz")[0]["system"] for file in SYSTEMS}
    assert systems == OF_THE_PAPER
    assert {path.stem for path in FOLDER.glob("systems/*.npz")} == set(SYSTEMS)
    assert {path.stem for path in FOLDER.glob("losses/*.npz")} == {*LOSS_FILES, "bce"}


def test_outputs(golden):
    for ours, theirs in golden.outputs():
        assert_near(ours, theirs)


def test_objectives_and_gradients(golden):
    for ours, theirs in golden.objectives():
        assert_near(ours, theirs)


@pytest.mark.parametrize("name", OPTIMISERS)
def test_optimiser_steps(golden, name):
    for ours, theirs in golden.steps(name):
        assert_near(ours, theirs)


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
