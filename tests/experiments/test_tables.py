"""Tables and figures of fabricated runs: what is claimed was planted, and what is missing is a dash."""

import re
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure as MatplotlibFigure

from croco_np.config import Config
from croco_np.experiments import alpha, complexity, covloss, forms, losses, phase, sampling, sets, systems
from croco_np.experiments.ablation import ROWS
from croco_np.experiments.catalogue import EXPERIMENTS
from croco_np.experiments.compare import compare, in_words
from croco_np.experiments.experiment import Experiment, Results
from croco_np.experiments.figures import SHOWN
from croco_np.experiments.frames import runs_frame
from croco_np.experiments.page import markdown, markdown_table, page, read_frames, write_frames, write_results
from croco_np.report import Cell, Section, Table

DOMAINS = ("0", "1", "NA")  # numbers, as KuaiRand's tabs are, and a name that a reader of CSV may take for a gap
SEEDS = (0, 1, 2)
CONFIG = Config(dataset="laboratory").json()
OURS, THE_OTHERS = 0.72, 0.70  # AUC


def record(seed, auc, row=0):
    """The record of a run: its AUC with a little noise of its own in every domain and over all."""
    noise = 1e-4 * np.random.default_rng([seed, row]).standard_normal(4)
    value = {"value": 3.0 + noise[0]}
    experts = dict.fromkeys(("mean_abundance", "mean_abs_covariance", "mean_abs_correlation", "dead_share"), value)
    return {
        "key": f"key {seed} {row}",
        "config": CONFIG | {"seed": seed},
        "fingerprint": "f",
        "versions": {"numpy": "2"},
        "test": {
            "overall": {"auc": auc + noise[0], "gauc": auc - 0.1 + noise[1], "logloss": 0.6, "regret": 0.8 - auc},
            "domains": {d: {"auc": auc + e, "gauc": auc - 0.1 + e} for d, e in zip(DOMAINS, noise[1:], strict=True)},
        },
        "valid": {"auc": auc},
        "best_epoch": 1,
        "parameters": 100,
        "seconds": 1.0,
        "learnt": {
            "item_tables": {"mean": value, "by_domain": dict.fromkeys(DOMAINS, value)},
            "experts": experts,
            "diversity": {"chance": 0.5, "per_expert": value, "all_rows": {"per_expert": value}, "conflict_rows": 9},
        },
    }


def runs(rows, seeds=SEEDS, best="crocodile"):
    """{title: labels} -> frame of runs, the best row planted."""
    return runs_frame(
        (labels | {"seed": seed}, record(seed, OURS if title == best else THE_OTHERS, i))
        for i, (title, labels) in enumerate(rows.items())
        for seed in seeds
    )


def tuning(labels, **settings):
    """What was tried: two settings of each row."""
    tried = [{"label": x, "lr": lr, "l2": 1e-6, "seeds": 1, "valid_auc": 0.7, "chosen": lr == 1e-3} for x in labels
             for lr in (5e-4, 1e-3)]  # fmt: skip
    return pd.DataFrame(tried).assign(**settings)


def of_systems(seeds):
    rows = {s: {"system": s} for s in systems.SYSTEMS}
    users = pd.DataFrame({"system": "ple", "difference": [0.01], "low": [0.0], "high": [0.02], "p": [0.04]})
    return {"runs": runs(rows, seeds), "tuning": tuning(rows), "bootstrap": users}


def of_losses(seeds):
    rows = {x: {"loss": x} for x in losses.NAMES}
    return {"runs": runs(rows, seeds, "covariance"), "tuning": tuning(rows, alpha=np.nan)}


def of_ablation(seeds):
    return {"runs": runs({s: {"system": s} for s in ROWS}, seeds), "tuning": tuning(ROWS)}


def of_sets(seeds):
    rows = {(s, n): {"row": f"{s} {n}", "system": s, "tables": n} for s in sets.SYSTEMS for n in (2, 5)}
    return {"runs": runs(rows, seeds), "tuning": tuning(sets.SYSTEMS)}


