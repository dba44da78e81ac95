"""A part of `on_a_gpu.py` on the stand-in: what it prints, writes and returns."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from croco_np import backend

from . import on_a_gpu
from .parts import speed
from .parts.item import Found, Item, NotRun, furthest
from .parts.report import STANDIN, Report

SCRIPT = Path(on_a_gpu.__file__)


def test_parity_of_a_system_on_the_stand_in(tmp_path):
    words = [sys.executable, SCRIPT, "--standin", "--only", "2", "--systems", "shared_bottom"]
    done = subprocess.run(words, env=os.environ | {"OUT": str(tmp_path)}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert sum(line.startswith("PASS") for line in lines) == 4
    assert all(line.endswith(f"[{STANDIN}]") for line in lines if line)
    found = json.loads((tmp_path / "on_a_gpu.json").read_text())
    assert (found["standin"], found["failed"]) == (True, 0)
    assert {line["bound"] for line in found["lines"]} == {1e-12, 2e-5}
    assert STANDIN in (tmp_path / "on_a_gpu.md").read_text()


def test_without_a_gpu_it_says_so(monkeypatch, capsys):
    monkeypatch.delenv(backend.CHOSEN, raising=False)
    monkeypatch.setattr(backend, "_loaded", {})
    monkeypatch.setitem(sys.modules, "cupy", None)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(".")
    assert on_a_gpu.main([]) == 2
    assert "needs CuPy" in capsys.readouterr().err


def failing():
    raise ValueError("x")


def skipping():
    raise NotRun("no data")


@pytest.mark.parametrize(
    ("item", "verdict"),
    [
        (Item("a", lambda: Found(1.0, "W"), 1.0), "PASS"),
        (Item("a", lambda: Found(1.1, "W"), 1.0), "FAIL"),
        (Item("a", lambda: Found(float("nan")), 1.0), "FAIL"),
        (Item("a", failing, 1.0), "ERROR"),
        (Item("a", skipping, 1.0), "NOT RUN"),
        (Item("a", lambda: Found(1.6), goal=1.5), "MET"),
        (Item("a", lambda: Found(1.4), goal=1.5), "MISSED"),
        (Item("a", lambda: "text"), "INFO"),
    ],
)
def test_verdicts(item, verdict, tmp_path):
    report = Report(tmp_path, standin=False)
    report.measure("part", item)
    report.finish("part", 1.0)
    assert [line.verdict for line in report.lines] == [verdict]
    assert json.loads((tmp_path / "on_a_gpu.json").read_text())["failed"] == (verdict in ("FAIL", "ERROR"))


def test_how_far_two_results_are_apart(gpu):
    there = {"W": gpu.bring(np.array([1.0, 2.0])), "b": gpu.bring(np.zeros(2))}
    assert furthest(there, {"W": np.array([1.0, 2.5]), "b": np.zeros(2)}) == Found(0.2, "W")
    assert furthest(there, {"W": np.array([1.0, 2.0]), "b": np.ones(2)}).figure == 1
    assert furthest({"b": np.ones(2)}, {"b": np.zeros(2)}).figure == np.inf
    assert furthest({"b": np.array([np.nan, 1.0])}, {"b": np.ones(2)}).figure != 0
    assert furthest({"b": np.ones(2, np.float32)}, {"b": np.ones(2)}).figure == np.inf
    assert furthest({}, {"b": np.ones(2)}).figure == np.inf


def test_arrays_that_cancel_are_compared_by_what_cancelled():
    here = {"W": np.full(2, 100.0), "b": np.full(1, 1e-3), "rows": np.full(1, 10**6)}
    there = here | {"b": np.full(1, 2e-3)}
    assert furthest(there, here).figure == pytest.approx(1)
    assert furthest(there, here, 0.01).figure == pytest.approx(1e-3)  # rows of a table are no sizes
    assert furthest({"b": np.ones(1)}, {"b": np.zeros(1)}, 0.01).figure == np.inf


def test_without_pytorch_there_is_nothing_to_compare_with(monkeypatch):
    found = {"samples_per_second": 3.0, "peers": {"torch-fp32": 2.0}, "peers_same_precision": ["torch-fp32"]}
    monkeypatch.setattr(speed, "PEER", ("--peer", "torch"))
    assert speed.beside_eager(found) == Found(1.5, "torch-fp32")
    monkeypatch.setattr(speed, "PEER", ())
    with pytest.raises(NotRun, match="PyTorch"):
        speed.beside_eager(found)


def test_a_part_that_cannot_be_loaded_is_an_error_of_its_own(tmp_path):
    report = Report(tmp_path, standin=True)
    on_a_gpu._run("nobody", on_a_gpu._items("nobody", None), SimpleNamespace(left=9), report, 0)
    assert [(line.what, line.verdict) for line in report.lines] == [("the part itself", "ERROR")]


def test_lines_of_an_earlier_process_are_taken_up(tmp_path):
    first, second = Report(tmp_path, standin=False), Report(tmp_path, standin=False)
    first.measure("part", Item("a", failing, 1.0))
    first.finish("part", 1.0)
    second.go_on()
    assert second.lines == first.lines
    assert second.wrong


def test_a_part_whose_time_is_over_says_what_was_not_run(tmp_path):
    report = Report(tmp_path, standin=True)
    items = [Item("sleeps", lambda: time.sleep(30), 0), Item("quick", lambda: Found(0.0), 0)]
    on_a_gpu._run("part", iter(items), SimpleNamespace(left=1.2), report, 0)
    assert [(line.what, line.verdict) for line in report.lines] == [("sleeps", "NOT RUN"), ("quick", "PASS")]
