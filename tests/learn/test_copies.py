"""Copies of the lessons: what a learner did is never lost, what is untouched follows the lesson."""

import json

import pytest

from croco_np.learn import copies, start
from croco_np.learn.lessons import lessons
from croco_np.teaching import notebook as nb

INDEX = """# Tutorials

| | tutorial | what you will do | equations | minutes |
|---|---|---|---|---|
| 3 | [Mix experts](03_mix.ipynb) | Mix \\| see. | Eq. (8) | 25 |
"""
STUB, SOLVED = "def answer():\n    ...\n", "def answer():\n    return 42\n"
CALL = '\n\ngrade("3.1", answer)'


def cell(source, *said, kind="code", tags=()):
    made = {"cell_type": kind, "metadata": {"tags": list(tags)} if tags else {}, "source": source}
    if kind == "code":
        outputs = [{"output_type": "stream", "name": "stdout", "text": text} for text in said]
        made |= {"outputs": outputs, "execution_count": 1}
    return made


def build(path, *cells):
    """What the builder writes: a notebook with its record."""
    made = {"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    made["metadata"][nb.OURS] = {"built": nb.digest(made)}
    for i, each in enumerate(made["cells"]):
        each["id"] = f"cell-{i:02d}"
    nb.write(made, path)


def lesson_as_built(root, text="# 3. Mix experts"):
    build(root / "tutorials" / "03_mix.ipynb", cell(text, kind="markdown"), cell(STUB + CALL, "Exercise 3.1 is open"))


@pytest.fixture(autouse=True)
def own_signatures(tmp_path, monkeypatch):
    """Jupyter keeps whom it trusts in a folder of the user's; not in tests."""
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))


@pytest.fixture
def root(tmp_path):
    """A repository with one lesson, a page and a picture."""
    for name, text in {
        "tutorials/index.md": INDEX,
        "tutorials/reference/speed.md": "# Speed\n",
        "tutorials/images/map.svg": "<svg/>",
    }.items():
        (tmp_path / "repository" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "repository" / name).write_text(text)
    lesson_as_built(tmp_path / "repository")
    return tmp_path / "repository"


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "mine"


def lay(root, folder):
    return copies.lay(lessons(root), folder)


def solve(path, said="Exercise 3.1: right."):
    """What a learner leaves: another text in the cell, its output, and what Jupyter adds to metadata."""
    notebook = json.loads(path.read_text())
    notebook["cells"][1] |= cell(SOLVED + CALL, said) | {"execution_count": 7}
    notebook["metadata"]["kernelspec"] = {"name": "python3"}
    path.write_text(json.dumps(notebook))


def test_copies_and_their_neighbours(root, folder):
    assert lay(root, folder) == []
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    assert names == [".croco_np.json", "03_mix.ipynb", "images/map.svg", "reference/speed.md"]
    assert copies.is_untouched(folder / "03_mix.ipynb")


def test_an_answer_stays_and_the_newer_lesson_lies_beside_it_once(root, folder):
    lay(root, folder)
    mine = folder / "03_mix.ipynb"
    solve(mine)
    before = mine.read_bytes()
    assert lay(root, folder) == []  # the lesson is the same
    lesson_as_built(root, "# 3. Mix experts, better")
    (told,) = lay(root, folder)
    assert told == "lesson 3 has a newer version: 03_mix (new).ipynb lies beside yours, which stays as it is"
    assert mine.read_bytes() == before
    assert "better" in (folder / "03_mix (new).ipynb").read_text()
    assert lay(root, folder) == []
    (folder / "03_mix (new).ipynb").unlink()
    assert lay(root, folder) == []
    assert not (folder / "03_mix (new).ipynb").exists()  # it was offered, and not wanted


def test_a_newer_version_that_was_worked_in_stays_as_well(root, folder):
    lay(root, folder)
    solve(folder / "03_mix.ipynb")
    lesson_as_built(root, "# 3. Mix experts, better")
    lay(root, folder)
    solve(folder / "03_mix (new).ipynb")
    kept = (folder / "03_mix (new).ipynb").read_bytes()
    lesson_as_built(root, "# 3. Mix experts, best")
    assert "03_mix (new 2).ipynb" in lay(root, folder)[0]
    assert (folder / "03_mix (new).ipynb").read_bytes() == kept


def test_an_untouched_newer_version_is_replaced_by_the_newest(root, folder):
    lay(root, folder)
    solve(folder / "03_mix.ipynb")
    for word in ("better", "best"):
        lesson_as_built(root, f"# 3. Mix experts, {word}")
        lay(root, folder)
    assert "best" in (folder / "03_mix (new).ipynb").read_text()
    assert len(list(folder.glob("*.ipynb"))) == 2


def test_an_untouched_copy_is_renewed(root, folder):
    lay(root, folder)
    lesson_as_built(root, "# 3. Mix experts, better")
    assert lay(root, folder) == []
    assert "better" in (folder / "03_mix.ipynb").read_text()


