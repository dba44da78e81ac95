"""The page of a run: the same from `train --report` and `python -m croco_np.report`, for every kind of system."""

import json
import re
import shlex
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[1] / "train"))
from commands import SMALL, make_data

from croco_np.config import ABLATIONS, RECIPES, Config
from croco_np.config.flags import command_line, parse
from croco_np.diagnostics.__main__ import read_run
from croco_np.diagnostics.report import diagnose
from croco_np.report import learnt
from croco_np.report.__main__ import main
from croco_np.train.__main__ import main as train

TABS = [f"tab {t}" for t in (0, 1, 2, 4, 6)]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return make_data(tmp_path_factory.mktemp("kuairand"), rows=400)


@pytest.fixture(scope="module")
def runs(data, tmp_path_factory):
    """A run with experts and gates, one with gates only, one with neither; each with its page."""
    folder = tmp_path_factory.mktemp("runs")
    for model in ("crocodile", "ple", "shared_bottom"):
        flags = [*SMALL, "--dataset", "kuairand", "--data-dir", data, "--model", model, "--out", folder / model]
        assert train([str(f) for f in (*flags, "--epochs", 2, "--compare-steps", 3, "--report")]) == 0
    return folder


def words(html):
    """What a reader sees, the words inside pictures included."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", re.sub(r"(?s)<(script|style)>.*?</\1>", "", html)))


@pytest.mark.parametrize("model", ["crocodile", "ple", "shared_bottom"])
def test_afterwards_it_is_the_same_page(model, runs, tmp_path, capsys):
    assert main([str(runs / model), "--out", str(tmp_path / "page.html")]) == 0
    assert capsys.readouterr().out.endswith("page.html: open it in a browser\n")
    assert (tmp_path / "page.html").read_text() == (runs / model / "report.html").read_text()


@pytest.mark.parametrize("model", ["crocodile", "ple", "shared_bottom"])
def test_what_it_tells(model, runs):
    text = words((runs / model / "report.html").read_text())
    metrics = json.loads((runs / model / "metrics.json").read_text())
    for name, m in metrics["domains"].items():
        cells = [name, f"{m['rows']:,}", f"{m['positives']:,}", f"{m['positives'] / m['rows']:.2%}"]
        cells += ["–" if m["auc"] is None else f"{m['auc']:.4f}"]
        assert " ".join(cells) in text
    for entry in (runs / model / "history.jsonl").read_text().splitlines():
        assert f"{json.loads(entry)['bce']:.4f}" in text
    assert f"{metrics['parameters']:,}" in text
    assert "Mean information abundance of the item tables, for the items" in text
    kept = json.loads((runs / model / "config.json").read_text())
    assert kept["data"] in text
    assert ("Each of the 3 experts has 8 outputs" in text) == (model == "crocodile")
    assert ("Covariance of the expert outputs, after 3 steps" in text) == (model == "crocodile")
    assert ("Not shown: shared_bottom has no gates over experts." in text) == (model == "shared_bottom")
    assert ("Mean share on the test rows" in text) == (model != "shared_bottom")
    found = diagnosed(runs / model)["diversity"]
    assert ("reason" in found) or f"all test rows {metrics['overall']['rows']} {shown(found['all_rows'])}" in text
    said = re.search(r"python -m croco_np\.train [^\n<]+", (runs / model / "report.html").read_text())[0]
    assert parse(shlex.split(said)[3:], "train", "").config == Config.from_json(kept["config"])


def diagnosed(run):
    return diagnose(*read_run(run))


def shown(part):
    return " ".join("–" if m["value"] is None else f"{m['value']:.4f}" for m in (part["per_expert"], part["pooled"]))


CONFIGS = [Config(dataset=d, **RECIPES.get(d, {})) for d in ("aliccp", "kuairand", "movielens", "table", "laboratory")]
CONFIGS += [Config(dataset="movielens", **row) for row in ABLATIONS.values()]
CONFIGS += [replace(CONFIGS[3], path="my clicks.csv", label="$c", expert_sizes=(8, 4), drop_duplicates=True, alpha=0.0)]
CONFIGS += [replace(CONFIGS[0], model="star", tower_sizes=(), seed=7, cov_rows=0)]


@pytest.mark.parametrize("config", CONFIGS, ids=command_line)
def test_the_command_line_repeats_the_config(config):
    assert parse(shlex.split(command_line(config))[3:], "train", "").config == config


def test_dead_units_are_counted_and_come_last():
    o = np.random.default_rng(0).standard_normal((50, 2, 3)) * [[1, 0, 2], [3, 1, 0.5]]
    found = {"abundance": [{"value": 1.5}, {"value": 2.5}], "abundance_together": {"value": 3.0}, "rows": 50}
    section = learnt.experts(o, None, found)
    assert [[c[0], c[2]] for c in section.tables[0].rows] == [["expert 1", 1], ["expert 2", 0], ["all side by side", 1]]
    assert "1 of 6 outputs never vary" in section.figures[1].caption
    variances = np.diag(learnt._by_variance(np.diag([1.0, 0, 4, 9, 1, 0.25]), 2))
    assert variances.tolist() == [4, 1, 0, 9, 1, 0.25]


@pytest.mark.parametrize("what", ["folder", "metrics", "broken", "closed"])
def test_errors_are_one_line(what, runs, tmp_path, capsys):
    run, flags = tmp_path / "run", []
    if what != "folder":
        run.mkdir()
        for file in (runs / "ple").iterdir():
            if file.suffix in (".json", ".jsonl", ".safetensors"):
                (run / file.name).write_bytes(file.read_bytes())
    if what == "metrics":
        (run / "metrics.json").unlink()
    if what == "broken":
        (run / "metrics.json").write_text("{")
    if what == "closed":
        flags = ["--out", str(tmp_path / "nowhere" / "page.html")]
    assert main([str(run), *flags]) == 2
    err = capsys.readouterr().err.splitlines()[-1]
    said = {"folder": "no such folder", "metrics": "train it to its end", "broken": "not the results of a run"}
    assert err.startswith("error: ")
    assert said.get(what, "cannot write") in err
