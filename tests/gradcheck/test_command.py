"""python -m croco_np.gradcheck: a table, a file, an exit status."""

import json

import numpy as np
import pytest

from croco_np.gradcheck import __main__ as command
from croco_np.gradcheck.cases import LossOf


def test_one_loss_as_table_and_json(tmp_path, capsys):
    file = tmp_path / "checks.json"
    assert command.main(["--loss", "covariance", "--json", str(file)]) == 0
    found = json.loads(file.read_text())
    assert found["failed"] == 0
    assert {"name", "method", "error", "tolerance", "ok"} == set(found["checks"][0])
    assert all(c["error"] <= c["tolerance"] for c in found["checks"])
    assert {c["name"].split(":")[0] for c in found["checks"]} >= {"covariance", "covariance, sampled"}
    out = capsys.readouterr().out
    assert f"{len(found['checks'])} checks, 0 failed" in out
    assert "central differences" in out


@pytest.mark.parametrize("model", ["crocodile", "stem"])
def test_one_model(model, capsys):
    assert command.main(["--model", model]) == 0
    assert f"{model}" in capsys.readouterr().out


def test_a_wrong_gradient_is_exit_status_1(monkeypatch, tmp_path, capsys):
    wrong = LossOf(lambda x: ((x**2).sum(), x))
    monkeypatch.setattr(command, "loss_cases", lambda name: {"square": lambda rng: (wrong, {}, (np.ones(3),))})
    file = tmp_path / "checks.json"
    assert command.main(["--loss", "bce", "--json", str(file)]) == 1
    assert json.loads(file.read_text())["failed"] == 2
    assert "0.5 times the right value" in capsys.readouterr().out


@pytest.mark.parametrize("flags", [["--model", "nobody"], ["--loss", "bce", "--json", "no/such/folder/x.json"]])
def test_bad_flags_are_one_line(flags, capsys):
    assert command.main(flags) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