def test_looking_and_saving_is_no_edit_and_running_is(root, folder):
    lay(root, folder)
    path = folder / "03_mix.ipynb"
    notebook = json.loads(path.read_text())
    notebook["cells"][0]["metadata"]["collapsed"] = True
    notebook["metadata"]["widgets"] = {}
    path.write_text(json.dumps(notebook))
    assert copies.is_untouched(path)
    notebook["cells"][1]["outputs"][0]["text"] = "Exercise 3.1: right."
    path.write_text(json.dumps(notebook))
    assert not copies.is_untouched(path)


@pytest.mark.parametrize("text", ["", "{}", "years of work", '{"nbformat": 4, "cells": [], "metadata": {}}'])
def test_another_file_by_this_name_stays(root, folder, text):
    folder.mkdir()
    (folder / "03_mix.ipynb").write_text(text)
    (told,) = lay(root, folder)
    assert told == "lesson 3: your 03_mix.ipynb cannot be read; a fresh copy lies beside it: 03_mix (new).ipynb"
    assert (folder / "03_mix.ipynb").read_text() == text
    assert copies.is_untouched(folder / "03_mix (new).ipynb")
    assert lay(root, folder) == [told]  # until it is mended or removed; the fresh copy is not laid twice
    assert len(list(folder.glob("*.ipynb"))) == 2


def test_a_copy_broken_after_its_newer_version_was_offered(root, folder):
    lay(root, folder)
    solve(folder / "03_mix.ipynb")
    lesson_as_built(root, "# 3. Mix experts, better")
    lay(root, folder)
    (folder / "03_mix (new).ipynb").unlink()
    (folder / "03_mix.ipynb").write_text('{"cells": [')
    assert "cannot be read; a fresh copy lies beside it: 03_mix (new).ipynb" in lay(root, folder)[0]
    assert copies.is_untouched(folder / "03_mix (new).ipynb")


def another_lesson(root):
    """A second lesson in the repository, which is in order."""
    row = "| 4 | [Keep experts apart](04_apart.ipynb) | See. | Eq. (7) | 20 |\n"
    (root / "tutorials" / "index.md").write_text(INDEX + row)
    build(root / "tutorials" / "04_apart.ipynb", cell('grade("4.1", f)', "Exercise 4.1 is open"))


@pytest.mark.parametrize("text", [None, "", "<<<<<<< ours\n{", '{"cells": [', "{}"])
def test_one_bad_lesson_stops_no_other(root, folder, text):
    another_lesson(root)
    bad = root / "tutorials" / "03_mix.ipynb"
    bad.unlink() if text is None else bad.write_text(text)
    (told,) = lay(root, folder)
    assert told.startswith(f"lesson 3 cannot be copied: {bad}: ")
    assert f"git checkout HEAD -- {bad} or python -m tutorials.publish --replace --only 3" in told
    assert copies.is_untouched(folder / "04_apart.ipynb")
    assert not (folder / "03_mix.ipynb").exists()
    page = start.write(lessons(root), folder).read_text()
    assert "Begin with [4. Keep experts apart](<04_apart.ipynb>)." in page
    assert "| 3 | Mix experts | 25 | | cannot be read |" in page


def test_a_bad_lesson_keeps_the_answers_on_the_page(root, folder):
    lay(root, folder)
    solve(folder / "03_mix.ipynb")
    (root / "tutorials" / "03_mix.ipynb").write_text("")
    lay(root, folder)
    assert "| **3.1** \N{CHECK MARK} | done |" in start.write(lessons(root), folder).read_text()


def test_a_renamed_copy_counts(root, folder):
    lay(root, folder)
    solve(folder / "03_mix.ipynb")
    (folder / "03_mix.ipynb").rename(folder / "anna 1.ipynb")
    lay(root, folder)
    assert start.progress(lessons(root), folder)[3].right == {"3.1"}


@pytest.mark.parametrize("content", [b"# My start\n", b"caf\xe9 \xff\n", b""])
def test_a_start_page_of_the_learner_s_stays(root, folder, content):
    folder.mkdir()
    (folder / "start.md").write_bytes(content)
    for _ in range(2):
        lay(root, folder)
        assert start.write(lessons(root), folder).name == "lessons.md"
        assert (folder / "start.md").read_bytes() == content
    solve(folder / "03_mix.ipynb")
    assert "All exercises are right." in start.write(lessons(root), folder).read_text()  # ours, and renewed
    assert sorted(path.name for path in folder.glob("*.md")) == ["lessons.md", "start.md"]


def test_a_start_page_that_the_learner_changed_stays(root, folder):
    lay(root, folder)
    page = start.write(lessons(root), folder)
    page.write_text(page.read_text() + "\nMy notes.\n")
    before = page.read_bytes()
    solve(folder / "03_mix.ipynb")
    assert start.write(lessons(root), folder).name == "lessons.md"
    assert page.read_bytes() == before


