"""Runs side by side: what is missing is made, what fails is named, what was lost is made again, and nothing twice."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import textwrap
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool

import numpy as np
import pytest

from croco_np.experiments import pool
from croco_np.experiments.pool import ELSEWHERE, MADE, make, span
from croco_np.experiments.store import Store
from croco_np.experiments.study import Study

BASE = {"dataset": "laboratory", "world_rows": 1000, "epochs": 1, "threads": 1}
DIED = "its process was ended from outside (out of memory?)"


class Deadly(tuple):
    """Looks of a run whose process is killed as soon as it asks for them."""

    def __contains__(self, name):
        os.kill(os.getpid(), signal.SIGKILL)


@pytest.fixture
def study(tmp_path):
    return Study(BASE, (0, 1), "small", Store(tmp_path / "runs"), 2, lambda line: None)


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """Two good runs, two that fail and one that dies, made by two processes: runs, outcome, store, what was said."""
    lines, store = [], Store(tmp_path_factory.mktemp("real"))
    study = Study(BASE, (0, 1), "small", store, 2, lines.append)
    runs = {
        "dies": study.run("shared_bottom", 2, Deadly()),
        "good": study.run("shared_bottom", 0),
        "diverges": study.run("mmoe", 0, (), lr=1e30),
        "raises": study.run("mmoe", 1, ("no such look",)),
        "also good": study.run("shared_bottom", 1, ()),
    }
    return runs, make(list(runs.values()), store, 2, "grid", lines.append), store, lines


def test_those_that_can_be_made_are(real):
    runs, outcome, store, _ = real
    good = {runs["good"].key, runs["also good"].key}
    assert outcome.records.keys() == good
    assert {path.stem for path in store.folder.glob("*.json")} == good
    assert not list(store.folder.glob(".*"))


def test_a_record_says_what_was_measured(real):
    runs, outcome, store, _ = real
    record = outcome.records[runs["good"].key]
    assert record == store.record(runs["good"].key)
    assert runs["good"].is_of(record)
    assert 0 < record["test"]["overall"]["auc"] < 1
    assert len(record["test"]["domains"]) == 4
    assert record["learnt"]["item_tables"]["mean"]["value"] >= 1
    assert "learnt" not in outcome.records[runs["also good"].key]
    logits = store.logits(runs["good"].key)
    assert logits.dtype == np.float32
    assert np.isfinite(logits).all()


def test_failures_are_named(real):
    """By the run's own title and in one line; the killed one by itself, not with its neighbours."""
    runs, outcome, _, lines = real
    failed = dict(outcome.failed[runs[name].key] for name in ("dies", "diverges"))
    assert failed.keys() == {"shared_bottom, lr 0.001, l2 0, seed 2", "mmoe, lr 1e+30, l2 0, seed 0"}
    assert failed[runs["dies"].title] == DIED
    assert "try a smaller --lr" in failed[runs["diverges"].title]
    assert outcome.failed[runs["raises"].key] == (runs["raises"].title, "KeyError: 'no such look'")
    assert len(outcome.failed) == 3
    for title, wrong in outcome.failed.values():
        assert f"grid: {title} failed: {wrong}" in lines
    assert lines[0] == "grid: 5 runs to make; 2 at a time"
    assert lines[-1].startswith("grid: 5 of 5 runs, 3 failed, ")


def test_what_has_a_record_is_not_made(real):
    runs, outcome, store, _ = real
    good = [runs["good"], runs["also good"]]
    before = {path: path.stat().st_mtime_ns for path in store.folder.iterdir()}
    lines = []
    again = make(good, store, 2, "grid", lines.append)
    assert (again.records, again.failed, lines) == (outcome.records, {}, ["grid: all 2 runs are there"])
    assert {path: path.stat().st_mtime_ns for path in store.folder.iterdir()} == before


class Scripted:
    """A pool whose runs end at once as a script says: a status, an exception, or "refuse" for the submission."""

    _processes = None

    def __init__(self, script):
        self.script, self.submitted = script, []

    def submit(self, work, run, folder):
        self.submitted.append(run.config.seed)
        ends = self.script[run.config.seed].pop(0)
        if ends == "refuse":
            raise BrokenProcessPool
        future = Future()
        future.set_exception(ends) if isinstance(ends, Exception) else future.set_result((ends, ""))
        return future

    def shutdown(self, wait, cancel_futures):
        pass


def carried_out(study, monkeypatch, script, jobs=2):
    """What `make` reports of a scripted grid, how often each run was submitted, and the sizes of the pools."""
    scripted, sizes = Scripted(script), []
    monkeypatch.setattr(pool, "_pool", lambda jobs, runs: sizes.append(jobs) or scripted)
    monkeypatch.setattr(pool, "SECONDS_BETWEEN_LOOKS", 0.01)
    runs = [study.run("mmoe", seed, ()) for seed in script]
    failed = make(runs, study.store, jobs, "grid", lambda line: None).failed
    found = {run.config.seed: failed[run.key][1] for run in runs if run.key in failed}
    return found, scripted.submitted, sizes