def of_alpha(seeds):
    return {"runs": runs({a: {"alpha": a} for a in (0.0, 0.1, 1.0)}, seeds, 0.1), "tuning": tuning(["crocodile"])}


def of_sampling(seeds):
    draws = [{"alpha": a, "many": 1.0, "rows": n, "draw": i, "value": 1 + (i % 5) / n} for a in (0.0, 0.1)
             for n in (32, 64, 4096) for i in range(20)]  # fmt: skip
    rows = {n: {"rows": n} for n in sampling.TRAINED_ON}
    return {"draws": pd.DataFrame(draws), "runs": runs(rows, seeds, 0), "tuning": tuning(["crocodile"])}


def of_figure1(seeds):
    return of_systems(seeds) | {"domains": pd.DataFrame({"domain": DOMAINS, "rows": [30, 20, 10]})}


def of_figure2(seeds):
    about = [{"system": s, "seed": seed, "epoch": e, "where": w, "of": "items" if g else "experts", "group": g,
              "ia": 2.0 + e} for s in SHOWN for seed in seeds for e in (1, 2) for w in ("all", "smallest")
             for g in range(6)]  # fmt: skip
    return {"during": pd.DataFrame(about)}


def of_figure4(seeds):
    about = [{"system": s, "domain": d, "rank": r, "mean": 1 / r, "std": 0.1, "count": len(seeds)} for s in SHOWN
             for d in DOMAINS for r in (1, 2, 3)]  # fmt: skip
    return {"spectra": pd.DataFrame(about)}


def of_figure5(seeds):
    return {"runs": of_systems(seeds)["runs"], "losses": of_losses(seeds)["runs"]}


def of_data(seeds):
    counts = {c: [30, 20, 10, 60] for c in ("train", "valid", "test", "rows", "users", "items")}
    return {"domains": pd.DataFrame({"domain": [*DOMAINS, "all"], **counts, "click_rate": [0.5, 0.25, np.nan, 0.4]})}


def of_complexity(seeds):
    sizes = [complexity.BASE | {"swept": k, k: v} for k, values in complexity.SWEPT.items() for v in values]
    rows = [s | {"part": p, "products": s["N"] * s["d"] * s["M"], "seconds": 1e-9 * s["N"] * s["d"]} for s in sizes
            for p in complexity.PARTS]  # fmt: skip
    return {"costs": pd.DataFrame(rows)}


def of_phase(seeds):
    """Crocodile has a lower regret than the others in full conflict, and only there."""
    rng = np.random.default_rng(0)
    places = [(s, c, t, seed) for s in phase.NAMES for c in (0.0, 1.0) for t in (0.25, 0.01) for seed in seeds]
    frame = pd.DataFrame(places, columns=["system", "conflict", "tail", "seed"]).assign(valid_auc=0.7)
    frame["regret"], frame["regret_tail"] = 0.1 + 1e-4 * rng.standard_normal((2, len(frame)))
    frame.loc[(frame["system"] == "crocodile") & (frame["conflict"] == 1), "regret"] -= 0.05
    return {"cells": frame, "tuning": tuning(["mmoe; conflict 0, tail 0.25"], alpha=np.nan)}


def of_forms(seeds):
    return {"runs": runs({row: {"row": row} for row in forms.ROWS}, seeds, "pepnet")}


def of_covloss(seeds):
    """CovLoss lowers regret where domains agree, without l2, and only there."""
    rng = np.random.default_rng(0)
    places = [(c, l2, a, s) for c in covloss.CONFLICTS for l2 in covloss.L2 for a in covloss.ALPHA for s in seeds]
    frame = pd.DataFrame(places, columns=["conflict", "l2", "alpha", "seed"])
    frame["regret"], frame["regret_tail"] = 0.1 + 1e-4 * rng.standard_normal((2, len(frame)))
    frame.loc[(frame["conflict"] == 0) & (frame["l2"] == 0) & (frame["alpha"] == 5e-4), "regret"] -= 0.05
    return {"cells": frame}


