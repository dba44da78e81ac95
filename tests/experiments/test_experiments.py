"""`python -m croco_np.experiments` from end to end, on data so small that nothing is learnt."""

import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pandas as pd
import pytest

from croco_np.experiments import alpha, catalogue, complexity, losses, pool, study, systems
from croco_np.experiments.__main__ import main
from croco_np.kernels import pools
from croco_np.kernels.twin import using

TINY = ["--dataset", "laboratory", "--world-rows", "1000", "--epochs", "1"]
ALPHA = ["alpha", *TINY, "--seeds", "1", "--report"]
ERROR = re.compile(r"error: [^\n]+\n")


SHORT = """
    import sys
    from croco_np.experiments import alpha, study
    from croco_np.experiments.__main__ import main
    study.BUDGETS["small"], alpha.FACTORS["small"] = study.Budget((1.0,), (1.0,), 1), (0.0, 1.0)
    if __name__ == "__main__":
        sys.exit(main(sys.argv[1:]))
"""


def started(*arguments):
    """The command with three runs in all, in a session of its own: Ctrl-C is for it and its workers alone."""
    command = [sys.executable, "-c", textwrap.dedent(SHORT), *arguments]
    environ = os.environ | {"CROCO_NP_KERNELS": "numpy"}  # each of its processes would load Numba first
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, env=environ, **streams, start_new_session=True)


