"""Training with the losses of Table 4."""

import json

import numpy as np
import pytest
from commands import SMALL, make_data
from safetensors.numpy import load_file

from croco_np.config import Config
from croco_np.losses import LOSSES
from croco_np.train.__main__ import main

FLAGS = [*SMALL, "--dataset", "kuairand", "--patience", 9, "--dtype", "float64", "--compare-steps", 3]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return make_data(tmp_path_factory.mktemp("kuairand"), rows=600)


def run(*flags):
    assert main([str(flag) for flag in flags]) == 0


def history(folder):
    return [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("loss", ["none", *LOSSES])
def test_one_epoch(loss, data, tmp_path, capsys):
    run(*FLAGS, "--loss", loss, "--epochs", 1, "--data-dir", data, "--out", tmp_path / "run")
    (entry,) = history(tmp_path / "run")
    assert np.isfinite(entry["cov"])
    assert (entry["cov"] == 0) == (loss == "none")
    assert (tmp_path / "run" / "covariance.png").exists()
    said = capsys.readouterr().out
    assert {"none": "training loss", "covariance": "CovLoss"}.get(loss, loss) in said


def test_a_loss_with_parameters_is_resumed_bit_for_bit(data, tmp_path):
    """Its matrices are trained, saved and restored with the model's parameters, and are not counted as the model's."""
    flags = [*FLAGS, "--loss", "trans5", "--data-dir", data]
    run(*flags, "--epochs", 2, "--out", tmp_path / "whole")
    run(*flags, "--epochs", 1, "--out", tmp_path / "parts")
    before = load_file(tmp_path / "parts" / "checkpoint.safetensors")["params.loss.W"]
    run("--resume", tmp_path / "parts", "--epochs", 2)
    one, two = (load_file(tmp_path / name / "checkpoint.safetensors") for name in ("whole", "parts"))
    assert one.keys() == two.keys()
    assert all(np.array_equal(one[k], two[k]) for k in one)
    assert not np.array_equal(before, two["params.loss.W"])
    run(*FLAGS, "--loss", "none", "--data-dir", data, "--epochs", 1, "--out", tmp_path / "none")
    counts = [json.loads((tmp_path / n / "metrics.json").read_text())["parameters"] for n in ("whole", "none")]
    assert counts[0] == counts[1]


def test_a_baseline_is_trained_without_covloss(data, tmp_path, capsys):
    for model in ("shared_bottom", "mmoe"):
        out = tmp_path / model
        run(*FLAGS, "--model", model, "--epochs", 1, "--data-dir", data, "--out", out)
        said = capsys.readouterr().out
        assert "CovLoss" not in said
        assert ("covariance.png" in said) == (out / "covariance.png").exists() == (model == "mmoe")  # who has experts
        config = Config.from_json(json.loads((out / "config.json").read_text())["config"])
        assert (config.loss, config.resolved_loss) == ("auto", "none")
        assert json.loads((out / "history.jsonl").read_text())["cov"] == 0


@pytest.mark.parametrize("model", ["stem", "hinet"])
def test_map_of_a_model_with_another_number_of_experts(model, data, tmp_path):
    run(*FLAGS, "--model", model, "--epochs", 1, "--data-dir", data, "--out", tmp_path / "run")
    assert (tmp_path / "run" / "covariance.png").exists()
