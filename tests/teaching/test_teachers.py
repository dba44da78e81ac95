"""The page for teachers keeps its word: its lists are those of the lessons, its example is marked by the grade book."""

import csv
import json
import re
from pathlib import Path

import pytest

from croco_np.teaching import grading
from croco_np.teaching import notebook as nb
from croco_np.teaching.grades.__main__ import main
from croco_np.teaching.grades.marking import MARKS
from tutorials.publish import lessons, teachers

FOLDER = Path(__file__).parents[2] / "tutorials"
PAGE = (FOLDER / "reference" / "teachers.md").read_text(encoding="utf-8")
CHECK, STUB = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
ANSWERS = {  # what a student writes in the place of `raise NotImplementedError` -> its mark
    "right": ("return dy * s * (1 + x * (1 - s))", "right"),
    "one term": ("return dy * s", "not yet"),
    "a sign": ("return dy * s * (1 - x * (1 - s))", "not yet"),
    "no dy": ("return s * (1 + x * (1 - s))", "not yet"),
    "nothing": ("raise NotImplementedError", "open"),
}


def test_the_lists_are_those_of_the_lessons():
    assert teachers.with_lists(PAGE, FOLDER) == PAGE


def test_every_planted_bug_is_listed_with_its_leaves():
    for path in lessons.sources(FOLDER):
        notebook = nb.read(path.with_suffix(".ipynb"))
        tagged = [cell for cell in notebook["cells"] if "planted-bug" in cell["metadata"].get("tags", ())]
        listed = teachers.bugs(notebook)
        assert len(listed) >= len(tagged) > 0
        assert all(leaves for _, _, leaves in listed)
    assert "# only the tower's road` | 5 leaves: `embeddings` 1, `experts` 4 |" in PAGE
    assert "# reversed` | 16 leaves: `embeddings` 1, `experts` 4, `prior` 1, `gates` 2, `towers` 8 |" in PAGE


@pytest.fixture
def own_exercise():
    yield
    grading.EXERCISES.pop("11.1", None)


def test_the_example_is_about_twenty_lines():
    lines = [line for line in CHECK.splitlines() if line.strip() and not line.startswith(("import", "from"))]
    assert len(lines) <= 22


@pytest.mark.usefixtures("own_exercise")
def test_the_example_in_the_grade_book(tmp_path):
    (tmp_path / "my_exercises.py").write_text(CHECK)
    imports = "import numpy as np\nimport my_exercises\nfrom croco_np.teaching import grade\n"
    for name, (answer, _) in ANSWERS.items():
        texts = (imports, STUB.replace("raise NotImplementedError", answer))
        cells = [{"cell_type": "code", "metadata": {}, "outputs": [], "source": text} for text in texts]
        (tmp_path / "class" / name).mkdir(parents=True)
        made = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
        (tmp_path / "class" / name / "11_own.ipynb").write_text(json.dumps(made))
    out = tmp_path / "grades.csv"
    own = str(tmp_path / "my_exercises.py")
    assert main([str(tmp_path / "class"), "--exercises", own, "--out", str(out), "--seconds", "20"]) == 0
    with open(out, newline="", encoding="utf-8") as file:
        given = {row["student"]: (row["mark"], row["hint"]) for row in csv.DictReader(file)}
    assert {name: mark for name, (mark, _) in given.items()} == {name: mark for name, (_, mark) in ANSWERS.items()}
    assert given["one term"][1].startswith("This is one of two terms")
    assert all(hint for mark, hint in given.values() if mark == "not yet")


def test_all_marks_are_explained():
    assert set(re.findall(r"^\| (\w[\w ]*) \| (?!---)", PAGE, re.MULTILINE)) >= set(MARKS)
