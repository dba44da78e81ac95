"""CONTRIBUTING's recipes are complete: followed to the letter in a copy of the package, each ends in success."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text()
THINGS = ("layer", "loss", "system", "data set")
FENCE = re.compile(r"^```(python|diff|sh)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Recipe(NamedTuple):
    """How to add a thing: new files, changes of files that are there, and commands that check it."""

    files: list[tuple[str, str]]
    changes: list[tuple[str, str, str]]
    commands: list[str]


def recipe(thing):
    """The blocks below "Add a ...". A Python block is a file, whose name ends the text before it, as in `a/b.py`:"""
    section = re.search(rf"^## Add a {thing}\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL)[1]
    found = Recipe([], [], [])
    for block in FENCE.finditer(section):
        language, body = block.groups()
        if language == "python":
            found.files.append((re.search(r"`([\w/]+\.py)`:\s*$", section[: block.start()])[1], body))
        elif language == "diff":
            found.changes.append(change(body))
        else:
            found.commands.extend(body.splitlines())
    return found


def change(diff):
    """A diff of one place -> file, lines as they are, lines as they shall be."""
    head, *lines = diff.splitlines(keepends=True)
    before = "".join(line[1:] for line in lines if line[0] in " -")
    return head.removeprefix("+++ ").strip(), before, "".join(line[1:] for line in lines if line[0] in " +")


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A copy of the package and of its tests in which all four recipes were followed, and small data."""
    folder = tmp_path_factory.mktemp("copy")
    for name in ("croco_np", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    for thing in THINGS:
        followed = recipe(thing)
        for name, text in followed.files:
            assert not (folder / name).exists()
            (folder / name).write_text(text)
        for name, before, after in followed.changes:
            text = (folder / name).read_text()
            assert text.count(before) == 1, f"{thing}: the place in {name} is not there, or not the only one:\n{before}"
            (folder / name).write_text(text.replace(before, after))
    write_data(folder)
    return folder


def write_data(folder):
    """Clicks and ratings with something to learn."""
    n, rng = 3000, np.random.default_rng(0)
    user, item, tab, day = (rng.integers(size, size=n) for size in (20, 15, 3, 30))
    liked = rng.random(n) < 0.2 + 0.6 * (user % 3 == item % 3)
    clicks = {"uid": user, "iid": item, "tab": np.array(["a", "b", "c"])[tab], "click": liked.astype(int)}
    pd.DataFrame(clicks).to_csv(folder / "clicks.csv", index=False)
    (folder / "data" / "books").mkdir(parents=True)
    ratings = {"reader": user, "book": item, "country": clicks["tab"], "stars": 1 + 3 * liked, "day": day}
    pd.DataFrame(ratings).to_csv(folder / "data" / "books" / "ratings.csv", index=False)


def run(command, folder):
    """A command of a recipe, on the NumPy definitions: nothing is compiled."""
    first, *flags = shlex.split(command)
    words = [sys.executable, *(["-m", "pytest"] if first == "pytest" else []), *flags]
    environment = os.environ | {"PYTHONPATH": str(folder), "CROCO_NP_KERNELS": "numpy"}
    return subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.parametrize("thing", THINGS)
def test_a_recipe_has_all_parts(thing):
    followed = recipe(thing)
    assert followed.files
    assert followed.changes
    assert followed.commands


@pytest.mark.parametrize(("thing", "command"), [(thing, line) for thing in THINGS for line in recipe(thing).commands])
def test_a_command_of_a_recipe_succeeds(copy, thing, command):
    done = run(command, copy)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("file", "right", "wrong", "command"),
    [
        ("layers/gain.py", 'c.p["a"] * dy,', "dy,", "pytest -x tests/layers/test_laws.py"),
        ("losses/energy.py", "return (o * do).sum() / 2", "return (o * do).sum()", "gradcheck --loss energy"),
        ("models/logistic.py", "d.logits[:, None]", "2 * d.logits[:, None]", "gradcheck --model logistic"),
    ],
)
def test_a_mistake_in_it_is_found(copy, file, right, wrong, command):
    path = copy / "croco_np" / file
    text = path.read_text()
    assert text.count(right) == 1
    try:
        path.write_text(text.replace(right, wrong))
        done = run(command if command.startswith("pytest") else f"python -m croco_np.{command}", copy)
    finally:
        path.write_text(text)
    assert done.returncode == 1
    assert re.search("WRONG|wrong|FAILED", done.stdout)


def test_what_a_recipe_adds_is_known(copy):
    said = run("python -m croco_np.train --help", copy).stdout
    assert all(word in said for word in ("books", "logistic", "energy"))
    metrics = sorted((copy / "runs").glob("*/metrics.json"))
    assert [path.parent.name for path in metrics] == ["books-crocodile-seed0", "table-logistic-seed0"]
