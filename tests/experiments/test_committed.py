"""The results in the repository are what their CSV files say, and each run says where it comes from."""

import json
import re

import pandas as pd
import pytest

from tutorials.publish import results

FOLDERS = [about.parent for about in results.folders()]
PROVENANCE = {"settings", "fingerprint", "versions", "key", "run_seed"}


def named(folder):
    return str(folder.relative_to(results.ROOT))


def test_there_are_results():
    assert len(FOLDERS) >= 26


@pytest.mark.parametrize("folder", FOLDERS, ids=named)
def test_the_tables_are_those_of_the_csv_files(folder):
    assert (folder / "results.md").read_text(encoding="utf-8") == results.page(named(folder))


@pytest.mark.parametrize("name", results.PAGES)
def test_the_tables_of_a_page_are_those_of_the_csv_files(name):
    text = (results.ROOT / name).read_text(encoding="utf-8")
    assert results.filled(text) == text


def test_the_figures_of_the_readme_are_those_of_the_csv_file():
    frame = pd.read_csv(results.ROOT / "results" / "kuairand" / "table2" / "runs.csv")
    means = frame[frame["system"] == "crocodile"][["auc", "gauc"]].mean()
    said = re.search(r"Crocodile has test AUC (0\.\d+) and gAUC (0\.\d+)", (results.ROOT / "README.md").read_text())
    assert said.groups() == (f"{means['auc']:.4f}", f"{means['gauc']:.4f}")


def test_a_page_has_such_tables():
    assert len(results.BLOCK.findall((results.ROOT / results.PAGES[1]).read_text(encoding="utf-8"))) >= 6


@pytest.mark.parametrize("folder", FOLDERS, ids=named)
def test_every_run_says_where_it_comes_from(folder):
    """Settings, fingerprint of the data, versions and seed stand in each row of a frame of runs."""
    about = json.loads((folder / "about.json").read_text())
    for name in ("runs", "losses", "cells"):
        if name in about["frames"]:
            frame = pd.read_csv(folder / f"{name}.csv")
            assert set(frame.columns) >= PROVENANCE
            assert not frame[list(PROVENANCE)].isna().any().any()
            assert all(json.loads(text)["dataset"] == about["dataset"] for text in frame["settings"])


@pytest.mark.parametrize("folder", FOLDERS, ids=named)
def test_every_file_is_named_by_the_results(folder):
    about = json.loads((folder / "about.json").read_text())
    text = (folder / "results.md").read_text(encoding="utf-8")
    figures = {path.name for path in folder.glob("*.svg")}
    assert {path.name for path in folder.glob("*.csv")} == {f"{name}.csv" for name in about["frames"]}
    assert all(name in text for name in figures)
    assert text.count("](figure-") == len(figures)