FRAMES = {
    "table1": of_data,
    "table2": of_systems,
    "table3": of_systems,
    "table4": of_losses,
    "table5": of_ablation,
    "table6": of_sets,
    "figure1": of_figure1,
    "figure2": of_figure2,
    "figure4": of_figure4,
    "figure5": of_figure5,
    "alpha": of_alpha,
    "complexity": of_complexity,
    "sampling": of_sampling,
    "phase": of_phase,
    "forms": of_forms,
    "covloss": of_covloss,
}
LABELS = {
    "table2": "system",
    "table4": "loss",
    "table5": "system",
    "table6": "row",
    "figure1": "system",
    "figure5": "system",
    "alpha": "alpha",
    "sampling": "rows",
    "phase": "system",
    "forms": "row",
    "covloss": "alpha",
}
REFERENCES = {
    "table4": "none",
    "table6": "crocodile 5",
    "alpha": 0.0,
    "sampling": 0,
    "phase": "me_peg",
    "forms": "pepnet",
    "covloss": 0.0,
}


def about(name, dataset="laboratory", rows=2000):
    told = f"{dataset}, {rows:,} rows"
    return {"experiment": name, "dataset": dataset, "data": told, "rows": rows, "seeds": 3, "simulated": False,
            "budget": "small", "command": f"python -m croco_np.experiments {name}", "versions": {}}  # fmt: skip


def presented(name, folder, frames=None, seeds=SEEDS, **of):
    """The sections of an experiment, of frames that have been in CSV files."""
    write_frames(folder, Results(frames or FRAMES[name](seeds), about(name, **of)))
    return EXPERIMENTS[name].present(read_frames(folder))


def write_sections(folder, title, sections):
    """The files of sections, as the command writes them -> their names."""
    experiment = Experiment(title, "", "", dict, lambda results: sections)
    return write_results(folder, experiment, Results({}, about("table2")))


def texts(sections):
    return "\n".join(p for section in sections for p in section.paragraphs())


def cells(table):
    """{first cell of a row: texts of its other cells}"""
    return {row[0]["text"]: [cell["text"] for cell in row[1:]] for row in table.shown()}


def assert_tables_are_well_formed(text):
    """The lines of each Markdown table have as many cells as its head."""
    tables = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    assert tables
    for table in tables:
        counts = [len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()]
        assert set(counts) == {counts[0]}
        assert set(table.splitlines()[1]) <= set("|-: ")


@pytest.fixture
def unrendered(monkeypatch):
    """Pictures are drawn on, and saved as empty ones: `test_files_of_an_experiment` has rendered them all."""
    empty = '<svg width="1pt" height="1pt"></svg>'
    monkeypatch.setattr(MatplotlibFigure, "savefig", lambda figure, file, **settings: file.write(empty))


def test_every_experiment_is_here():
    assert FRAMES.keys() == EXPERIMENTS.keys()


@pytest.mark.parametrize("name", FRAMES)
def test_files_of_an_experiment(name, tmp_path):
    sections = presented(name, tmp_path)
    names = write_sections(tmp_path, EXPERIMENTS[name].title, sections)
    text = (tmp_path / "results.md").read_text()
    assert_tables_are_well_formed(text)
    assert not re.search(r"\bnan\b|\binf\b", text)
    pictures = [path for path in names if path.endswith(".svg")]
    assert len(pictures) == sum(len(section.figures) for section in sections)
    for picture in pictures:
        assert picture in text
        svg = (tmp_path / picture).read_text(encoding="utf-8")
        assert ElementTree.fromstring(svg.encode()).tag == "{http://www.w3.org/2000/svg}svg"
        assert "var(" not in svg
        assert "currentColor" not in svg
    assert "<table" in page(EXPERIMENTS[name].title, sections, about(name)).html()


