"""The training command from the outside: what it leaves behind, and that nothing is lost when it is stopped."""

import json
import os
import resource
import shutil
import signal
import stat
import subprocess
import time

import numpy as np
import pytest
from commands import IN_NUMPY, NO_PICTURES, SMALL, command, make_data, train
from safetensors.numpy import load_file

from croco_np.runs.folder import RunFolder
from croco_np.storage import checkpoint
from croco_np.storage.digest import read_json, write_json
from croco_np.train.__main__ import main

FLAGS = [*SMALL, "--dataset", "kuairand", "--epochs", 3, "--patience", 9]
COMPARED, ALONE = ["--compare-steps", 10], ["--compare-steps", 0]
STOPPABLE = ["--dtype", "float64", "--cov-rows", 16, "--checkpoint-steps", 4]
PICTURES = ("learning.png", "domains.png", "covariance.png")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return make_data(tmp_path_factory.mktemp("kuairand"))


@pytest.fixture(scope="module")
def whole(data, tmp_path_factory):
    """A run that nothing disturbed, with float64 and sampled CovLoss: the generator matters."""
    folder = tmp_path_factory.mktemp("whole")
    done = train(*FLAGS, *STOPPABLE, *COMPARED, "--data-dir", data, "--out", folder / "run", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "run", done


@pytest.fixture(scope="module")
def plain(data, tmp_path_factory):
    """The same run on the NumPy definitions."""
    folder = tmp_path_factory.mktemp("plain")
    done = train(*FLAGS, *STOPPABLE, *ALONE, "--data-dir", data, "--out", "run", cwd=folder, **IN_NUMPY)
    assert done.returncode == 0, done.stderr
    return folder / "run"


def same_weights(a, b):
    for name in ("checkpoint.safetensors", "model.safetensors"):
        one, two = load_file(a / name), load_file(b / name)
        assert one.keys() == two.keys()
        assert all(np.array_equal(one[k], two[k]) for k in one), name


def test_run_folder(whole):
    folder, done = whole
    metrics = json.loads((folder / "metrics.json").read_text())
    assert {k: metrics[k] for k in ("dataset", "simulated", "model", "seed", "split")} == {
        "dataset": "kuairand",
        "simulated": False,
        "model": "crocodile",
        "seed": 0,
        "split": "test",
    }
    assert set(metrics["domains"]) == {f"tab {t}" for t in (0, 1, 2, 4, 6)}
    for m in (metrics["overall"], *metrics["domains"].values()):
        assert {"auc", "gauc", "logloss", "rows", "positives"} <= set(m)
    assert sum(m["rows"] for m in metrics["domains"].values()) == metrics["overall"]["rows"]
    assert metrics["overall"]["auc"] > 0.6  # there is something to learn, and it was learnt
    assert metrics["train_rows_per_second"] > 0
    assert metrics["seconds"] > 0
    history = [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]
    assert [h["epoch"] for h in history] == [1, 2, 3]
    assert history[-1]["bce"] < history[0]["bce"]
    for picture in PICTURES:
        assert (folder / picture).read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert "all domains" in done.stdout
    assert "tab 6" in done.stdout
    assert not list(folder.glob("*.part"))


def test_same_config_same_bits(whole, data, tmp_path):
    done = train(*FLAGS, *STOPPABLE, *COMPARED, "--data-dir", data, "--out", "run", cwd=tmp_path, **NO_PICTURES)
    assert done.returncode == 0, done.stderr
    same_weights(tmp_path / "run", whole[0])


def test_kill_9_and_resume(whole, data, tmp_path):
    """Killed without warning in the middle of an epoch, resumed: the same bits as never stopped."""
    out = tmp_path / "run"
    flags = [*FLAGS, *STOPPABLE, *ALONE, "--data-dir", data, "--out", out]
    process = subprocess.Popen(command(*flags), env=os.environ | NO_PICTURES, stdout=subprocess.DEVNULL)
    _wait_for(out / "checkpoint.safetensors", process)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (out / "metrics.json").exists(), "it was too fast to be killed on the way"
    done = train("--resume", out, cwd=tmp_path, **NO_PICTURES)
    assert done.returncode == 0, done.stderr
    same_weights(out, whole[0])
    assert (out / "history.jsonl").read_text() == (whole[0] / "history.jsonl").read_text()
    ours, theirs = (json.loads((folder / "metrics.json").read_text()) for folder in (out, whole[0]))
    assert ours["overall"] == theirs["overall"]


def test_interrupt_leaves_a_checkpoint(plain, data, tmp_path):
    out = tmp_path / "run"
    flags = [*FLAGS, *STOPPABLE, *ALONE, "--checkpoint-steps", 3, "--data-dir", data, "--out", out]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen(command(*flags), env=os.environ | IN_NUMPY, **streams)
    _wait_for(out / "checkpoint.safetensors", process)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert f"--resume {out}" in stderr
    assert "Traceback" not in stderr
    assert train("--resume", out, cwd=tmp_path, **IN_NUMPY).returncode == 0
    same_weights(out, plain)


def _wait_for(path, process):
    until = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < until
        assert process.poll() is None, "it ended before its first checkpoint"
        time.sleep(0.001)


def test_more_epochs_later_are_the_same_bits(plain, data, tmp_path):
    flags = [*FLAGS, *STOPPABLE, *ALONE, "--epochs", 1, "--data-dir", data, "--out", "run"]
    first = train(*flags, cwd=tmp_path, **IN_NUMPY)
    second = train("--resume", "run", "--epochs", 3, cwd=tmp_path, **IN_NUMPY)
    assert (first.returncode, second.returncode) == (0, 0), second.stderr
    same_weights(tmp_path / "run", plain)


def test_numpy_and_numba_train_alike(whole, plain):
    """The same run on the NumPy definitions: parameters agree to 1e-9 of their norm after all steps (float64)."""
    one, two = load_file(plain / "model.safetensors"), load_file(whole[0] / "model.safetensors")
    for name in one:
        assert np.linalg.norm(one[name] - two[name]) <= 1e-9 * np.linalg.norm(two[name]), name


def test_without_numba(data, tmp_path):
    """Where Numba cannot be imported the package trains all the same."""
    (tmp_path / "numba.py").write_text("raise ImportError('no Numba here')\n")
    out = ["--data-dir", data, "--out", "run", "--epochs", 1, *ALONE]
    done = train(*SMALL, "--dataset", "kuairand", *out, cwd=tmp_path, PYTHONPATH=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "metrics.json").exists()


def test_disk_full(data, tmp_path):
    """A disk that fills up while a checkpoint is written: a clear line, and the checkpoint before it is whole."""
    flags = [*SMALL, "--dataset", "kuairand", "--data-dir", data, "--out", "run", *ALONE]
    assert train(*flags, "--epochs", 1, cwd=tmp_path, **IN_NUMPY).returncode == 0
    path = tmp_path / "run" / "checkpoint.safetensors"
    before = path.read_bytes()
    limit = len(before) // 2

    def small_disk():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    done = subprocess.run(
        command("--resume", "run", "--epochs", 3),
        cwd=tmp_path,
        env=os.environ | IN_NUMPY,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        preexec_fn=small_disk,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert len(done.stderr.splitlines()) == 1
    assert "checkpoint.safetensors: cannot write" in done.stderr
    assert "intact" in done.stderr
    assert path.read_bytes() == before
    assert not list((tmp_path / "run").glob("*.part"))
    assert train("--resume", "run", "--epochs", 2, cwd=tmp_path, **IN_NUMPY).returncode == 0


@pytest.fixture
def refused(capsys, monkeypatch, tmp_path):
    """Run the command in an empty folder, in this process: status 2 and one line, which is returned."""

    def run(*flags):
        monkeypatch.chdir(tmp_path)
        assert main([str(f) for f in flags]) == 2
        stderr = capsys.readouterr().err
        assert stderr.startswith("error: ")
        assert len(stderr.splitlines()) == 1, stderr
        return stderr

    return run


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--dataset", "kuairnd"], ("--dataset kuairnd", "did you mean kuairand")),
        (["--dataset", "kuairand", "--epoch", 3], ("unknown argument --epoch", "did you mean --epochs")),
        (["--dataset", "kuairand", "--lr", "fast"], ("--lr fast", "a number")),
        (["--dataset", "kuairand", "--lr", "nan"], ("--lr nan", "finite")),
        (["--dataset", "kuairand", "--n-experts", 0], ("--n-experts 0", "at least 1")),
        (["--dataset", "kuairand", "--expert-sizes", "8x8"], ("--expert-sizes 8x8", "128,64")),
        (["--dataset", "kuairand", "--model", "crocodil"], ("did you mean crocodile",)),
        ([], ("--dataset", "aliccp, kuairand, movielens, table or laboratory")),
        (["--dataset", "kuairand", "--data-dir", "nowhere"], ("nowhere", "no such folder")),
        (["--dataset", "kuairand"], ("data/kuairand", "log_standard_*.csv")),
        (["--resume", "nowhere"], ("nowhere", "config.json")),
    ],
)
def test_bad_flags(flags, words, refused, tmp_path):
    message = refused(*flags)
    for word in words:
        assert word in message
    assert not list(tmp_path.iterdir())


