"""python -m croco_np.gradcheck: a table, a file, an exit status."""

import json

import numpy as np
import pytest

from croco_np.gradcheck import __main__ as command
from croco_np.gradcheck.cases import LossOf
from croco_np.gradcheck.stops import stop_checks
from croco_np.layers import Linear
from croco_np.models.stem import STEM
from croco_np.tree import RowGrad, tree_map


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


def test_a_row_of_table_5(capsys):
    assert command.main(["--model", "me_pg"]) == 0
    shown = capsys.readouterr().out
    assert "crocodile, gate scalar, n_tables 0: gates.0.W" in shown
    assert "crocodile: " not in shown


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


def test_nan_in_every_gradient_of_linear_is_exit_status_1(monkeypatch, tmp_path, capsys):
    def backward(self, c, dy, right=Linear.backward):
        dx, grads = right(self, c, dy)
        return np.nan * dx, tree_map(lambda g: np.nan * g, grads)

    monkeypatch.setattr(Linear, "backward", backward)
    file = tmp_path / "checks.json"
    assert command.main(["--model", "shared_bottom", "--json", str(file)]) == 1
    found = json.loads(file.read_text(), parse_constant=pytest.fail)  # NaN and Infinity are no JSON
    assert found["failed"] == sum(not c["ok"] for c in found["checks"]) > 50
    assert "gradient is NaN" in capsys.readouterr().out


def test_what_is_wrong_once_is_not_drawn_again():
    draws = []

    def draw(rng):
        draws.append(rng)
        wrong = LossOf(lambda x, b: (np.where(x > 0, x, 0).sum() + (b**2).sum(), x > 0.0, 3.0 * b))
        return wrong, {"b": np.ones(2)}, (np.zeros(1),)  # x on a kink, b wrong

    found = command.run({"case": draw}, 0)
    assert len(draws) == 1
    assert {c.kink for c in found if not c.ok} == {True, False}


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("which", ["closed", "open"])
def test_stops_of_nan_are_not_closed(monkeypatch, value, which):
    def backward(self, c, d, right=STEM.backward):
        grads = right(self, c, d)
        if self.stop == (which == "closed"):
            rows, values = grads["embeddings"]["table"]
            grads["embeddings"]["table"] = RowGrad(rows, np.full_like(values, value))
        return grads

    monkeypatch.setattr(STEM, "backward", backward)
    checks = {c.name.rpartition(": ")[2]: c for c in stop_checks("stem", 0)}
    assert not checks["embeddings.table"].ok
    assert "gradient is" in checks["embeddings.table"].hint


@pytest.mark.parametrize(
    "flags",
    [["--seed", "-1"], ["--seed", "1.5"], ["--seed", ""], ["--seed", "9" * 5000], ["--json", "."], ["--json", "no/x"]],
)
def test_bad_values_are_one_line_before_anything_is_checked(flags, monkeypatch, capsys):
    monkeypatch.setattr(command, "run", pytest.fail)
    assert command.main(["--loss", "bce", *flags]) == 2
    told = capsys.readouterr().err
    assert len(told.splitlines()) == 1
    assert len(told) < 300
