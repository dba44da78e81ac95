"""The tutorials run from clean and say what the stored notebooks say; each keeps what its first cell promises."""

import re

from conftest import FOLDER

from tutorials.publish import lessons, notebooks
from tutorials.publish.outputs import differences


def tagged(notebook, tag):
    return [cell for cell in notebook["cells"] if tag in cell["metadata"].get("tags", ())]


def shown(notebook):
    """What cells display, by kind."""
    return [output["data"] for cell in notebook["cells"] for output in cell.get("outputs", ()) if "data" in output]


def text_of(cells):
    return "\n".join(cell["source"] for cell in cells)


def test_there_are_ten():
    assert [lessons.lesson(path).number for path in lessons.sources(FOLDER)] == list(range(1, 11))
    assert all(int(path.name[:2]) == lessons.lesson(path).number for path in lessons.sources(FOLDER))


def test_runs_from_clean_and_says_the_same(path, runs):
    assert differences(runs(path), notebooks.load(path.with_suffix(".ipynb"))) == []


def test_the_notebook_is_that_of_the_source(path):
    stored = notebooks.load(path.with_suffix(".ipynb"))
    assert [(c.cell_type, c.source) for c in stored.cells] == [
        (c.cell_type, c.source) for c in notebooks.source(path).cells
    ]
    assert [c.metadata.get("tags") for c in stored.cells] == [
        c.metadata.get("tags") for c in notebooks.source(path).cells
    ]


def test_the_notebook_is_tidy(path):
    """It was written by the command, in one run from top to bottom, without a warning."""
    stored = notebooks.load(path.with_suffix(".ipynb"))
    assert notebooks.tidy(notebooks.load(path.with_suffix(".ipynb"))) == stored
    code = [cell for cell in stored.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error" or output.get("name") == "stderr"]


def test_jupyter_opens_the_source_as_the_same_cells(path):
    """The header of the .py names its format, so jupytext needs to be told nothing."""
    import jupytext

    assert [c.source for c in jupytext.read(path).cells] == [c.source for c in notebooks.source(path).cells]


def test_has_a_bug_a_picture_and_two_exercises(path):
    stored = notebooks.load(path.with_suffix(".ipynb"))
    assert "catches(" in text_of(tagged(stored, "planted-bug"))
    assert [data for data in shown(stored) if '<figure class="scene"' in data.get("text/html", "")]
    assert not [data for data in shown(stored) if "image/png" in data]  # blurred on a phone, white in the dark
    number = lessons.lesson(path).number
    assert len(set(re.findall(rf'grade\("{number}\.\d+"', text_of(stored.cells)))) >= 2


def test_at_least_twelve_bugs():
    assert (
        sum(len(tagged(notebooks.load(p.with_suffix(".ipynb")), "planted-bug")) for p in lessons.sources(FOLDER)) >= 12
    )


def test_the_table_of_tutorials_is_that_of_their_first_cells():
    text = (FOLDER / "index.md").read_text(encoding="utf-8")
    assert lessons.with_table(text, FOLDER) == text
