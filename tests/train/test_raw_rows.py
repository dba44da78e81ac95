"""A trained model scores new raw rows: from a file or a stream, in a fresh process, wherever its folder is now."""

import csv
import io
import os
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from commands import IN_NUMPY, SMALL, make_data, train

from croco_np.datasets.kuairand_tables import USER, VIDEO
from croco_np.predict import __main__ as command
from croco_np.predict import raw

COLUMNS = ["--label", "click", "--user", "uid", "--item", "iid", "--domain", "tab"]


def predict(*arguments, cwd, text=None):
    return subprocess.run(
        [sys.executable, "-m", "croco_np.predict", *map(str, arguments)],
        cwd=cwd,
        input=text,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=os.environ | IN_NUMPY,
    )


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run on a table of 3,000 rows whose last 300, by time, are the test rows; its folder has moved since."""
    folder = tmp_path_factory.mktemp("trained")
    rng = np.random.default_rng(0)
    n = 3000
    table = pd.DataFrame(
        {
            "click": rng.integers(0, 2, n),
            "uid": [f"u{u}" for u in rng.integers(0, 30, n)],
            "iid": rng.integers(0, 40, n),
            "tab": rng.choice(["feed", "search, new"], n),
            "price": rng.choice([0.5, 1.25, np.nan], n),
            "ts": np.arange(n),
        }
    )
    table.to_csv(folder / "clicks.csv", index=False)
    flags = [*SMALL, "--dataset", "table", "--path", "clicks.csv", *COLUMNS, "--time", "ts", "--epochs", 1]
    done = train(*flags, "--compare-steps", 0, "--out", "first", cwd=folder, **IN_NUMPY)
    assert done.returncode == 0, done.stderr
    assert predict("first", "--out", "known.csv", cwd=folder).returncode == 0
    (folder / "elsewhere").mkdir()
    (folder / "first").rename(folder / "elsewhere" / "run")
    (folder / "clicks.csv").rename(folder / "elsewhere" / "clicks.csv")
    table[-300:].to_csv(folder / "new.csv", index=False)
    return folder


def probabilities(text):
    return [line["probability"] for line in csv.DictReader(io.StringIO(text))]


def test_raw_rows_have_the_scores_of_training(trained):
    """To the bit: the same test rows, once from the data of the run and once as raw rows."""
    known = probabilities((trained / "known.csv").read_text())
    done = predict("elsewhere/run", "--input", "new.csv", "--out", "scored.csv", cwd=trained)
    assert done.returncode == 0, done.stderr
    assert probabilities((trained / "scored.csv").read_text()) == known
    streamed = predict("elsewhere/run", "--input", "-", "--out", "/dev/stdout", cwd=trained,
                       text=(trained / "new.csv").read_text())  # fmt: skip
    assert streamed.returncode == 0, streamed.stderr
    assert streamed.stdout == (trained / "scored.csv").read_text()
    assert "price: 0 unseen or rare," in streamed.stderr


def test_rows_come_back_as_they_were(trained):
    given = pd.read_csv(trained / "new.csv", dtype=str, keep_default_na=False)
    predict("elsewhere/run", "--input", "new.csv", "--out", "scored.csv", cwd=trained)
    scored = pd.read_csv(trained / "scored.csv", dtype=str, keep_default_na=False)
    assert scored.columns.tolist() == [*given.columns, "probability", "simulated"]
    assert scored[given.columns].equals(given)
    assert set(scored["simulated"]) == {"0"}


def test_blocks_do_not_matter(trained, monkeypatch, capsys):
    arguments = [str(trained / "elsewhere" / "run"), "--input", str(trained / "new.csv"), "--out"]
    texts = []
    for rows in (raw.BLOCK_ROWS, 7):
        monkeypatch.setattr(raw, "BLOCK_ROWS", rows)
        assert command.main([*arguments, str(trained / f"{rows}.csv")]) == 0
        texts.append((trained / f"{rows}.csv").read_text())
    whole, parts = (np.array(probabilities(text), float) for text in texts)
    np.testing.assert_allclose(whole, parts, rtol=1e-5)  # float32


def test_a_moved_run_finds_its_moved_rows(trained):
    done = predict("elsewhere/run", "--path", "elsewhere/clicks.csv", "--out", "again.csv", cwd=trained)
    assert done.returncode == 0, done.stderr
    assert (trained / "again.csv").read_text() == (trained / "known.csv").read_text()
    done = subprocess.run(
        [sys.executable, "-m", "croco_np.diagnostics", "elsewhere/run", "--path", "elsewhere/clicks.csv"],
        cwd=trained, capture_output=True, text=True, check=False, env=os.environ | IN_NUMPY,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lost = predict("elsewhere/run", cwd=trained)
    assert lost.returncode == 2
    assert lost.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "standard input: empty file"),
        ("uid,iid,tab\nu1,1,feed\n", "standard input: no column 'price'"),
        ("uid,iid,tab,price\nu1,1,feed,1\nu1,1,moon,1\n", "standard input: row 2: tab is 'moon'"),
        ("uid,iid,tab,price\nu1,1,,1\n", "standard input: row 1: tab is ''"),
        ("uid,iid,tab,price\nu1,1,feed,1\nu1,1\n", "standard input: line 3: 2 columns, the header has 4"),
        ("uid,iid,tab,price\nu1,1,feed,1,1,1\n", "standard input: line 2: 6 columns, the header has 4"),
        ("uid,iid,tab,price,probability\nu1,1,feed,1,1\n", "standard input: has a column 'probability' already"),
        ("uid,iid,tab,price,\nu1,1,feed,1,1\n", "standard input: line 1: column 5 has no name"),
    ],
)
def test_wrong_rows(trained, text, words, capsys, monkeypatch, tmp_path):
    class Stream:
        buffer = io.BytesIO(text.encode())

    monkeypatch.setattr(sys, "stdin", Stream)
    out = tmp_path / "out.csv"
    out.write_text("before\n")
    assert command.main([str(trained / "elsewhere" / "run"), "--input", "-", "--out", str(out)]) == 2
    errors = capsys.readouterr().err
    assert errors.startswith(f"error: {words}")
    assert errors.count("\n") == 1
    assert out.read_text() == "before\n"


def test_input_needs_a_place_for_its_result(trained, capsys):
    assert command.main([str(trained / "elsewhere" / "run"), "--input", "-"]) == 2
    assert "--input needs --out" in capsys.readouterr().err


def test_kuairand_scores_flat_rows(tmp_path):
    """Of a run on KuaiRand: raw features of user and video beside the ids, durations in milliseconds."""
    make_data(tmp_path / "clicks")
    flags = ["--dataset", "kuairand", "--data-dir", "clicks", *SMALL, "--epochs", 1, "--embedding-std", 0.3]
    done = train(*flags, "--compare-steps", 0, "--out", "run", cwd=tmp_path, **IN_NUMPY)
    assert done.returncode == 0, done.stderr
    row = dict.fromkeys([*USER, *VIDEO], "") | {"user_id": 3, "video_id": 4, "duration_ms": 9000, "tab": 0}
    pd.DataFrame([row, row | {"user_id": 999}]).to_csv(tmp_path / "new.csv", index=False)
    done = predict("run", "--input", "new.csv", "--out", "scored.csv", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "user_id: 1 unseen or rare" in done.stderr
    known, unknown = map(float, probabilities((tmp_path / "scored.csv").read_text()))
    assert 0 < known < 1
    assert known != unknown


@pytest.mark.parametrize("taken", ["new.csv", "elsewhere/run/model.safetensors", "elsewhere/run/config.json"])
def test_a_result_is_not_written_over_what_it_is_made_from(trained, taken):
    before = (trained / taken).read_bytes()
    done = predict("elsewhere/run", "--input", "new.csv", "--out", taken, cwd=trained)
    assert done.returncode == 2
    assert done.stderr == f"error: --out {taken}: is read here, or is a file of the run; choose another name\n"
    assert (trained / taken).read_bytes() == before


def test_a_dash_is_standard_output(trained):
    done = predict("elsewhere/run", "--input", "new.csv", "--out", "-", cwd=trained)
    assert done.stdout.startswith("click,uid,iid,tab,price,ts,probability,simulated\n")
    assert not (trained / "-").exists()


def test_a_resumed_run_knows_where_its_rows_are_now(trained, tmp_path):
    """The weights were written before the file moved; config.json is newer."""
    shutil.copytree(trained / "elsewhere", tmp_path / "a")
    done = train("--resume", "run", "--path", "clicks.csv", "--epochs", 1, cwd=tmp_path / "a", **IN_NUMPY)
    assert done.returncode == 0, done.stderr
    (tmp_path / "a" / "clicks.csv").rename(tmp_path / "a" / "moved.csv")
    assert train("--resume", "run", "--path", "moved.csv", cwd=tmp_path / "a", **IN_NUMPY).returncode == 0
    assert predict("run", cwd=tmp_path / "a").returncode == 0
