"""A run in the laboratory by command: simulated, said so, and measured against the truth; its run is read again."""

import json

import pytest

from croco_np.diagnostics.__main__ import main as diagnose
from croco_np.predict.__main__ import main as predict
from croco_np.train.__main__ import main

FLAGS = ["--dataset", "laboratory", "--conflict", "1", "--tail-share", "0.1", "--world-rows", "4000", "--n-users", "50"]
FLAGS += ["--n-items", "30", "--epochs", "2", "--compare-steps", "0", "--loss", "none"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    path = tmp_path_factory.mktemp("laboratory") / "run"
    assert main([*FLAGS, "--n-tables", "1", "--embedding-width", "32", "--out", str(path)]) == 0
    return path


def test_it_says_simulated_and_knows_its_regret(run):
    metrics = json.loads((run / "metrics.json").read_text())
    assert (metrics["dataset"], metrics["model"], metrics["simulated"]) == ("laboratory", "crocodile", True)
    assert list(metrics["domains"]) == [f"domain {s}" for s in (1, 2, 3, 4)]
    for m in (metrics["overall"], *metrics["domains"].values()):
        assert m["regret"] == m["best_expected_auc"] - m["expected_auc"] > 0
    assert [m["rows"] for m in metrics["domains"].values()] == [800] * 4


def test_its_run_is_read_again(run, capsys):
    """The world is drawn anew, and is the same: other rows would be refused."""
    assert diagnose([str(run)]) == 0
    assert "SIMULATED" in capsys.readouterr().out
    assert predict([str(run)]) == 0
    assert "SIMULATED" in capsys.readouterr().out


def test_a_dial_beyond_its_limit_is_told_in_a_line(capsys):
    assert main(["--dataset", "laboratory", "--conflict", "2"]) == 2
    assert capsys.readouterr().err.strip() == "error: --conflict 2.0: must be at most 1"