def test_the_neighbours_of_a_killed_run_are_made_again(study, monkeypatch):
    """A pool that breaks takes all that is under way with it, and cannot say who died."""
    script = {0: [BrokenProcessPool(), MADE], 1: [BrokenProcessPool()] * 2}
    script[2] = [MADE]
    failed, submitted, sizes = carried_out(study, monkeypatch, script)
    assert failed == {1: DIED}
    assert sorted(submitted[:2]) == sorted(submitted[2:4]) == [0, 1]
    assert submitted[4:] == [2]  # what had begun comes first
    assert sizes == [2, 1, 1]


def test_a_pool_that_breaks_between_runs_is_replaced(study, monkeypatch):
    script = {0: [MADE], 1: ["refuse", MADE], 2: [MADE]}
    failed, submitted, sizes = carried_out(study, monkeypatch, script)
    assert failed == {}
    assert sorted(submitted) == [0, 1, 1, 2]
    assert sizes == [2, 1]


def test_a_run_that_another_process_makes_is_waited_for(study, monkeypatch):
    script = {0: [ELSEWHERE, ELSEWHERE, MADE], 1: [MADE]}
    failed, submitted, _ = carried_out(study, monkeypatch, script, jobs=1)
    assert failed == {}
    assert submitted == [0, 1, 0, 0]


def test_workers_leave_the_environment_as_it_was(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    before = dict(os.environ)
    with pool._environment(dict.fromkeys(pool.POOLS, "1")):
        assert {os.environ[name] for name in pool.POOLS} == {"1"}
    assert dict(os.environ) == before


TWO_IDLE_WORKERS = """
    import time
    from types import SimpleNamespace
    from croco_np.experiments import pool

    if __name__ == "__main__":
        run = SimpleNamespace(config=SimpleNamespace(threads=1))
        workers = pool._pool(2, [run])
        print("ready", flush=True)
        time.sleep(600)
"""


def test_workers_end_with_a_killed_parent(tmp_path):
    """They hold the standard output of their parent, so it ends when the last of them has ended."""
    script = tmp_path / "parent.py"
    script.write_text(textwrap.dedent(TWO_IDLE_WORKERS))
    parent = subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        assert parent.stdout.readline() == "ready\n"
        parent.kill()
        assert parent.communicate(timeout=60)[0] == ""
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(parent.pid, signal.SIGKILL)


TWO_AT_ONCE = """
    import json, os, sys, time
    from concurrent.futures import ThreadPoolExecutor
    from pathlib import Path
    from croco_np.experiments import pool, run
    from croco_np.experiments.store import Store
    from croco_np.experiments.study import Study

    class InThisProcess(ThreadPoolExecutor):
        _processes = None

    def carry_out(run):
        with open(folder / "log", "a") as log:
            log.write(f"{run.key}\\n")
        time.sleep(0.1)
        return {"key": run.key, "config": run.config.json(), "test": {}, "valid": {}, "by": os.getpid()}, None

    folder = Path(sys.argv[1])
    pool._pool, pool.SECONDS_BETWEEN_LOOKS, run.carry_out = lambda jobs, runs: InThisProcess(jobs), 0.02, carry_out
    study = Study({"dataset": "laboratory", "threads": 1}, (0,), "small", Store(folder / "runs"), 2, lambda line: None)
    runs = [study.run("mmoe", seed, ()) for seed in range(8)]
    (folder / f"ready {os.getpid()}").touch()
    while len(list(folder.glob("ready *"))) < 2:
        time.sleep(0.001)
    print(json.dumps([study.make(runs, "grid"), study.failed]))
"""


def test_two_commands_on_one_folder(tmp_path):
    """Both end with all records, the same ones, and no run was made twice. The runs are stubs, the locks are real."""
    command = [sys.executable, "-c", textwrap.dedent(TWO_AT_ONCE), str(tmp_path)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    (first, failed), (second, also_failed) = (json.loads(process.communicate(timeout=60)[0]) for process in both)
    made = (tmp_path / "log").read_text().split()
    assert first == second
    assert failed == also_failed == {}
    assert sorted(made) == sorted(first)
    assert len(made) == 8
    assert len({record["by"] for record in first.values()}) == 2  # they shared the work


def test_a_length_of_time_in_words():
    assert [span(s) for s in (0.4, 45, 99.4, 720, 11_520)] == ["0 s", "45 s", "99 s", "12 min", "3.2 h"]
