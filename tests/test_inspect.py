"""`python -m croco_np.diagnostics`: a report of any run, and a line on what is not a run."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

sys.path.append(str(Path(__file__).parent / "train"))
from commands import SMALL, make_data

from croco_np.diagnostics import (
    conflicts,
    diversity_index,
    expert_abundance,
    exposures,
    information_abundance,
    report,
    singular_spectrum,
    trained_rows,
)
from croco_np.diagnostics import diversity as diversity_module
from croco_np.diagnostics.__main__ import main, read_run
from croco_np.errors import InputError
from croco_np.gradcheck.cases import SCHEMA, at_blackboard, draw_batch
from croco_np.models import MODELS
from croco_np.runs.folder import RunFolder
from croco_np.train.__main__ import main as train
from croco_np.tree import tree_map

TABS = [f"tab {t}" for t in (0, 1, 2, 4, 6)]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return make_data(tmp_path_factory.mktemp("kuairand"), rows=400)  # conflicts at both levels, few of them


@pytest.fixture(scope="module")
def runs(data, tmp_path_factory):
    """A run of one epoch of a model with experts and gates, of one with gates only, and of one with neither."""
    folder = tmp_path_factory.mktemp("runs")
    for model in ("crocodile", "ple", "shared_bottom"):
        flags = [*SMALL, "--dataset", "kuairand", "--data-dir", data, "--model", model, "--out", folder / model]
        assert train([str(f) for f in (*flags, "--epochs", 1, "--compare-steps", 0)]) == 0
    return folder


def inspect(folder, capsys):
    assert main([str(folder)]) == 0
    return json.loads((folder / "diagnostics.json").read_text()), capsys.readouterr().out


def test_experts_and_gates(runs, capsys):
    found, printed = inspect(runs / "crocodile", capsys)
    assert {k: found[k] for k in ("dataset", "simulated", "model", "seed", "domains")} == {
        "dataset": "kuairand",
        "simulated": False,
        "model": "crocodile",
        "seed": 0,
        "domains": TABS,
    }
    tables, weights = found["item_tables"], load_file(runs / "crocodile" / "model.safetensors")
    predictor, splits, _ = read_run(runs / "crocodile")
    n_users = splits.schema.vocabulary[0]
    assert splits.schema.fields[:2] == ("user_id", "video_id")
    for m, table in enumerate(tables["tables"]):
        rows = weights["embeddings.table"][n_users + 1 : n_users + 10, m]  # nine videos, after the rare ones
        assert table == {"rows": 9, "width": 4, "owner": None, "value": information_abundance(rows).value}
    assert tables["mean"]["value"] == pytest.approx(np.mean([t["value"] for t in tables["tables"]]))
    assert len(tables["by_exposure"]) == 5
    assert list(tables["by_domain"]) == TABS

    test = splits.test
    out, _, at, _ = next(predictor.outputs(test))
    alone, together = expert_abundance(out.experts)
    experts = found["experts"]
    assert experts["rows"] == test.n
    for shown, m in zip(experts["abundance"], alone, strict=True):  # an expert may have died in so short a training
        assert shown == ({"value": None, "reason": m.reason} if m.value is None else {"value": pytest.approx(m.value)})
    assert experts["abundance_together"]["value"] == pytest.approx(together.value, rel=1e-4)
    assert 0 <= experts["mean_abs_correlation"]["value"] <= 1
    dead = (out.experts == out.experts[0]).all(axis=0).sum()
    assert experts["dead_units"] == {"value": dead, "of": 24}
    assert experts["dead_share"] == {"value": dead / 24}
    assert f"{dead}   of 24" in printed
    n_seen = exposures(splits.train, splits.schema, "video_id")
    first = weights["embeddings.table"][n_users : n_users + 10]
    for s, (spectrum, m) in enumerate(zip(found["spectra"].values(), tables["by_domain"].values(), strict=True)):
        seen = trained_rows(n_seen, s)
        right = [singular_spectrum(first[seen, m]).value for m in range(3)]
        assert spectrum["value"] == pytest.approx(np.mean(right, axis=0))
        assert sum(spectrum["value"]) == pytest.approx(m["value"])
    assert list(found["spectra"]) == TABS

    assert list(found["gates"]) == TABS
    for s, m in enumerate(found["gates"].values()):
        mine = out.gates[np.asarray(test.domains)[at] == s]
        assert m["value"] == pytest.approx(mine.mean(axis=(0, 2)), rel=1e-4)

    diversity = found["diversity"]
    assert (diversity["form"], diversity["experts"]) == ("all-forward", 3)
    assert diversity["chance"] == pytest.approx(0.28125)
    assert (diversity["level"], diversity["category"], diversity["finer"]) == ("user and item", None, None)
    norms = norms_of(predictor, splits)
    check_indices(diversity, conflicts(splits), norms, printed)
    every = diversity["all_rows"]
    assert f"all {splits.test.n:,} test rows" in printed
    assert (every["level"], every["rows"]) == ("all test rows", splits.test.n)
    for kind in ("pooled", "per_expert"):  # each row by itself, with its own quartiles
        low, high = (np.quantile(norms, q, None if kind == "pooled" else 0) for q in (0.25, 0.75))
        share = ((norms > high).any(axis=1) & (norms < low).any(axis=1)).mean()
        assert every[kind]["value"] == pytest.approx(share)
    assert "SIMULATED" not in printed


def check_indices(level, found, norms, printed):
    """The indices of a level in a report are those of its conflicts, and the number of conflicts is printed."""
    assert level["level"] == found.level
    assert f"{level['conflict_rows']:,} conflict rows by ({level['level']}" in printed
    for kind in ("pooled", "per_expert"):
        right = diversity_index(norms, found, kind == "pooled")
        assert level[kind]["value"] == pytest.approx(right["overall"]["value"])
        assert [p["rows"] for p in level[kind]["pairs"]] == [len(rows) for rows in found.rows.values()]
        assert level[kind]["rows"] == level["conflict_rows"] > 0


def test_both_levels_where_the_coarse_one_has_more_rows(runs, capsys, monkeypatch):
    monkeypatch.setattr(diversity_module, "MIN_IMPRESSIONS", 1)  # the coarse key of so few rows would find few
    monkeypatch.setattr(diversity_module, "MIN_GAP", 0.0)
    diversity, printed = inspect(runs / "crocodile", capsys)
    diversity = diversity["diversity"]
    predictor, splits, _ = read_run(runs / "crocodile")
    assert (diversity["level"], diversity["category"]) == ("user and category", "author_id")
    check_indices(diversity, conflicts(splits, "author_id"), norms_of(predictor, splits), printed)
    check_indices(diversity["finer"], conflicts(splits), norms_of(predictor, splits), printed)


def test_gates_only(runs, capsys):
    found, printed = inspect(runs / "ple", capsys)
    assert found["experts"] == {"value": None, "reason": "ple has no experts that every row runs through"}
    assert found["experts"]["reason"] in printed
    assert all(sum(m["value"]) == pytest.approx(1, rel=1e-5) for m in found["gates"].values())
    assert (found["diversity"]["form"], found["diversity"]["experts"]) == ("specific-forward", [5, 1])


def test_neither(runs, capsys):
    found, printed = inspect(runs / "shared_bottom", capsys)
    assert len(found["item_tables"]["tables"]) == 1
    for part in ("experts", "gates"):
        assert found[part]["value"] is None
        assert found[part]["reason"] in printed
    assert found["diversity"]["form"] == "specific-forward"


def norms_of(predictor, splits):
    return report._norms(predictor, splits.test, all_forward=True)


@pytest.mark.parametrize("rows", [7, 100])
def test_parts_follow_on_each_other(runs, rows):
    """Rows run through the model in parts; norms come back in the order of the test rows."""
    predictor, splits, _ = read_run(runs / "crocodile")
    small = replace(predictor, block=rows)
    whole, norms = report.experts(*report._sample(predictor, splits), ""), norms_of(predictor, splits)
    shares = report.gates(*report._sample(predictor, splits), TABS, "")
    parts = report.experts(*report._sample(small, splits), "")
    for name, m in report.gates(*report._sample(small, splits), TABS, "").items():
        assert m["value"] == pytest.approx(shares[name]["value"], rel=1e-5)
    assert parts["abundance_together"]["value"] == pytest.approx(whole["abundance_together"]["value"], rel=1e-4)
    np.testing.assert_allclose(norms_of(small, splits), norms, rtol=1e-4, atol=1e-6)
    out, _, at, _ = next(predictor.outputs(splits.test.part(slice(20))))
    np.testing.assert_allclose(norms[at], np.linalg.norm(out.experts, axis=2), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", MODELS)
def test_every_system_has_experts_or_a_stand_in(name):
    rng = np.random.default_rng(0)
    model = at_blackboard(name, expert_sizes=(16, 16), tower_sizes=(16,))  # wide: no layer all zero
    batch = draw_batch(rng)
    params = model.init(rng)
    if name == "star":
        params["norm"]["var"][:] = 1  # as after training; at the start there are no moments, and all rows are alike
    out, _ = model.forward(params, batch)
    assert (out.experts is None) == (model.stand_in is not None)
    if out.experts is None:
        norms = report.of_every_domain(model, params, batch, model.stand_in)
        assert norms.shape[:2] == (len(batch.labels), len(SCHEMA.domains))
        assert norms.any(axis=(0, 2)).all()


def test_the_experts_of_hinet_are_its_mixtures():
    """Five t_j of four domains and the shared one, each a sum of two sub-experts by a softmax."""
    rng = np.random.default_rng(0)
    model, batch = at_blackboard("hinet"), draw_batch(rng)
    out, cache = model.forward(model.init(rng), batch)
    assert out.experts.shape[1] == 10
    g = cache.mixture[0].reshape(-1, 5, 2, 1)
    right = (g * out.experts.reshape(-1, 5, 2, out.experts.shape[2])).sum(axis=2)
    np.testing.assert_allclose(model.compared(out, cache), right, atol=1e-12)
    assert at_blackboard("mmoe").compared(out, None) is out.experts
    with pytest.raises(ValueError, match="see stand_in"):
        at_blackboard("ple").compared(out._replace(experts=None), None)


def test_moved_data(runs, data, tmp_path, capsys):
    moved = tmp_path / "moved"
    moved.symlink_to(data, target_is_directory=True)
    assert main([str(runs / "ple"), "--data-dir", str(moved)]) == 0
    capsys.readouterr()
    assert main([str(runs / "ple"), "--data-dir", str(tmp_path / "none")]) == 2
    assert capsys.readouterr().err == f"error: --data-dir {tmp_path / 'none'}: no such folder\n"


def test_other_data(runs, tmp_path, capsys):
    assert main([str(runs / "ple"), "--data-dir", str(make_data(tmp_path, rows=60))]) == 2
    assert "other columns or vocabularies" in capsys.readouterr().err


def test_not_a_run(tmp_path, capsys):
    for argv, message in (([str(tmp_path)], "no model.safetensors there"), ([], "required: RUN")):
        assert main(argv) == 2
        err = capsys.readouterr().err
        assert err.startswith("error: ")
        assert message in err
        assert err.count("\n") == 1
    (tmp_path / "model.safetensors").write_bytes(b"nothing")
    assert main([str(tmp_path)]) == 2
    assert "not a whole checkpoint" in capsys.readouterr().err


def test_a_report_that_cannot_be_kept_is_shown(runs, capsys, monkeypatch):
    def write(self, name, text):
        raise InputError(f"{name}: cannot write (Read-only file system)")

    monkeypatch.setattr(RunFolder, "write", write)
    assert main([str(runs / "crocodile")]) == 2
    out, err = capsys.readouterr()
    assert "Diversity" in out or "diversity" in out
    assert err == "error: diagnostics.json: cannot write (Read-only file system)\n"


@pytest.mark.parametrize("value", [np.nan, 1e30])
def test_weights_that_are_no_use_are_refused(value, runs):
    """NaN, and weights so large that outputs are infinite."""
    predictor, splits, config = read_run(runs / "crocodile")
    params = tree_map(lambda w: np.full_like(w, value), predictor.params)
    with pytest.raises(InputError, match="training diverged"), np.errstate(all="ignore"):
        report.diagnose(replace(predictor, params=params), splits, config)