@pytest.mark.usefixtures("unrendered")
@pytest.mark.parametrize("name", FRAMES)
def test_one_seed_is_not_tested(name, tmp_path):
    sections = presented(name, tmp_path, seeds=(0,))
    shown = [cell["text"] for section in sections for table in section.tables for row in table.shown() for cell in row]
    assert not any(text.endswith("*") for text in shown)
    assert not any(re.search(r"\bnan\b", text) for text in [*shown, texts(sections)])


@pytest.mark.usefixtures("unrendered")
@pytest.mark.parametrize(
    ("name", "claims"), [("table2", 1), ("table5", 1), ("figure1", 0), ("figure5", 2), ("phase", 4)]
)
def test_what_was_not_tested_is_not_said_to_be_equal(name, claims, tmp_path):
    """ "Found in 0 of 44" would be read as evidence that there is nothing."""
    said = texts(presented(name, tmp_path, seeds=(0,)))
    assert said.count("Nothing was tested: that needs two seeds with different results.") == claims
    assert "not different" not in said
    assert "no difference found" not in said
    assert (name == "figure1") == ("its table of 0: not tested" in said)
    assert "tested:" not in texts(presented(name, tmp_path, seeds=SEEDS)).replace("No test", "")


def test_rows_that_could_not_be_tested_are_counted_apart():
    frame = runs({s: {"system": s} for s in ("mmoe", "ple", "crocodile")})
    frame.loc[frame["system"] == "ple", "auc"] = np.nan
    said = in_words(compare(frame, "system", ["mmoe", "ple", "crocodile"], "crocodile", "auc"), {}, "AUC")
    assert said.endswith("below crocodile: mmoe; 1 of 2 could not be tested.")


def test_users_of_one_class_give_dashes(tmp_path):
    nothing = pd.DataFrame({"system": ["ple"], "difference": np.nan, "low": np.nan, "high": np.nan, "p": np.nan})
    sections = presented("table2", tmp_path, of_systems(SEEDS) | {"bootstrap": nothing})
    (table,) = next(section.tables for section in sections if section.title == "One seed, other users")
    assert cells(table) == {"PLE": ["–"] * 3}


def test_the_lowest_regret_stands_out(tmp_path):
    sections = presented("table2", tmp_path)
    table = next(t for t in sections[0].tables if t.caption.startswith("Regret"))
    assert [row[0]["text"] for row in table.shown() if row[1]["strong"]] == ["Crocodile"]


def test_a_test_that_fails_everywhere_holds_nowhere(tmp_path):
    frames = of_sampling(SEEDS)
    frames["draws"].loc[frames["draws"]["rows"] == 32, "value"] += 1
    said = texts(presented("sampling", tmp_path, frames))
    assert "6 draws of 32 rows that fails at every alpha here." in said


def test_losses_try_alphas_on_top_of_the_base(tmp_path):
    said = texts(presented("table4", tmp_path))
    assert "every loss keeps those and tries equally many alphas; the mean validation AUC" in said
    assert "Every row may try equally many settings" not in said


def test_undecided_systems_are_told_apart(tmp_path):
    """Names have commas of their own: "MMoE, one wide table"."""
    frames = of_phase(SEEDS)
    shown = [row[2]["text"] for row in phase.present(Results(frames, {}))[0].tables[0].shown()]
    assert any(text.startswith("not decided: ") for text in shown)
    assert all(" or " in text for text in shown if text.startswith("not decided: "))


@pytest.mark.usefixtures("unrendered")
@pytest.mark.parametrize("name", FRAMES)
def test_what_a_column_means_is_said(name, tmp_path):
    """Each measure is a family of tests by itself, so nothing holds "over the table" of two."""
    sections = presented(name, tmp_path)
    tables = [table for section in sections for table in section.tables if "could have shown" in table.head]
    assert all(
        "by Holm over the rows;" in table.caption and "“Could have shown”: " in table.caption for table in tables
    )
    assert "Holm over the table" not in texts(sections)