def test_the_command_itself_fails_with_one_line(tmp_path):
    done = train("--dataset", "kuairand", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1


def test_a_run_is_not_overwritten(whole, data, refused):
    assert "holds a run already" in refused("--dataset", "kuairand", "--data-dir", data, "--out", whole[0])


def test_resume_keeps_the_config(whole, refused):
    assert "--lr cannot change" in refused("--resume", whole[0], "--lr", 1)


def test_damaged_checkpoint(whole, refused, tmp_path):
    copy = shutil.copytree(whole[0], tmp_path / "run")
    path = copy / "checkpoint.safetensors"
    path.write_bytes(path.read_bytes()[:100])
    assert "not a whole checkpoint" in refused("--resume", copy)


def test_other_data_cannot_resume(whole, refused, tmp_path):
    copy = shutil.copytree(whole[0], tmp_path / "run")
    other = make_data(tmp_path / "other", rows=100, seed=2)
    assert "other columns or vocabularies" in refused("--resume", copy, "--data-dir", other)
    assert "other columns or vocabularies" in refused("--resume", copy, "--data-dir", other, "--changed-data")


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one core: there is no second thread to compare with")
def test_threads_change_rounding_at_most(whole, data, tmp_path):
    """One thread against all: BLAS may add up in another order; parameters agree to 1e-9 of their norm (float64)."""
    flags = [*FLAGS, *STOPPABLE, *ALONE, "--data-dir", data, "--out", "run", "--threads", 1]
    done = train(*flags, cwd=tmp_path, **NO_PICTURES)
    assert done.returncode == 0, done.stderr
    one, two = load_file(tmp_path / "run" / "model.safetensors"), load_file(whole[0] / "model.safetensors")
    for name in one:
        assert np.linalg.norm(one[name] - two[name]) <= 1e-9 * np.linalg.norm(two[name]), name


def flip_a_label(data, to):
    """The same data with one click of the first day more or less: same columns, same vocabularies."""
    shutil.copytree(data, to)
    (log,) = to.glob("log_*")
    lines = log.read_text().splitlines()
    at = next(i for i, line in enumerate(lines) if ",20220501," in line)
    cells = lines[at].split(",")
    cells[5] = str(1 - int(cells[5]))
    lines[at] = ",".join(cells)
    log.write_text("\n".join(lines) + "\n")
    return to


def test_changed_data_are_noticed(whole, data, refused, tmp_path, capsys):
    copy = shutil.copytree(whole[0], tmp_path / "run")
    other = flip_a_label(data, tmp_path / "other")
    assert "the rows of the data have changed" in refused("--resume", copy, "--data-dir", other)
    assert main(["--resume", str(copy), "--data-dir", str(other), "--changed-data", "--epochs", "4"]) == 0
    assert "step" in capsys.readouterr().out
    assert "the rows of the data have changed" in refused("--resume", copy, "--data-dir", data)


def test_data_that_moved(whole, data, tmp_path):
    copy = shutil.copytree(whole[0], tmp_path / "run")
    moved = shutil.copytree(data, tmp_path / "moved")
    assert main(["--resume", str(copy), "--data-dir", str(moved)]) == 0
    assert json.loads((copy / "config.json").read_text())["config"]["data_dir"] == str(moved)


def test_a_run_in_use_is_refused_and_its_holder_named(whole, refused, tmp_path):
    copy = shutil.copytree(whole[0], tmp_path / "run")
    folder, _ = RunFolder.existing(copy)
    with folder:
        assert f"in use by process {os.getpid()}" in refused("--resume", copy)
    assert main(["--resume", str(copy)]) == 0
    assert not (copy / ".croco_np-lock").exists()


def test_files_that_are_no_runs_are_left_alone(whole, data, refused, tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "metrics.json").write_text("mine")
    assert "is not empty ('metrics.json' is there)" in refused("--dataset", "kuairand", "--out", mine)
    assert (mine / "metrics.json").read_text() == "mine"


def damaged_runs():
    """Pairs of a file of a run and what befalls it."""
    swaps = [("checkpoint.safetensors", "model.safetensors"), ("model.safetensors", "covariance.safetensors")]
    names = ("config.json", "checkpoint.safetensors", "model.safetensors")
    return [*((name, what) for name in names for what in ("flip", "cut", "empty", "folder", "fifo")), *swaps]


@pytest.mark.parametrize(("name", "what"), damaged_runs())
def test_a_damaged_run_is_refused(whole, refused, tmp_path, name, what):
    copy = shutil.copytree(whole[0], tmp_path / "run")
    path = copy / name
    text = path.read_bytes()
    path.unlink()
    if what == "folder":
        path.mkdir()
    elif what == "fifo":
        os.mkfifo(path)
    elif what in ("flip", "cut", "empty"):
        middle = len(text) // 2
        flipped = text[:middle] + bytes([text[middle] ^ 4]) + text[middle + 1 :]
        path.write_bytes({"flip": flipped, "cut": text[:middle], "empty": b""}[what])
    else:
        shutil.copy(copy / what, path)
    message = refused("--resume", copy)
    assert str(path) in message
    assert len(message) < 500


@pytest.mark.parametrize("leaf", ["params.embeddings.table", "m.embeddings.table", "params.towers.0.logit.W"])
def test_a_checkpoint_of_other_tensors_is_refused(whole, refused, tmp_path, leaf):
    """Whole by its checksum, but written by something else: a tensor is missing, has another shape, or is too many."""
    copy = shutil.copytree(whole[0], tmp_path / "run")
    path = copy / "checkpoint.safetensors"
    arrays, facts, _ = checkpoint.load(path)
    for changed in (
        {k: a for k, a in arrays.items() if k != leaf},
        arrays | {leaf: arrays[leaf][:-1]},
        arrays | {leaf: arrays[leaf].astype("float32")},
        arrays | {"params.more": arrays[leaf]},
    ):
        checkpoint.save(path, changed, facts)
        assert str(path) in refused("--resume", copy)
    checkpoint.save(path, arrays, facts | {"config": facts["config"] | {"seed": 1}})
    assert "seed is 1" in refused("--resume", copy)


def test_weights_obey_the_umask(whole):
    umask = os.umask(0)
    os.umask(umask)
    for path in whole[0].iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask, path.name


def test_links_in_a_run_are_not_followed(whole, tmp_path):
    """A run that somebody handed over: its files may be links to files elsewhere, which stay as they are."""
    copy = shutil.copytree(whole[0], tmp_path / "run")
    target = tmp_path / "target"
    names = ("metrics.json", "learning.png", "history.jsonl", "domains.png", "covariance.png", "history.jsonl.part")
    for name in names:
        target.with_suffix("." + name).write_text("not ours")
        (copy / name).unlink(missing_ok=True)
        (copy / name).symlink_to(target.with_suffix("." + name))
    assert main(["--resume", str(copy), "--epochs", "4"]) == 0
    for name in names:
        assert target.with_suffix("." + name).read_text() == "not ours"


def test_a_lock_that_is_a_link_is_refused(whole, refused, tmp_path):
    copy = shutil.copytree(whole[0], tmp_path / "run")
    (copy / ".croco_np-lock").symlink_to(tmp_path / "elsewhere")
    assert ".croco_np-lock" in refused("--resume", copy)
    assert not (tmp_path / "elsewhere").exists()


def test_more_threads_than_cores(whole, tmp_path, capsys):
    """A run that was begun with many threads goes on with few cores, and with fewer threads on request."""
    copy = shutil.copytree(whole[0], tmp_path / "run")
    kept = read_json(copy / "config.json", "")
    write_json(copy / "config.json", kept | {"config": kept["config"] | {"threads": 4096}})
    assert main(["--resume", str(copy)]) == 0
    assert "4096 threads" in capsys.readouterr().out
    assert main(["--resume", str(copy), "--threads", "1"]) == 0
    assert read_json(copy / "config.json", "")["config"]["threads"] == 1


def test_home(tmp_path, data, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    shutil.copytree(data, tmp_path / "data")
    flags = [*SMALL, "--dataset", "kuairand", "--epochs", 1, "--compare-steps", 0, "--data-dir=~/data", "--out=~/x"]
    assert main([str(f) for f in flags]) == 0
    assert (tmp_path / "x" / "metrics.json").exists()
    assert not (tmp_path / "~").exists()
    assert main(["--resume=~/x"]) == 0


def test_a_folder_of_somebody_is_passed_over(data, tmp_path, monkeypatch):
    """The first free folder is not one that holds anything, and nothing in it is touched."""
    monkeypatch.chdir(tmp_path)
    theirs = tmp_path / "runs" / "kuairand-crocodile-seed0"
    theirs.mkdir(parents=True)
    for name in (".croco_np-lock", "mine"):
        (theirs / name).write_text("precious")
    flags = [*SMALL, "--dataset", "kuairand", "--epochs", 1, "--compare-steps", 0, "--data-dir", data]
    assert main([str(f) for f in flags]) == 0
    assert (tmp_path / "runs" / "kuairand-crocodile-seed0-2" / "metrics.json").exists()
    assert {p.name: p.read_text() for p in theirs.iterdir()} == {".croco_np-lock": "precious", "mine": "precious"}


@pytest.mark.parametrize(
    "change",
    [
        {"state": None},
        {"t": "many"},
        {"t": -1},
        {"rng": {}},
        {"rng": {"bit_generator": "MT19937"}},
        *(
            {"state": {key: value}}
            for key, value in (("epoch", -5), ("epoch", 1.5), ("position", -3), ("history", "x"))
        ),
        {"state": {"step": None}},
        {"state": {"more": 1}},
    ],
)
def test_a_checkpoint_of_other_facts_is_refused(whole, refused, tmp_path, change):
    """Whole by its checksum, but written by something else."""
    copy = shutil.copytree(whole[0], tmp_path / "run")
    path = copy / "checkpoint.safetensors"
    arrays, facts, _ = checkpoint.load(path)
    if isinstance(change.get("state"), dict):
        change = {"state": facts["state"] | change["state"]}
    checkpoint.save(path, arrays, facts | change)
    assert str(path) in refused("--resume", copy)


def test_equal_runs_write_equal_files(whole, tmp_path):
    """Not only equal arrays: the files of weights are equal byte for byte."""
    arrays, facts, _ = checkpoint.load(whole[0] / "model.safetensors")
    for name in "ab":
        checkpoint.save(tmp_path / name, arrays, facts)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
