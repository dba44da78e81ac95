"""Predictions: those of the training loop, for rows in any order, in a file that is whole or not there."""

import csv
import json
import os
import shutil
import subprocess
import sys
import tracemalloc
from dataclasses import replace
from itertools import islice, repeat

import numpy as np
import pytest
from commands import IN_NUMPY, SMALL, make_data

from croco_np.batch import make_batch
from croco_np.datasets.splits import Rows
from croco_np.diagnostics.__main__ import main as diagnose
from croco_np.diagnostics.__main__ import read_run
from croco_np.errors import InputError
from croco_np.gradcheck.cases import SCHEMA, at_blackboard
from croco_np.kernels.twin import using
from croco_np.losses.bce import sigmoid
from croco_np.metrics import auc
from croco_np.models import MODELS
from croco_np.models.assembly import shape_tree
from croco_np.predict import Predictor, __main__
from croco_np.runs.folder import MODEL
from croco_np.storage import checkpoint
from croco_np.train.__main__ import main as train
from croco_np.tree import flatten

main = __main__.main
CAPTURED = {"env": os.environ | IN_NUMPY, "capture_output": True, "text": True, "timeout": 120, "check": False}


def draw_rows(n, seed=0, domains=range(4)):
    """Rows of the blackboard schema, domains mixed."""
    rng = np.random.default_rng(seed)
    s = rng.choice(domains, n).astype(np.uint8)
    ids = np.stack([rng.integers(0, v, n) for v in SCHEMA.vocabulary], axis=1).astype(np.int32)
    ids[:, SCHEMA.fields.index("domain")] = s + 1
    return Rows(ids, rng.integers(0, 2, n).astype(np.uint8), s, ids[:, 0].astype(np.int64))


def take(rows, at):
    return Rows._make(column[at] for column in rows)


def predictor(name="crocodile", **options):
    model = at_blackboard(name)
    return Predictor(model, model.init(np.random.default_rng(1)), SCHEMA, "float64", **options)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return make_data(tmp_path_factory.mktemp("kuairand"), rows=600)


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "run"
    flags = [*SMALL, "--dataset", "kuairand", "--data-dir", data, "--out", folder, "--epochs", 1, "--compare-steps", 0]
    assert train([str(f) for f in flags]) == 0
    return folder


@pytest.fixture
def run(trained, tmp_path):
    """A copy of the run that a test may write to."""
    return shutil.copytree(trained, tmp_path / "run")


# The predictor


def test_same_as_in_training(trained):
    """A run's folder alone gives the probabilities that its own data give."""
    predictor, splits, _ = read_run(trained)
    loaded = Predictor.load(trained)
    assert loaded.schema == splits.schema
    for rows in (splits.valid, splits.test):
        p = loaded.probabilities(rows)
        assert p.dtype == np.float64
        assert p.std() > 1e-3  # the rows differ
        np.testing.assert_allclose(p, sigmoid(predictor.logits(rows)), rtol=1e-5)  # float32
        for out, _, at, _ in predictor.outputs(rows):
            np.testing.assert_allclose(p[at], sigmoid(out.logits.astype(float)), rtol=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_blocks_do_not_matter(name):
    """Not where they end, not how rows are ordered: as all at once, to 1e-12 (float64). Of every system."""
    rows, whole = draw_rows(50), predictor(name)
    batch, at = make_batch(rows, np.arange(rows.n), SCHEMA, training=False)
    z = np.empty(rows.n)
    z[at] = whole.model.forward(whole.params, batch)[0].logits
    np.testing.assert_allclose(whole.logits(rows), z, rtol=1e-12)
    for block in (1, 7, 49, 50):
        np.testing.assert_allclose(replace(whole, block=block).logits(rows), z, rtol=1e-12, atol=1e-14)
    order = np.random.default_rng(2).permutation(rows.n)
    np.testing.assert_allclose(replace(whole, block=9).logits(take(rows, order)), z[order], rtol=1e-12, atol=1e-14)
    assert len(np.unique(z)) > 10  # an order that is lost would show


def test_blocks_come_in_order():
    rows, small = draw_rows(50), predictor(block=20)
    blocks = list(small.blocks(rows))
    assert [len(z) for z in blocks] == [20, 20, 10]
    assert np.array_equal(np.concatenate(blocks), small.logits(rows))


@pytest.mark.parametrize("name", MODELS)
def test_absent_domains_and_no_rows(name):
    whole = predictor(name)
    rows = draw_rows(30)
    z = whole.logits(rows)
    for s in range(4):
        own = np.flatnonzero(rows.domains == s)
        np.testing.assert_allclose(whole.logits(take(rows, own)), z[own], rtol=1e-12, atol=1e-14)
    assert whole.probabilities(take(rows, slice(0, 0))).shape == (0,)


def test_labels_and_users_are_not_looked_at():
    rows, whole = draw_rows(30), predictor()
    others = rows._replace(labels=1 - rows.labels, users=rows.users[::-1])
    assert np.array_equal(whole.logits(rows), whole.logits(others))


def test_stream_without_an_end():
    whole, parts = predictor(), [draw_rows(n, seed=n) for n in (3, 0, 8)]
    for (rows, p), right in zip(whole.stream(parts), parts, strict=True):
        assert rows is right
        assert np.array_equal(p, whole.probabilities(right))
    assert len(list(islice(whole.stream(repeat(parts[0])), 5))) == 5


def test_memory_is_that_of_a_block():
    """Ten times the rows, the same memory but for the result (8 bytes a row) and garbage that awaits collection."""
    small = predictor(block=200)

    def peak(n):
        rows = draw_rows(n)
        tracemalloc.start()
        small.logits(rows)
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top - 8 * n

    peak(400)  # what is allocated once
    assert peak(20_000) < 2 * peak(2_000)  # were the activations kept, it would be ten times


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("ids", -1, "row 17: field item: id -1"),
        ("ids", 5, "row 17: field item: id 5, vocabulary 5"),
        ("domains", 4, "row 17: domain 4, there are 4"),
    ],
)
def test_ids_out_of_range(column, value, words):
    """A look-up would read what lies next to the table, or another field's row."""
    rows = draw_rows(30)
    (rows.ids[:, 1] if column == "ids" else rows.domains)[17] = value
    with pytest.raises(InputError, match=words):
        predictor(block=10).logits(rows)