@pytest.mark.usefixtures("unrendered")
def test_a_domain_of_one_item_has_no_smallest_singular_value(tmp_path):
    """Its only one is the largest, too: 1 would pass for a spectrum without collapse."""
    frame = of_figure4(SEEDS)["spectra"]
    frame = frame[(frame["domain"] != "NA") | (frame["rank"] == 1)]
    (section,) = presented("figure4", tmp_path, {"spectra": frame})
    assert cells(section.tables[0])["STEM"] == ["0.33", "0.33", "–"]


def test_no_star_without_runs():
    said = star_of([np.nan, np.nan], [np.nan, np.nan])
    assert " AUC: Crocodile earns no star (the best other, MMoE, minus Crocodile: –, not tested)" in said
    frame = pd.DataFrame({"system": ["mmoe", "crocodile"], "seed": 0, "auc": np.nan})
    compared = [systems.compare(frame, "system", ["mmoe", "crocodile"], "crocodile", "auc")]
    assert systems.star(compared) == "No star: there are no runs to compare."


def without(frame, lost):
    """The frame when these runs have failed: their labels are there, and no number."""
    labels = [
        c for c in ("row", "system", "loss", "tables", "rows", "alpha", "l2", "conflict", "tail", "seed") if c in frame
    ]
    return frame[labels].join(frame[~lost].drop(columns=labels))


@pytest.mark.usefixtures("unrendered")
@pytest.mark.parametrize("name", LABELS)
@pytest.mark.parametrize("which", ["some", "the reference", "everything"])
def test_failed_runs(name, which, tmp_path):
    frames, label = FRAMES[name](SEEDS), LABELS[name]
    main = "cells" if name in ("phase", "covloss") else "runs"
    frame, reference = frames[main], REFERENCES.get(name, "crocodile")
    first, second = [x for x in dict.fromkeys(frame[label]) if x != reference][:2]
    lost = {
        "some": (frame[label] == first) | ((frame[label] == second) & (frame["seed"] == 1)),
        "the reference": frame[label] == reference,
        "everything": frame["seed"] >= 0,
    }[which]
    write_sections(tmp_path, "Title", presented(name, tmp_path, frames | {main: without(frame, lost)}))
    text = (tmp_path / "results.md").read_text()
    assert not re.search(r"\bnan\b", text)
    assert "–" in text or name == "figure5"  # which shows the rows that have an index


def test_a_system_of_which_all_runs_failed_has_a_row_of_dashes(tmp_path):
    frames = FRAMES["table2"](SEEDS)
    frames["runs"] = without(frames["runs"], frames["runs"]["system"] == "stem")
    table = presented("table2", tmp_path, frames)[0].tables[0]
    assert set(cells(table)["STEM"]) == {"–"}
    assert "–" not in cells(table)["PLE"]


def test_covloss_helps_where_that_is_planted_and_nowhere_else(tmp_path):
    agree, half, _ = presented("covloss", tmp_path)
    assert "lowers regret significantly in 1 of 6 pairs" in agree.paragraphs()[0]
    assert "at l2 0, alpha 0.0005" in agree.paragraphs()[0]
    assert all("lowers regret significantly in 0 of 6" in said for said in half.paragraphs())


def test_a_failed_run_has_its_labels_in_the_frame():
    frame = runs_frame([({"system": "ple", "seed": 0}, None), ({"system": "ple", "seed": 1}, record(1, 0.7))])
    assert frame[["system", "seed"]].to_numpy().tolist() == [["ple", 0], ["ple", 1]]
    assert frame.drop(columns=["system", "seed"]).isna().all(axis=1).tolist() == [True, False]


