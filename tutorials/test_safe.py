"""Answers are safe: from the builder, from a newer version of a lesson, and from `learn` called again."""

import resource
import shutil
import subprocess

import nbformat
import pytest
from conftest import FOLDER

from croco_np.errors import InputError
from croco_np.learn import copies
from croco_np.learn.lessons import lessons
from croco_np.teaching import notebook as nb
from tutorials.publish import notebooks
from tutorials.publish.__main__ import main
from tutorials.publish.lessons import BEGIN, END

LESSON = """\
# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 3. Mix experts
#
# **What you will do.** Mix by Eq. (8).
#
# **What you will learn.** Much.
#
# **What you need.** NumPy.
#
# **Equations:** Eq. (8)

# %%
import time

from croco_np.teaching import grade

print(f"{1 / 3 + 1e-12 * (time.time() % 1):.6f}")

# %% tags=["varies"]
print(time.time())


# %%
def answer(g, dg):
    raise NotImplementedError


grade("3.1", answer)
"""
SOLVED = 'def answer(g, dg):\n    return g * (dg - (g * dg).sum(axis=1, keepdims=True))\n\n\ngrade("3.1", answer)'


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A repository of one lesson, built."""
    tutorials = tmp_path_factory.mktemp("built") / "tutorials"
    tutorials.mkdir()
    (tutorials / "03_mix.py").write_text(LESSON)
    (tutorials / "index.md").write_text(f"# Tutorials\n\n{BEGIN}\n{END}\n")
    assert build(tutorials, "--notebooks-only") == 0
    return tutorials.parent


@pytest.fixture
def repository(built, tmp_path, monkeypatch):
    """A copy of it to work in."""
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))
    return shutil.copytree(built, tmp_path / "repository")


def build(tutorials, *flags):
    return main(["--tutorials", str(tutorials), "--out", str(tutorials.parents[1] / "site"), *flags])


def solve(path):
    """Write the answer into the last cell, and run the notebook, as a learner does."""
    import jupytext

    notebook = notebooks.load(path)
    notebook.cells[-1].source = SOLVED
    script = path.with_name("90_run.py")
    jupytext.write(notebook, script, fmt="py:percent")
    ran = notebooks.execute(script)
    script.unlink()
    for cell, done in zip(notebook.cells, ran.cells, strict=True):
        if cell.cell_type == "code":
            cell.outputs = done.outputs
    nbformat.write(notebook, path)
    assert nb.solved(nb.read(path)) == {"3.1"}


def test_an_answer_outlives_the_site_and_a_newer_version(repository):
    """Solve an exercise, build the site, pull a newer version, run learn again: the answer is still there."""
    tutorials, folder = repository / "tutorials", repository / "learning"
    copies.lay(lessons(repository), folder)
    solve(folder / "03_mix.ipynb")
    before = (folder / "03_mix.ipynb").read_bytes()
    assert build(tutorials) == 0
    (tutorials / "03_mix.py").write_text(LESSON.replace("Mix by", "Take the softmax apart, mix by"))
    assert build(tutorials) == 0
    (told,) = copies.lay(lessons(repository), folder)
    assert "03_mix (new).ipynb lies beside yours" in told
    assert (folder / "03_mix.ipynb").read_bytes() == before
    assert nb.solved(nb.read(folder / "03_mix.ipynb")) == {"3.1"}
    assert "softmax apart" in (folder / "03_mix (new).ipynb").read_text()


def test_the_builder_leaves_a_notebook_that_was_worked_in(repository, capsys):
    path = repository / "tutorials" / "03_mix.ipynb"
    solve(path)
    before = path.read_bytes()
    assert build(repository / "tutorials") == 2
    assert path.read_bytes() == before
    (line,) = capsys.readouterr().err.splitlines()
    assert "somebody worked in it" in line
    assert "python -m croco_np.learn" in line
    assert "--replace" in line
    copies.lay(lessons(repository), repository / "learning")
    assert build(repository / "tutorials", "--notebooks-only", "--replace") == 0
    assert b"NotImplementedError" in path.read_bytes()
    copies.lay(lessons(repository), repository / "learning")
    assert nb.solved(nb.read(repository / "learning" / "03_mix.ipynb")) == {"3.1"}


@pytest.mark.parametrize("text", ["", "my notes", '{"cells": [', "{}"])
def test_the_builder_leaves_what_is_no_notebook_until_it_is_told_to_replace_it(repository, text, capsys):
    path = repository / "tutorials" / "03_mix.ipynb"
    path.write_text(text)
    assert build(repository / "tutorials", "--notebooks-only") == 2
    assert path.read_text() == text
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {path}: cannot be read as a notebook (half-written?)")
    assert "--replace builds it anew" in line
    assert build(repository / "tutorials", "--pages-only") == 2
    assert "--replace --only 3 builds it anew" in capsys.readouterr().err
    assert build(repository / "tutorials", "--notebooks-only", "--replace") == 0
    assert nb.is_as_built(nb.read(path))


def test_a_notebook_is_written_whole_or_not_at_all(repository):
    path = repository / "tutorials" / "03_mix.ipynb"
    before, notebook = path.read_bytes(), notebooks.load(path)
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    notebook.cells[0].source = "x" * 100_000
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limit[1]))  # as on a full disk
    try:
        with pytest.raises(InputError, match="cannot write"):
            notebooks.save(notebook, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert path.read_bytes() == before


def test_a_second_build_changes_no_file(repository):
    tutorials = repository / "tutorials"
    kept = {path: path.read_bytes() for path in tutorials.rglob("*") if path.is_file()}
    assert build(tutorials, "--notebooks-only") == 0
    assert {path: path.read_bytes() for path in tutorials.rglob("*") if path.is_file()} == kept


def test_a_lesson_that_says_something_else_is_written(repository):
    path = repository / "tutorials" / "03_mix.ipynb"
    before = path.read_bytes()
    (repository / "tutorials" / "03_mix.py").write_text(LESSON.replace("1 / 3", "1 / 2"))
    assert build(repository / "tutorials", "--notebooks-only") == 0
    assert path.read_bytes() != before
    assert "0.500000" in path.read_text()


def test_an_older_notebook_without_a_record(repository):
    path = repository / "tutorials" / "03_mix.ipynb"
    notebook = notebooks.load(path)
    del notebook.metadata[nb.OURS]
    notebooks.save(notebook, path)
    assert not notebooks.worked_in(path)
    notebook.cells[-1].source = SOLVED
    notebooks.save(notebook, path)
    assert notebooks.worked_in(path)


def test_stored_notebooks_have_their_record(path):
    assert nb.is_as_built(nb.read(path.with_suffix(".ipynb")))


def test_git_ignores_the_learner_s_folder():
    asked = ["learning/03_mix.ipynb", "tutorials/.ipynb_checkpoints/x.ipynb"]
    done = subprocess.run(
        ["git", "check-ignore", *asked], cwd=FOLDER.parent, capture_output=True, text=True, check=False
    )
    if done.returncode == 128:
        pytest.skip("no git repository here")
    assert done.stdout.split() == asked
