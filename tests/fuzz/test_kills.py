"""Runs that are killed at any moment, and go on: the same bits as never stopped, and nothing left behind.

CROCO_NP_KILLS=100 kills that often; a few times otherwise.
"""

import json
import os
import random
import shutil
import signal
import time

import numpy as np
import pytest
from children import count_changes, finish, start
from safetensors.numpy import load_file

from croco_np.train.__main__ import main

KILLS = int(os.environ.get("CROCO_NP_KILLS", 4))
FLAGS = ["--dataset", "aliccp", "--simulated-rows", "2000", "--epochs", "2", "--patience", "9", "--batch-size", "256"]
FLAGS += ["--n-experts", "2", "--expert-sizes", "4", "--tower-sizes", "2", "--embedding-width", "2"]
FLAGS += ["--prior-width", "2", "--checkpoint-steps", "3", "--compare-steps", "4", "--dtype", "float64"]
FLAGS += ["--cov-rows", "16", "--min-count", "3", "--threads", "1", "--out", "run"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that nothing disturbed: its folder, the number of changes it made to the file system, and its seconds."""
    folder = tmp_path_factory.mktemp("whole")
    counter = folder.parent / "changes"

    def run():
        count_changes(lambda n: counter.write_text(str(n)) if n % 5 == 0 else None)
        return main(FLAGS)

    started = time.perf_counter()
    assert finish(start(in_folder(folder, run), folder.parent / "said")) == 0, (folder.parent / "said").read_text()
    return folder, int(counter.read_text()) // 2, time.perf_counter() - started  # writing the count changes, too


def in_folder(folder, run):
    def there():
        os.chdir(folder)
        return run()

    return there


def killed_at(n):
    def run():
        count_changes(lambda now: os.kill(os.getpid(), signal.SIGKILL) if now == n else None)
        return main(FLAGS)

    return run


def moments(changes, seconds):
    """Half of the kills before a change of the file system, evenly spread, half after a random time."""
    rng = random.Random(0)
    steps = [("change", round(1 + k * (changes - 1) / max(KILLS // 2 - 1, 1))) for k in range(KILLS // 2)]
    return steps + [("time", rng.uniform(0, seconds)) for _ in range(KILLS - len(steps))]


def left_behind(folder):
    return [str(p) for p in folder.rglob("*") if p.name.startswith(".") or p.suffix in (".part", ".tmp")]


def killed(folder, kind, when, said):
    """Start a run in a new folder and kill it: whether it was still at work then."""
    folder.mkdir()
    child = start(in_folder(folder, killed_at(when) if kind == "change" else lambda: main(FLAGS)), said)
    if kind == "time":
        time.sleep(when)
        os.kill(child, signal.SIGKILL)
    return finish(child) == -signal.SIGKILL


def test_killed_and_resumed(whole, tmp_path):
    undisturbed, changes, seconds = whole
    for k, (kind, when) in enumerate(moments(changes, seconds)):
        folder = tmp_path / str(k)
        while not killed(folder, kind, when, tmp_path / "one"):  # it had ended before its time came
            assert kind == "time"
            shutil.rmtree(folder)
            when *= 0.8
        begun = (folder / "run" / "config.json").exists()
        again = ["--resume", "run"] if begun else FLAGS
        status = finish(start(in_folder(folder, lambda flags=again: main(flags)), tmp_path / "two"))
        place = f"killed by {kind} at {when}: {(tmp_path / 'two').read_text()}"
        assert status == 0, place
        assert left_behind(folder) == [], place
        same_run(undisturbed / "run", folder / "run", place)
    print(f"{KILLS} killed, all resumed bit for bit")


def same_run(one, two, place):
    assert sorted(p.name for p in one.iterdir()) == sorted(p.name for p in two.iterdir()), place
    for path in one.glob("*.safetensors"):
        a, b = load_file(path), load_file(two / path.name)
        assert a.keys() == b.keys(), place
        assert all(np.array_equal(a[name], b[name]) for name in a), f"{path.name}, {place}"
    for name in ("history.jsonl", *(path.name for path in one.glob("*.png"))):
        assert (one / name).read_bytes() == (two / name).read_bytes(), f"{name}, {place}"
    a, b = (json.loads((run / "metrics.json").read_text()) for run in (one, two))
    for name in ("train_rows_per_second", "seconds"):
        a.pop(name), b.pop(name)
    assert a == b, place