def test_other_number_of_fields():
    rows = draw_rows(3)
    with pytest.raises(InputError, match=r"\(3, 3\), want \(N, 4\)"):
        predictor().logits(rows._replace(ids=rows.ids[:, :3]))


@pytest.mark.parametrize("name", MODELS)
def test_shapes_without_drawing(name):
    """Loading asks a model for its shapes; they are those of parameters that were drawn."""
    model = predictor(name).model
    drawn, shapes = flatten(model.init(np.random.default_rng(0))), flatten(shape_tree(model))
    assert {k: w.shape for k, w in shapes.items()} == {k: w.shape for k, w in drawn.items()}


# The command


def table(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("part", ["test", "valid"])
def test_command(run, part, capsys, monkeypatch):
    """Several stretches of rows: all there, in order, and the printed AUC is that of the file."""
    monkeypatch.setattr(__main__, "WRITTEN_ROWS", 25)
    assert main([str(run), "--rows", part]) == 0
    printed = capsys.readouterr().out
    predictor, splits, _ = read_run(run)
    rows, path = getattr(splits, part), run / f"predictions-{part}.csv"
    lines = table(path)
    assert list(lines[0]) == ["user", "item", "domain", "label", "probability", "simulated"]
    assert [int(line["user"]) for line in lines] == rows.users.tolist()
    assert [int(line["item"]) for line in lines] == rows.ids[:, splits.schema.fields.index("video_id")].tolist()
    assert [line["domain"] for line in lines] == [splits.schema.domains[s] for s in rows.domains]
    assert [int(line["label"]) for line in lines] == rows.labels.tolist()
    p = np.array([float(line["probability"]) for line in lines])
    np.testing.assert_allclose(p, sigmoid(predictor.logits(rows)), rtol=1e-5)
    assert {line["simulated"] for line in lines} == {"0"}
    assert f"AUC {auc(p, rows.labels).value:.4f}" in printed
    assert f"{rows.n:,} rows in " in printed
    assert str(path) in printed
    assert "SIMULATED" not in printed
    assert not list(run.glob("*.part"))
    if part == "test":
        metrics = json.loads((run / "metrics.json").read_text())["overall"]
        assert f"AUC {metrics['auc']:.4f}, gAUC {metrics['gauc']:.4f}" in printed


def test_simulated_data_say_so(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    flags = ["--dataset", "aliccp", "--simulated-rows", 2000, "--epochs", 1, "--compare-steps", 0, "--out", "run"]
    assert train([str(f) for f in [*SMALL, *flags]]) == 0
    assert main(["run", "--threads", "1", "--out", "p.csv"]) == 0
    assert "(SIMULATED data)" in capsys.readouterr().out
    assert {line["simulated"] for line in table("p.csv")} == {"1"}


def test_an_interrupt_leaves_the_old_file(run, monkeypatch):
    """Ctrl-C, and an error while writing, after some rows were written."""
    path = run / "old.csv"
    path.write_text("old\n")
    monkeypatch.setattr(__main__, "WRITTEN_ROWS", 10)
    for error, code in ((KeyboardInterrupt, 130), (OSError(28, "No space left on device"), 2)):

        def part(rows, part, error=error):
            if isinstance(part, slice) and part.start and part.start >= 20:
                raise error
            return take(rows, part)

        monkeypatch.setattr(Rows, "part", part)
        assert main([str(run), "--out", str(path)]) == code
        assert path.read_text() == "old\n"
        assert not list(run.glob("*.part"))


def test_a_reader_sees_the_old_file_or_the_new_one(run):
    path = run / "p.csv"
    path.write_text("old\n")
    with path.open() as reader:
        assert main([str(run), "--out", str(path)]) == 0
        assert reader.read() == "old\n"
    assert path.read_text().startswith("user,item")


@pytest.mark.skipif(os.name != "posix", reason="/dev/stdout")
@pytest.mark.parametrize("how", ["> new.csv", ">> old.csv", "| cat > new.csv", "--out new.csv > new.csv"])
def test_standard_output_gets_the_rows_alone(how, run, tmp_path):
    """What is there stays, and the report is on standard error."""
    with using("numpy"):
        assert main([str(run)]) == 0
    right = (run / "predictions-test.csv").read_text()
    (tmp_path / "old.csv").write_text("old\n")
    line = f"set -o pipefail; {sys.executable} -m croco_np.predict {run} --out /dev/stdout {how}"
    done = subprocess.run(["bash", "-c", line], cwd=tmp_path, **CAPTURED)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert "AUC" in done.stderr
    old = how.startswith(">>")
    assert (tmp_path / ("old.csv" if old else "new.csv")).read_text() == ("old\n" if old else "") + right


@pytest.mark.skipif(os.name != "posix", reason="file size limits")
def test_disk_full(run):
    """A disk that fills up: one line, and the file before is whole."""
    path = run / "predictions-test.csv"
    path.write_text("old\n")
    code = "import resource, signal, sys\nfrom croco_np.predict.__main__ import main\n"
    code += "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\nresource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
    code += "sys.exit(main(sys.argv[1:]))"
    done = subprocess.run([sys.executable, "-c", code, run], **CAPTURED)
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert "predictions-test.csv: cannot write" in done.stderr
    assert path.read_text() == "old\n"
    assert not list(run.glob("*.part"))


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["RUN", "--rows", "tset"], "'tset'"),
        (["RUN", "--threads", "many"], "'many'"),
        (["RUN", "--threads", "-1"], "--threads -1"),
        (["RUN", "--threads", "100000"], "--threads 100000"),
        (["RUN", "--out", "no/such/folder/p.csv"], "no/such/folder/p.csv: cannot write"),
        (["RUN", "--data-dir", "nowhere"], "nowhere"),
        (["nowhere"], "nowhere: no such file or folder"),
        ([], "RUN"),
    ],
)
def test_bad_input(flags, words, trained, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert main([str(trained) if f == "RUN" else f for f in flags]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert len(err.splitlines()) == 1, err
    assert words in err


def test_no_model_yet_and_damaged_model(run, capsys):
    file = run / MODEL
    file.write_bytes(file.read_bytes()[:100])
    assert main([str(run)]) == 2
    assert "not a whole checkpoint" in capsys.readouterr().err
    file.unlink()
    assert main([str(run)]) == 2
    assert "after its first epoch" in capsys.readouterr().err


def test_other_data(run, capsys, tmp_path):
    other = make_data(tmp_path / "other", rows=100, seed=2)
    assert main([str(run), "--data-dir", str(other)]) == 2
    assert "other columns or vocabularies" in capsys.readouterr().err


@pytest.fixture(scope="module")
def other_seed(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "other"
    flags = [*SMALL, "--dataset", "kuairand", "--data-dir", data, "--out", folder, "--epochs", 1, "--compare-steps", 0]
    assert train([str(f) for f in [*flags, "--seed", 1]]) == 0
    return folder


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "checkpoint.safetensors"])
def test_files_of_two_runs_are_noticed(run, other_seed, name, capsys):
    shutil.copy(other_seed / name, run / name)
    for command in (main, diagnose):
        assert command([str(run)]) == 2
        assert "are both of one run?" in capsys.readouterr().err


def test_weights_that_the_checkpoint_does_not_know(run, capsys):
    """Same config, same data, other weights."""
    arrays, facts, _ = checkpoint.load(run / MODEL)
    checkpoint.save(run / MODEL, {name: a * 2 for name, a in arrays.items()}, facts)
    assert main([str(run)]) == 2
    assert "not the weights that checkpoint.safetensors beside it calls the best" in capsys.readouterr().err


@pytest.mark.parametrize(
    "change",
    [{"user": "zzz"}, {"vocabulary": "abc"}, {"vocabulary": [-1] * 38}, {"fields": []}, {"domains": []}, {"more": 1}],
)
def test_a_model_of_another_schema_is_refused(run, capsys, change):
    (run / "checkpoint.safetensors").unlink()
    arrays, facts, _ = checkpoint.load(run / MODEL)
    checkpoint.save(run / MODEL, arrays, facts | {"schema": facts["schema"] | change})
    assert main([str(run)]) == 2
    err = capsys.readouterr().err
    assert str(run / MODEL) in err
    assert len(err.splitlines()) == 1


def test_weights_that_are_no_numbers(run, capsys):
    (run / "checkpoint.safetensors").unlink()
    arrays, facts, _ = checkpoint.load(run / MODEL)
    name = next(iter(arrays))
    arrays[name].flat[3] = np.nan
    checkpoint.save(run / MODEL, arrays, facts)
    assert main([str(run)]) == 2
    assert f"{name} holds NaN" in capsys.readouterr().err