def test_a_linked_copy_stays_a_link(root, folder, tmp_path):
    lay(root, folder)
    for name in ("03_mix.ipynb", "reference/speed.md"):
        (folder / name).rename(tmp_path / "elsewhere")
        (tmp_path / "elsewhere").rename(goal := tmp_path / f"cloud-{name.replace('/', '-')}")
        (folder / name).symlink_to(goal)
    lesson_as_built(root, "# 3. Mix experts, better")
    (root / "tutorials/reference/speed.md").write_text("# Faster\n")
    assert lay(root, folder) == []
    assert (folder / "03_mix.ipynb").is_symlink()
    assert (folder / "reference/speed.md").is_symlink()
    assert "better" in (tmp_path / "cloud-03_mix.ipynb").read_text()
    assert (tmp_path / "cloud-reference-speed.md").read_text() == "# Faster\n"


def test_a_link_to_nothing_stays(root, folder, tmp_path):
    folder.mkdir()
    (folder / "03_mix.ipynb").symlink_to(tmp_path / "gone.ipynb")
    assert "cannot be read; a fresh copy lies beside it" in lay(root, folder)[0]
    assert (folder / "03_mix.ipynb").is_symlink()


def test_answers_in_the_repository_s_own_notebook_are_copied_and_kept(root, folder):
    tracked = root / "tutorials" / "03_mix.ipynb"
    solve(tracked)
    (told,) = lay(root, folder)
    assert "somebody worked in" in told
    assert SOLVED + CALL in nb.read(folder / "03_mix.ipynb")["cells"][1]["source"]
    assert lay(root, folder) == []
    lesson_as_built(root)
    assert lay(root, folder) == []  # the same version, built anew
    assert "03_mix" in start.page(lessons(root), start.progress(lessons(root), folder))
    lesson_as_built(root, "# 3. Mix experts, better")
    lay(root, folder)
    assert SOLVED + CALL in nb.read(folder / "03_mix.ipynb")["cells"][1]["source"]


def test_pages_follow_unless_they_were_changed(root, folder):
    lay(root, folder)
    (root / "tutorials/reference/speed.md").write_text("# Faster\n")
    lay(root, folder)
    assert (folder / "reference/speed.md").read_text() == "# Faster\n"
    (folder / "reference/speed.md").write_text("# Faster\n\nnoted\n")
    (root / "tutorials/reference/speed.md").write_text("# Fastest\n")
    lay(root, folder)
    assert (folder / "reference/speed.md").read_text() == "# Faster\n\nnoted\n"


def test_a_lost_ledger_loses_nothing(root, folder):
    lay(root, folder)
    solve(folder / "03_mix.ipynb")
    before = (folder / "03_mix.ipynb").read_bytes()
    (folder / ".croco_np.json").write_text("{")
    lesson_as_built(root, "# 3. Mix experts, better")
    lay(root, folder)
    assert (folder / "03_mix.ipynb").read_bytes() == before


def test_what_is_not_for_the_first_reading_is_folded(root, folder):
    build(
        root / "tutorials" / "03_mix.ipynb",
        cell("import numpy", tags=["hide-input"]),
        cell("## At length: the proof\n\nIt goes on.", kind="markdown"),
        cell("## The gate", kind="markdown"),
        cell("print(1)", "1"),
    )
    lay(root, folder)
    made = json.loads((folder / "03_mix.ipynb").read_text())["cells"]
    assert made[0]["metadata"] == {"tags": ["hide-input"], "jupyter": {"source_hidden": True}}
    assert made[1]["metadata"] == {"jp-MarkdownHeadingCollapsed": True}
    assert made[2]["metadata"] == made[3]["metadata"] == {}
    assert copies.is_untouched(folder / "03_mix.ipynb")


def test_copies_are_trusted(root, folder):
    nbformat = pytest.importorskip("nbformat")
    from nbformat.sign import NotebookNotary

    lay(root, folder)
    notebook = nbformat.read(folder / "03_mix.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert NotebookNotary().check_signature(notebook)


def test_the_page_says_what_is_done(root, folder):
    lay(root, folder)
    start.write(lessons(root), folder)
    page = (folder / "start.md").read_text()
    assert "Begin with [3. Mix experts](<03_mix.ipynb>)." in page
    assert "| 3 | [Mix experts](<03_mix.ipynb>) | 25 | 3.1 | 0 of 1 |" in page
    solve(folder / "03_mix.ipynb", "Exercise 3.1: not yet. Nearly right.")
    start.write(lessons(root), folder)
    assert (folder / "start.md").read_text() == page
    solve(folder / "03_mix.ipynb")
    start.write(lessons(root), folder)
    page = (folder / "start.md").read_text()
    assert "| 3 | [Mix experts](<03_mix.ipynb>) | 25 | **3.1** ✓ | done |" in page
    assert "All exercises are right." in page
    lesson_as_built(root, "# 3. Mix experts, better")
    lay(root, folder)
    start.write(lessons(root), folder)
    assert (folder / "start.md").read_text() == page  # an answer of the older version counts


def test_a_notebook_is_written_as_jupyter_writes_it(root):
    nbformat = pytest.importorskip("nbformat")
    path = root / "tutorials" / "03_mix.ipynb"
    text = path.read_text(encoding="utf-8")
    nbformat.write(nbformat.read(path, as_version=4), path)
    assert path.read_text(encoding="utf-8") == text
