"""`python -m croco_np.train --backend cupy` on the stand-in: its files are the host's to the last bit."""

import json
import signal
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from safetensors.numpy import load_file

from croco_np import backend
from croco_np.command.interrupts import stop
from croco_np.kernels.twin import using
from croco_np.predict.__main__ import main as predict
from croco_np.runs.saved import CONFIG
from croco_np.standin import module
from croco_np.storage.digest import read_json, write_json
from croco_np.train.__main__ import main
from croco_np.train.trainer import Trainer
from croco_np.tree import flatten

FLAGS = "--dataset laboratory --world-rows 1000 --n-users 30 --n-items 20 --n-domains 3 --epochs 2 --patience 9 "
FLAGS += "--embedding-width 4 --expert-sizes 8 --tower-sizes 4 --batch-size 96 --checkpoint-steps 4 --lr 0.02"
WEIGHTS = ("checkpoint.safetensors", "model.safetensors")


def train(flags, out, where):
    return main([*FLAGS.split(), *flags.split(), "--out", str(out), "--backend", where])


NO_PICTURES = "croco_np.train.pictures._is_drawn", lambda picture, path, say: False  # they have tests of their own


@pytest.fixture(autouse=True)
def _quick(gpu, monkeypatch):
    monkeypatch.setattr(*NO_PICTURES)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run on the host that nothing disturbed, with a loss on sampled rows: the generator matters."""
    out = tmp_path_factory.mktemp("whole") / "run"
    with using("numpy"), pytest.MonkeyPatch.context() as patched:
        patched.setattr(*NO_PICTURES)
        assert train("--cov-rows 16 --compare-steps 5 --l2 0.01", out, "numpy") == 0
    return out


def assert_same_files(one, two):
    for name in WEIGHTS:
        a, b = load_file(one / name), load_file(two / name)
        assert a.keys() == b.keys()
        assert all(a[k].tobytes() == b[k].tobytes() for k in a), name
    assert (one / "history.jsonl").read_text() == (two / "history.jsonl").read_text()


def test_the_same_files(whole, tmp_path):
    assert train("--cov-rows 16 --compare-steps 5 --l2 0.01", tmp_path / "run", "cupy") == 0
    assert_same_files(tmp_path / "run", whole)
    ours, theirs = (load_file(run / "covariance.safetensors")["cov"] for run in (tmp_path / "run", whole))
    assert ours.tobytes() == theirs.tobytes()
    ours, theirs = (json.loads((run / "metrics.json").read_text()) for run in (tmp_path / "run", whole))
    assert (ours["overall"], ours["domains"]) == (theirs["overall"], theirs["domains"])


@pytest.mark.parametrize(
    "flags",
    [
        "--loss trans5",  # with parameters of its own
        "--model adasparse --optimiser lazy_adam",  # with a schedule that is tracked
        "--model star",  # with running means
    ],
)
def test_other_systems(flags, tmp_path):
    for where in backend.NAMES:
        assert train(f"{flags} --compare-steps 0", tmp_path / where, where) == 0
    assert_same_files(tmp_path / "numpy", tmp_path / "cupy")


def test_each_domain_stops_by_itself(tmp_path):
    flags = "--model single_domain --patience 2 --epochs 4 --lr 0.1 --compare-steps 0 --world-rows 1000"
    for where in backend.NAMES:
        assert train(flags, tmp_path / where, where) == 0
    assert_same_files(tmp_path / "numpy", tmp_path / "cupy")
    best = json.loads((tmp_path / "cupy" / "metrics.json").read_text())["best_epochs"]
    assert len(set(best.values())) > 1


@pytest.mark.parametrize(("begun", "ended"), [("numpy", "cupy"), ("cupy", "numpy")])
def test_a_run_goes_on_elsewhere(begun, ended, whole, tmp_path, monkeypatch):
    """Stopped in the middle of the second epoch."""
    step = Trainer.step

    def stopping(self, state, batch, defer=False):
        if state.facts["step"] == 17:
            stop(signal.SIGINT)
        return step(self, state, batch, defer)

    out = tmp_path / "run"
    with monkeypatch.context() as patched:
        patched.setattr(Trainer, "step", stopping)
        assert train("--cov-rows 16 --compare-steps 5 --l2 0.01", out, begun) == 130
    assert main(["--resume", str(out), "--backend", ended]) == 0
    assert_same_files(out, whole)
    assert read_json(out / CONFIG, "")["config"]["backend"] == ended


def test_a_run_from_before_there_were_devices(whole, tmp_path):
    """Its files do not say where it was trained."""
    out = tmp_path / "run"
    assert train("--compare-steps 0", out, "numpy") == 0
    kept = read_json(out / CONFIG, "")
    for name in ("backend", "precision"):
        del kept["config"][name]
    write_json(out / CONFIG, kept)
    assert main(["--resume", str(out)]) == 0
    assert main(["--resume", str(out), "--backend", "cupy", "--epochs", "3"]) == 0


def test_predictions(whole, tmp_path):
    for where in backend.NAMES:
        assert predict([str(whole), "--out", str(tmp_path / where), "--backend", where]) == 0
    assert (tmp_path / "numpy").read_bytes() == (tmp_path / "cupy").read_bytes()


@pytest.fixture
def refused(capsys):
    """What a command says in one line when it ends with status 2."""

    def run(status):
        assert status == 2
        (line,) = capsys.readouterr().err.splitlines()
        return line.removeprefix("error: ")

    return run


def test_without_cupy(refused, tmp_path, monkeypatch):
    """Before data are read, and before there is a folder."""
    monkeypatch.setattr(backend, "_loaded", {})
    monkeypatch.delenv(backend.CHOSEN)
    monkeypatch.setitem(sys.modules, "cupy", None)
    monkeypatch.setattr("croco_np.train.__main__.load", lambda config: pytest.fail("data were read"))
    out = tmp_path / "run"
    assert "--backend cupy" in refused(train("", out, "cupy"))
    assert not out.exists()
    assert "--backend cupy" in refused(predict([str(out), "--backend", "cupy"]))


@pytest.mark.parametrize(
    ("raised", "words"), [(OSError("a library"), "a library"), (SystemExit(3), "3"), (SystemExit(), "SystemExit")]
)
def test_a_cupy_that_cannot_be_loaded(raised, words, refused, tmp_path, monkeypatch):
    def cupy(name):
        raise raised

    monkeypatch.setattr(backend, "_loaded", {})
    monkeypatch.delenv(backend.CHOSEN)
    monkeypatch.setattr(backend.importlib, "import_module", cupy)
    said = refused(train("", tmp_path / "run", "cupy"))
    assert f"CuPy cannot be loaded ({words})" in said


@pytest.mark.parametrize(("where", "name"), [("runtime", "memGetInfo"), ("device", "get_cublas_handle")])
def test_a_card_that_is_taken(where, name, refused, tmp_path, monkeypatch):
    """It is counted and described all the same, and refuses the first work: before data are read."""

    def taken():
        raise RuntimeError("cudaErrorDevicesUnavailable")

    monkeypatch.setattr(backend, "_loaded", {})
    monkeypatch.setattr(getattr(module.cuda, where), name, taken)
    monkeypatch.setattr("croco_np.train.__main__.load", lambda config: pytest.fail("data were read"))
    assert "no GPU can be used (cudaErrorDevicesUnavailable)" in refused(train("", tmp_path / "run", "cupy"))


def test_predictions_that_do_not_fit(whole, refused, gpu, tmp_path, monkeypatch):
    def full(self, a):
        raise gpu.xp.cuda.memory.OutOfMemoryError("Out of memory")

    monkeypatch.setattr(backend.Gpu, "bring", full)
    said = refused(predict([str(whole), "--out", str(tmp_path / "p.csv"), "--backend", "cupy"]))
    assert said.startswith("out of memory on stand-in for a GPU")
    assert said.endswith("--backend numpy runs in the host's memory")


def test_tensor_cores(refused, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(backend.Gpu, "multiply_in", lambda self, precision: asked.append(precision))
    assert train("--compare-steps 0 --epochs 1 --precision tf32", tmp_path / "run", "cupy") == 0
    assert asked == ["tf32"]
    assert "--precision tf32" in refused(train("--precision tf32 --dtype float64", tmp_path / "other", "cupy"))
    assert not (tmp_path / "other").exists()


def test_a_device_that_is_full(refused, gpu, tmp_path, monkeypatch):
    """At the 7th step: the checkpoint of the 4th is whole, and the line says what takes the room."""
    step = Trainer.step

    def full(self, state, batch, defer=False):
        if state.facts["step"] == 6:
            raise RuntimeError("cudaErrorMemoryAllocation: out of memory")
        return step(self, state, batch, defer)

    out = tmp_path / "run"
    with monkeypatch.context() as patched:
        patched.setattr(Trainer, "step", full)
        said = refused(train("--compare-steps 0", out, "cupy"))
    for words in ("stand-in for a GPU", "parameters 0.0 MB, moments 0.0 MB", "a batch of 96 rows", "--batch-size"):
        assert words in said
    assert str(out) in said
    assert main(["--resume", str(out)]) == 0


def test_a_device_too_small_for_the_model(refused, gpu, tmp_path, monkeypatch):
    monkeypatch.setattr(backend.Gpu, "memory", lambda self: backend.Memory(2**20, 2**10, 2**10))
    monkeypatch.setattr(Trainer, "start", lambda self: pytest.fail("it was drawn"))
    said = refused(train("", tmp_path / "run", "cupy"))
    assert "stand-in for a GPU has 0.0 GB" in said
    assert not (tmp_path / "run").exists()


def test_parameters_that_do_not_fit(refused, gpu, tmp_path, monkeypatch):
    def full(self, a):
        raise gpu.xp.cuda.memory.OutOfMemoryError("Out of memory")

    monkeypatch.setattr(backend.Gpu, "bring", full)
    assert "out of memory on stand-in for a GPU" in refused(train("", tmp_path / "run", "cupy"))


def test_what_is_learnt_is_measured_on_the_host(tmp_path, monkeypatch):
    """At the end of an epoch, and for the page of the run."""
    written = []
    report = SimpleNamespace(write=lambda folder, predictor, *more: written.append(predictor))
    monkeypatch.setitem(sys.modules, "croco_np.report.run", report)
    for where in backend.NAMES:
        assert train("--compare-steps 0 --epochs 1 --report", tmp_path / where, where) == 0
    assert_same_files(tmp_path / "numpy", tmp_path / "cupy")
    assert "measured" in (tmp_path / "cupy" / "history.jsonl").read_text()
    here, there = (flatten(predictor.params) for predictor in written)
    assert all(type(w) is np.ndarray and w.tobytes() == here[path].tobytes() for path, w in there.items())