@pytest.mark.usefixtures("unrendered")
@pytest.mark.parametrize("name", [name for name in LABELS if name not in ("phase", "covloss")])
def test_undefined_measures(name, tmp_path):
    """A domain of one class has no AUC, small data no gAUC, and systems without experts nothing to look into."""
    frames = FRAMES[name](SEEDS)
    empty = ["gauc", "auc NA", "ia NA", "di", "di_all_rows", "di_chance", "expert_ia", "dead"]
    for key in ("runs", "losses"):
        if key in frames:
            frames[key] = frames[key].assign(**dict.fromkeys(empty, None))
    sections = presented(name, tmp_path, frames)
    write_sections(tmp_path, "Title", sections)
    assert not re.search(r"\bnan\b", (tmp_path / "results.md").read_text())


def test_frames_come_back_from_their_files(tmp_path):
    write_frames(tmp_path, Results(of_data(SEEDS), about("table1")))
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in tmp_path.iterdir()}
    results = read_frames(tmp_path)
    pd.testing.assert_frame_equal(results.frames["domains"], of_data(SEEDS)["domains"])
    write_frames(tmp_path, Results(results.frames, about("table1")))
    assert {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in tmp_path.iterdir()} == before


def star_of(ours, others):
    """What `star` says of Crocodile and two other systems with these AUC, seed by seed."""
    values = {"crocodile": ours, "ple": others, "mmoe": [0.5] * len(ours)}
    frame = pd.DataFrame(
        [{"system": s, "seed": i, "auc": v, "gauc": v} for s, vs in values.items() for i, v in enumerate(vs)]
    )
    return systems.star([systems.compare(frame, "system", list(values), "crocodile", m) for m in ("auc", "gauc")])


def test_a_star_is_earned():
    said = star_of([0.7200, 0.7211, 0.7190], [0.7100, 0.7110, 0.7091])
    assert " AUC: Crocodile earns a star (the best other, PLE, minus Crocodile: -100.0e-4, p = " in said
    assert "gAUC: Crocodile earns a star" in said


@pytest.mark.parametrize(
    ("ours", "others"),
    [
        ([0.72, 0.74, 0.70], [0.71, 0.70, 0.73]),  # better in the mean, by chance
        ([0.7100, 0.7110, 0.7091], [0.7200, 0.7211, 0.7190]),  # significantly worse
        ([0.72], [0.71]),  # one seed
        ([0.72, 0.72, np.nan], [0.71, np.nan, 0.71]),  # one pair
    ],
)
def test_a_star_is_not_earned(ours, others):
    said = star_of(ours, others)
    assert "earns a star" not in said
    assert said.count("earns no star") == 2
    assert len(ours) > 1 or "not tested" in said


def test_negative_transfer_is_found_where_it_was_planted():
    rows = {s: {"system": s} for s in ("single_domain", "mmoe", "crocodile")}
    frame = runs(rows)
    frame.loc[frame["system"] == "mmoe", "auc 1"] -= 0.02
    (section,) = systems.negative_transfer(frame, list(rows))
    assert "Negative transfer is found in 1 of them: MMoE in 1; a gain in 3." in section.text
    found = cells(section.tables[0])
    assert [text.endswith("*") for text in found["MMoE"]] == [False, True, False]
    assert all(re.fullmatch(r"\+(19|20)\d\.\d ± .* \*", text) for text in found["Crocodile"])


def test_no_negative_transfer_without_models_of_one_domain():
    frame = runs({s: {"system": s} for s in ("mmoe", "crocodile")})
    assert systems.negative_transfer(frame, ["mmoe", "crocodile"]) == []


