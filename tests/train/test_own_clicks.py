"""--dataset table: from a file of one's own clicks to a run, and what is said of wrong flags."""

import json

import numpy as np
import pandas as pd
import pytest
from commands import IN_NUMPY, SMALL, train

from croco_np.train.__main__ import main

COLUMNS = ["--label", "click", "--user", "uid", "--item", "iid", "--domain", "tab"]
TABLE = [*SMALL, "--dataset", "table", *COLUMNS, "--epochs", 2, "--patience", 9, "--compare-steps", 0]


@pytest.fixture(scope="module")
def clicks(tmp_path_factory):
    """Clicks that depend on the user, the item and the tab: something to learn."""
    rng = np.random.default_rng(0)
    n = 3000
    user, item, tab = rng.integers(0, 12, n), rng.integers(0, 9, n), rng.choice(["feed", "search"], n)
    logit = (user % 3 - 1) + (item % 2 * 2 - 1) * (1 - 2 * (tab == "feed"))
    click = (rng.random(n) < 1 / (1 + np.exp(-logit))).astype(int)
    path = tmp_path_factory.mktemp("table") / "clicks.csv"
    pd.DataFrame({"click": click, "uid": user, "iid": item, "tab": tab, "ts": np.arange(n)}).to_csv(path, index=False)
    return path


def test_a_run(clicks, tmp_path):
    done = train(*TABLE, "--time", "ts", "--path", clicks, cwd=tmp_path, **IN_NUMPY)
    assert done.returncode == 0, done.stderr
    run = tmp_path / "runs" / "table-crocodile-seed0"
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["dataset"] == "table"
    assert metrics["simulated"] is False
    assert metrics["overall"]["rows"] == 300
    assert metrics["overall"]["auc"] > 0.6
    assert set(metrics["domains"]) == {"feed", "search"}
    lines = done.stdout.splitlines()
    assert lines.index("3,000 rows, 3,000 of them used") < lines.index(next(x for x in lines if x.startswith("epoch")))
    assert any(line.startswith("all domains") for line in lines[: lines.index(next(x for x in lines if "epoch" in x))])

    moved = tmp_path / "moved.csv"
    moved.write_bytes(clicks.read_bytes())
    again = train("--resume", run, "--epochs", 3, "--path", moved, cwd=tmp_path, **IN_NUMPY)
    assert again.returncode == 0, again.stderr
    assert json.loads((run / "config.json").read_text())["config"]["path"] == str(moved)
    moved.write_bytes(clicks.read_bytes().replace(b"\n1,", b"\n0,", 1))
    changed = train("--resume", run, "--epochs", 4, cwd=tmp_path, **IN_NUMPY)
    assert changed.returncode == 2
    assert "the rows of the data have changed" in changed.stderr
    assert "Traceback" not in changed.stderr


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--dataset", "table"], ("needs --path, --label, --user, --item, --domain",)),
        (["--dataset", "table", "--path", "CLICKS", *COLUMNS[2:]], ("needs --label (",)),
        ([*TABLE, "--path", "nowhere.csv"], ("nowhere.csv: no such file",)),
        ([*TABLE, "--path", "CLICKS", "--user", "uidd"], ("--user: no column 'uidd'", "did you mean 'uid'?")),
        ([*TABLE, "--path", "CLICKS", "--fields", "uid,ii"], ("--fields: no column 'ii'",)),
        ([*TABLE, "--path", "CLICKS", "--split", "time"], ("--split time: needs the column of times, --time",)),
        ([*TABLE, "--path", "CLICKS", "--split", "month"], ("--split month", "auto, time, random, user")),
        ([*TABLE, "--path", "CLICKS", "--label", "ts"], ("line 4: ts is 2, want 0 or 1",)),
        ([*TABLE, "--path", "CLICKS", "--domain", "ts"], ("ts has 3,000 values", "at most 255")),
        ([*TABLE, "--path", "CLICKS", "--data-dir", "."], ("--data-dir", "--path")),
        ([*TABLE, "--path", "CLICKS", "--valid-share", 0.6, "--test-share", 0.4], ("leave no training rows",)),
        (["--dataset", "kuairand", "--path", "CLICKS"], ("--path: is for table only",)),
    ],
)
def test_errors_are_one_line(flags, words, clicks, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main([str(clicks) if flag == "CLICKS" else str(flag) for flag in flags]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    for word in words:
        assert word in error
    assert not list(tmp_path.iterdir())