def numbers(folder):
    """The CSV files as they are, without the column of how long a run took."""
    files = sorted(folder.glob("laboratory/*/*.csv"))
    assert files
    return {path.name: pd.read_csv(path, dtype=str).drop(columns="seconds", errors="ignore").to_csv() for path in files}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The folder of an experiment that ran to its end, and what was said."""
    out = tmp_path_factory.mktemp("undisturbed")
    process = started(*ALPHA, "--jobs", "2", "--out", str(out))
    said, wrong = process.communicate(timeout=300)
    assert (process.returncode, wrong) == (0, "")
    return out, said


class InThisProcess(ThreadPoolExecutor):
    """A pool without processes, for experiments of many short runs."""

    _processes = None


@pytest.fixture
def in_this_process(monkeypatch):
    """Runs are made here, one at a time, and each system tries one setting."""
    monkeypatch.setattr(pool, "_pool", lambda jobs, runs: InThisProcess(1))
    monkeypatch.setattr(pools, "set_threads", lambda n: None)  # of this process, which has other tests to run
    monkeypatch.setitem(study.BUDGETS, "small", study.Budget((1.0,), (1.0,), 1))


def test_files_of_a_training_experiment(undisturbed):
    out, said = undisturbed
    folder = out / "laboratory" / "alpha"
    files = {"about.json", "results.md", "runs.csv", "tuning.csv", "figure-1.svg", "report.html"}
    assert {path.name for path in folder.iterdir()} == files
    assert (folder / "results.md").read_text() in said
    assert "alpha, tuning: 1 runs to make; 1 at a time\n" in said
    assert (
        "laboratory, 2,000 rows in all, SIMULATED; seeds: 1, each in a world of its own; budget of tuning: small."
        in said
    )
    runs = pd.read_csv(folder / "runs.csv")
    assert len(runs) == 2
    assert runs[["auc", "gauc", "regret", "ia", "covariance"]].notna().all(axis=None)
    records = [path for path in (out / "runs").iterdir() if path.suffix == ".json"]
    assert len(records) == 3
    assert {path.suffix for path in (out / "runs").iterdir()} == {".json", ".npy"}


@pytest.mark.usefixtures("in_this_process")
def test_what_is_finished_is_left_alone(undisturbed, capsys, monkeypatch):
    out, _ = undisturbed
    monkeypatch.setitem(alpha.FACTORS, "small", (0.0, 1.0))
    monkeypatch.setattr(pool, "_pool", lambda jobs, runs: pytest.fail("a run is made again"))
    monkeypatch.setattr("croco_np.doctor.facts.numba", None)  # as in `started`: versions are written beside results
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in out.rglob("*") if path.is_file()}
    with using("numpy"):
        assert main([*ALPHA, "--out", str(out)]) == 0
    after = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in out.rglob("*") if path.is_file()}
    assert after == before
    said = capsys.readouterr().out
    assert "to make" not in said
    assert "alpha: all 2 runs are there\n" in said


def test_ctrl_c_keeps_what_is_done(undisturbed, tmp_path):
    """A command that was stopped and repeated has the numbers of one that was not, to the last digit."""
    process = started(*ALPHA, "--jobs", "2", "--out", str(tmp_path))
    while not list((tmp_path / "runs").glob("*.json")) and process.poll() is None:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    _, wrong = process.communicate(timeout=60)
    assert (process.returncode, wrong) == (130, "stopped\n")
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").glob("*.json")}
    assert 1 <= len(kept) < 3
    again = started(*ALPHA, "--jobs", "1", "--out", str(tmp_path))
    said, wrong = again.communicate(timeout=300)
    assert (again.returncode, wrong) == (0, "")
    assert re.search(rf"alpha: {3 - len(kept)} runs to make(, {len(kept) - 1} are there)?; 1 at a time", said)
    assert kept.items() <= {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").glob("*.json")}.items()
    assert numbers(tmp_path) == numbers(undisturbed[0])


def test_a_domain_may_be_called_all(tmp_path):
    clicks = tmp_path / "clicks.csv"
    lines = [f"{i % 7},{i % 5},{'all' if i % 4 == 0 else 'b'},{i % 2}" for i in range(400)]
    clicks.write_text("\n".join(["u,i,d,y", *lines]) + "\n")
    columns = ["--label", "y", "--user", "u", "--item", "i", "--domain", "d"]
    arguments = ["table1", "--dataset", "table", "--path", str(clicks), *columns, "--out", str(tmp_path)]
    assert main(arguments) == 0
    frame = pd.read_csv(tmp_path / "table" / "table1" / "domains.csv")
    assert frame["domain"].tolist() == ["all", "b", "all"]
    assert frame["rows"].tolist() == [100, 300, 400]


def test_table_of_the_data(tmp_path, capsys):
    assert main(["table1", *TINY, "--out", str(tmp_path)]) == 0
    folder = tmp_path / "laboratory" / "table1"
    assert {path.name for path in folder.iterdir()} == {"about.json", "results.md", "domains.csv"}
    assert "| all | 2,000 | 100.0% | 1,000 | 200 | 800 |" in capsys.readouterr().out
    frame = pd.read_csv(folder / "domains.csv")
    assert frame["rows"].tolist() == [500, 500, 500, 500, 2000]
    assert (frame[["train", "valid", "test"]].sum(axis=1) == frame["rows"]).all()


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """Runs that several figures share."""
    return tmp_path_factory.mktemp("figures")


@pytest.mark.usefixtures("in_this_process")
@pytest.mark.parametrize("name", ["figure1", "figure2", "figure4", "figure5"])
def test_figures(name, shared, monkeypatch):
    monkeypatch.setattr(systems, "trained", partial(systems.trained, systems=("mmoe", "crocodile")))
    monkeypatch.setattr(losses, "LOSSES", ("covariance", "importance"))
    monkeypatch.setitem(losses.FACTORS, "small", (1.0,))
    assert main([name, *TINY, "--seeds", "2", "--out", str(shared)]) == 0
    text = (shared / "laboratory" / name / "results.md").read_text()
    assert "Crocodile" in text
    assert "figure-1.svg" in text


def test_costs(tmp_path, monkeypatch):
    monkeypatch.setattr(complexity, "SWEPT", {"N": (32, 64), "d": (4, 8), "M": (2, 3)})
    monkeypatch.setattr(complexity, "BASE", {"N": 64, "d": 8, "M": 3})
    monkeypatch.setattr(complexity, "REPEATS", 1)
    threads = []
    monkeypatch.setattr(complexity, "set_threads", threads.append)
    assert main(["complexity", "--out", str(tmp_path), "--report"]) == 0
    folder = tmp_path / "complexity"
    assert threads == [1]
    frame = pd.read_csv(folder / "costs.csv")
    assert len(frame) == 3 * 2 * 3
    assert (frame["seconds"] > 0).all()
    assert "| CovLoss | N, rows of a batch | 1.00 |" in (folder / "results.md").read_text()


@pytest.mark.usefixtures("in_this_process")
def test_an_experiment_of_which_all_runs_fail(tmp_path, capsys):
    """Its tables are full of dashes; each run is named with what went wrong, and the status says it, too."""
    assert main(["alpha", *TINY, "--lr", "1e30", "--seeds", "1", "--out", str(tmp_path)]) == 1
    said = capsys.readouterr()
    assert re.search(r"\| 0 \| –", said.out)
    assert not re.search(r"\bnan\b", said.out.partition("# ")[2])
    lines = said.err.splitlines()
    assert len(lines) == 7  # one in tuning
    assert len(set(lines)) == 7
    assert all(re.fullmatch(r"failed: .*, lr 1e\+30, .*, seed \d+: .*try a smaller --lr.*", line) for line in lines)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nonsense"], "invalid choice: 'nonsense'"),
        ([], "EXPERIMENT"),
        (["table5", *TINY, "--seeds", "0"], "--seeds 0: must be from 1 to"),
        (["table5", *TINY, "--seeds", "two"], "--seeds: invalid int value"),
        (["table5", *TINY, "--jobs", "-1"], "--jobs -1: must be at least 1"),
        (["table5", *TINY, "--budget", "huge"], "--budget"),
        (["table5", *TINY, "--model", "ple"], "--model: the experiment sets it"),
        (["table5", *TINY, "--seed", "1"], "--seed: the experiment sets it"),
        (["table5", *TINY, "--world-seed", "1"], "--world-seed: the experiment sets it"),
        (["table5", *TINY, "--nonsense", "1"], "unknown argument --nonsense"),
        (["table5", "--dataset", "nowhere"], "--dataset nowhere: choose one of"),
        (["table5", *TINY, "--lr", "-1"], "--lr"),
        (["phase", "--dataset", "kuairand"], "--dataset laboratory"),
        (["phase", *TINY, "--conflict", "0.5"], "--conflict: the experiment sets it"),
        (["phase", *TINY, "--tail-share", "0.1"], "--tail-share: the experiment sets it"),
        (["phase", *TINY, "--l2", "0.1"], "--l2: the experiment sets it"),
        (["table4", *TINY, "--loss", "dot"], "--loss: the experiment sets it"),
        (["sampling", *TINY, "--cov-rows", "16"], "--cov-rows: the experiment sets it"),
        (["alpha", *TINY, "--alpha", "0"], "--alpha 0: the experiment tries multiples of it"),
        (["sampling", *TINY, "--alpha", "0"], "--alpha 0: the experiment tries multiples of it"),
        (["table4", *TINY, "--alpha", "0"], "--alpha 0: the experiment tries multiples of it"),
        (["table2", "--data-dir", "/not/there"], "--data-dir /not/there: no such folder"),
    ],
)
def test_bad_input_is_one_line(arguments, says, tmp_path, capsys):
    assert main([*arguments, "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr()
    assert ERROR.fullmatch(said.err)
    assert says in said.err
    assert said.out == ""
    assert not list(tmp_path.glob("out/[!r]*"))  # no results


def test_a_place_that_cannot_be_written_to(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["table1", *TINY, "--out", str(tmp_path / "file")]) == 2
    assert ERROR.fullmatch(capsys.readouterr().err)
    (tmp_path / "laboratory").write_text("")  # where a folder of results belongs
    assert main(["table1", *TINY, "--out", str(tmp_path)]) == 2
    assert ERROR.fullmatch(capsys.readouterr().err)


def test_help_names_every_experiment(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert all(f"  {name} " in said and e.what in said for name, e in catalogue.EXPERIMENTS.items())
