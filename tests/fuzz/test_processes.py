"""Several processes at once on the same folders: every one gets its own rows and its own run, and no false error.

CROCO_NP_ROUNDS=500 meets that often; a few times otherwise.
"""

import json
import os
import random
import shutil
from functools import partial

import pytest
from children import finish, start

from croco_np.config import Config
from croco_np.datasets.load import load
from croco_np.errors import InputError
from croco_np.runs.folder import RunFolder

ROUNDS = int(os.environ.get("CROCO_NP_ROUNDS", 6))
COUNTS = (2, 3, 5, 9)  # settings of the data that meet in one folder
IN_USE = 7  # exit status of a child that was told so


def config(min_count=2):
    return Config(dataset="aliccp", simulated_rows=2000, min_count=min_count)


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def work(min_count):
    """Simulate, prepare and begin a run, as `croco_np.train` does; write down what it got."""
    splits = load(config(min_count), say=print)
    with RunFolder.new("", config(min_count)) as folder:
        folder.begin(config(min_count), splits)
        folder.write("rows.json", json.dumps({"rows": splits.fingerprint, "process": os.getpid()}))
    return 0


def test_rounds(place):
    wanted = {n: load(config(n), say=print).fingerprint for n in COUNTS}
    assert len(set(wanted.values())) == len(COUNTS)
    rng = random.Random(0)
    for k in range(ROUNDS):
        if k % 4 == 0:
            shutil.rmtree("data", ignore_errors=True)
        else:
            for path in place.glob("data/aliccp-simulated/*/prepared-*"):
                shutil.rmtree(path)
        asked = [rng.choice(COUNTS) for _ in range(rng.randint(2, 8))]
        children = [start(partial(work, n), f"said-{i}") for i, n in enumerate(asked)]
        for i, child in enumerate(children):
            assert finish(child) == 0, (place / f"said-{i}").read_text()
        runs = [json.loads(path.read_text()) for path in place.glob("runs/*/rows.json")]
        assert sorted(run["process"] for run in runs) == sorted(children), f"round {k}: a folder was shared or lost"
        got = {run["process"]: run["rows"] for run in runs}
        assert [got[child] for child in children] == [wanted[n] for n in asked], f"round {k}: rows of other settings"
        assert not list(place.rglob(".*")), f"round {k}: something was left behind"
        shutil.rmtree("runs")


def hold(path, n):
    """Take up a run and note it; the note of another holder must never be there."""
    try:
        folder, _ = RunFolder.existing(path)
    except InputError as error:
        print(error)
        return IN_USE if "in use by" in str(error) else 1
    with folder:
        os.mkdir(path / "held")
        for _ in range(n):
            folder.write("rows.json", str(os.getpid()))
            if (path / "rows.json").read_text() != str(os.getpid()):
                return 2
        os.rmdir(path / "held")
    return 0


def test_one_holder_at_a_time(place):
    splits = load(config(), say=print)
    with RunFolder.new("run", config()) as folder:
        folder.begin(config(), splits)
    for k in range(ROUNDS):
        children = [start(partial(hold, folder.path, 5), f"said-{i}") for i in range(2 + k % 7)]
        statuses = [finish(child) for child in children]
        assert set(statuses) <= {0, IN_USE}, [(place / f"said-{i}").read_text() for i in range(len(children))]
        assert 0 in statuses, "nobody got it"


def test_a_killed_holder_lets_go(place):
    splits = load(config(), say=print)
    with RunFolder.new("run", config()) as folder:
        folder.begin(config(), splits)

    def take_and_die():
        RunFolder.existing(folder.path)
        os.kill(os.getpid(), 9)

    assert finish(start(take_and_die, "said")) == -9
    assert (folder.path / ".croco_np-lock").exists()
    again, _ = RunFolder.existing(folder.path)
    with again:
        assert again.path == folder.path