@pytest.mark.usefixtures("unrendered")
@pytest.mark.parametrize("name", ["table2", "table6", "alpha"])
def test_the_papers_numbers_stand_beside_its_own_data_only(name, tmp_path):
    """0.66373 is its gAUC of Crocodile on KuaiRand-1K, 11.6 million rows."""
    other = presented(name, tmp_path / "other", dataset="kuairand", rows=1_400_000)
    write_sections(tmp_path / "other", "Title", other)
    text = (tmp_path / "other" / "results.md").read_text()
    assert "Another data set than the paper's (kuairand, 1,400,000 rows)" in text
    assert "0.66373" not in text
    same = presented(name, tmp_path / "same", dataset="kuairand", rows=11_700_000)
    write_sections(tmp_path / "same", "Title", same)
    text = (tmp_path / "same" / "results.md").read_text()
    assert "The data are the paper's" in text
    assert "Another data set" not in text
    assert ("0.66373" in text) == (name != "alpha")


def test_a_table_in_markdown():
    table = Table("Caption.", ["name", "a|b"], [["x|y", 1.5], ["two\nlines", Cell(None)]], ["", ".2f"])
    lines = markdown_table(table).splitlines()
    assert lines == [r"| name | a\|b |", "| --- | ---: |", r"| x\|y | 1.50 |", "| two lines | – |"]


def test_names_of_domains_are_no_markup():
    names = ["<b>x</b>", "$x$", r"a\|b", "p < 0.05"]
    table = Table("Caption.", ["name"], [[name] for name in names])
    assert markdown_table(table).splitlines()[2:] == [
        r"| \<b>x\</b> |",
        r"| \$x\$ |",
        r"| a\\\|b |",
        "| p < 0.05 |",
    ]
    text = markdown("Title", "Lead.", [Section("Section", "Harmed: <script>.", [table])])
    assert "Harmed: \\<script>." in text


def test_the_phase_diagram_names_the_planted_cells(tmp_path):
    said = texts(presented("phase", tmp_path))
    assert "CovLoss lowers regret significantly in 2 of 4 cells, raises it in 0" in said
    assert "(conflict 1, tail" in said


def test_tail_shares_are_sorted_as_numbers(tmp_path):
    for section in presented("phase", tmp_path):
        for table in section.tables:
            if "tail share" in table.head:
                at = table.head.index("tail share")
                assert {row[at]["key"] for row in table.shown()} == {"0.01", "0.25"}
                assert {row[at]["text"] for row in table.shown()} == {"1.0%", "25.0%"}


def test_one_conflict_is_no_range(tmp_path):
    said = texts(presented("phase", tmp_path))
    assert "better in 2 (conflict 1, " in said


def test_cells_that_share_a_seed_are_no_sample():
    """What a seed does to all of its cells widens the interval; cells that agree do not narrow it."""
    places = [(s, t, seed) for s in ("me_peg", "crocodile") for t in (0.25, 0.1, 0.01) for seed in SEEDS]
    frame = pd.DataFrame(places, columns=["system", "tail", "seed"]).assign(conflict=0.5, regret=0.1)
    of_seed = frame["seed"].map({0: 0.01, 1: -0.01, 2: 0.03})
    frame.loc[frame["system"] == "crocodile", "regret"] += of_seed
    found = phase.over_tails(frame, "regret")[0.5]
    assert found.n == len(SEEDS)
    np.testing.assert_allclose([found.mean, found.half], [0.01, 4.3026527 * 0.02 / np.sqrt(3)], rtol=1e-6)
    frame.loc[0, "regret"] = np.nan
    assert phase.over_tails(frame, "regret")[0.5].n == len(SEEDS) - 1


def test_alpha_may_be_whole(tmp_path):
    """A CSV file has 0 for 0.0."""
    frames = {"runs": runs({a: {"alpha": a} for a in (0.0, 1.0, 10.0)}), "tuning": tuning(["crocodile"])}
    assert list(cells(presented("alpha", tmp_path, frames)[0].tables[0])) == ["0", "1", "10"]


def test_alpha_is_shown_in_every_row(tmp_path):
    assert list(cells(presented("alpha", tmp_path)[0].tables[0])) == ["0", "0.1", "1"]
    assert alpha.REFERENCE == 0
