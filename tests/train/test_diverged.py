"""Training that diverges: one line, and the good weights from before stay."""

import numpy as np
import pytest
from commands import SMALL, make_data

from croco_np.predict import Predictor
from croco_np.train.__main__ import main
from croco_np.train.trainer import Trainer


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return make_data(tmp_path_factory.mktemp("kuairand"), rows=400)


def train(data, out, *more):
    flags = [*SMALL, "--dataset", "kuairand", "--data-dir", data, "--out", out, "--compare-steps", 0, *more]
    return main([str(f) for f in flags])


def refused(capsys):
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: step ")
    assert "try a smaller --lr" in line


def test_scores_that_overflow_at_the_only_validation(data, tmp_path, capsys):
    """One step: its loss is that of the start, and nobody else looks at what it did."""
    assert train(data, tmp_path / "run", "--epochs", 1, "--lr", 1e30, "--batch-size", 4096) == 2
    refused(capsys)
    assert not (tmp_path / "run" / "model.safetensors").exists()


@pytest.mark.parametrize("what", ["weights", "scores"])
def test_an_epoch_of_nan_is_not_the_best(what, data, tmp_path, capsys, monkeypatch):
    """From the second epoch on the weights, or the scores alone, are NaN: the files of the first one stay."""
    settle, logits = Trainer.settle, Predictor.logits
    kept = {}

    def spoil(self, state):
        settle(self, state)
        if state.facts["epoch"] == 2:
            kept.update({path.name: path.read_bytes() for path in (tmp_path / "run").glob("*.safetensors")})
            if what == "weights":
                state.params["embeddings"]["table"][-1] = np.nan
            else:
                monkeypatch.setattr(Predictor, "logits", lambda self, rows: logits(self, rows) * np.inf)

    monkeypatch.setattr(Trainer, "settle", spoil)
    assert train(data, tmp_path / "run", "--epochs", 3, "--patience", 3) == 2
    refused(capsys)
    assert kept
    assert {name: (tmp_path / "run" / name).read_bytes() for name in kept} == kept


def test_no_checkpoint_of_nan(data, tmp_path, monkeypatch):
    """One between two validations, of weights that nobody could go on from."""
    step = Trainer.step

    def spoil(self, state, batch, defer=False):
        parts = step(self, state, batch, defer)
        state.params["embeddings"]["table"][-1] = np.nan
        return parts

    monkeypatch.setattr(Trainer, "step", spoil)
    assert train(data, tmp_path / "run", "--checkpoint-steps", 1) == 2
    assert not (tmp_path / "run" / "checkpoint.safetensors").exists()
