"""Minutes of a tutorial: words, formulas and lines of code that can be seen, by hand on small pages."""

import json

import pytest

from tutorials.publish import minutes as count
from tutorials.publish.minutes import Measure, measure

SVG = {"output_type": "display_data", "data": {"text/html": "<svg></svg>"}}
PNG = {"output_type": "display_data", "data": {"image/png": "iVBOR"}}
MOVES = '<figure class="scene"><svg></svg><script type="application/json">{}</script></figure>'
SCENE = {"output_type": "display_data", "data": {"text/html": MOVES}}
SHOWN = "[a.py](a.py#L1)\n\n```python\nx = 1\n\ny = 2\n```\n\n<details>\n\n```text\nwhy\n```\n\n</details>"
LISTING = {"output_type": "execute_result", "data": {"text/markdown": SHOWN}}


def page(tmp_path, *cells):
    """A tutorial whose notebook has these cells: a string of Markdown, or (code, tags, outputs)."""
    made = [
        {"cell_type": "markdown", "source": cell, "metadata": {}}
        if isinstance(cell, str)
        else {"cell_type": "code", "source": cell[0], "metadata": {"tags": cell[1]}, "outputs": cell[2]}
        for cell in cells
    ]
    (tmp_path / "01_page.ipynb").write_text(json.dumps({"cells": made}))
    return tmp_path / "01_page.py"


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["one two [three](../four.py) - `five`"], Measure(words=4, before=4)),
        (["a $b + c$ d\n\n$$ e = f $$\n\ng"], Measure(words=5, formulas=1, before=5)),  # $b, c$; + is no word
        ([("x = 1\n\n# why\ny = 2", [], [])], Measure(lines=3)),
        ([("x = 1", ["hide-input"], [PNG])], Measure(pictures=1)),
        (["one two", ("show(f)", [], [LISTING])], Measure(words=2, lines=3, before=2)),
        (["one", ("", [], [SVG]), "two"], Measure(words=2, pictures=1, before=1)),
        (["one ![two](a.png) three"], Measure(words=3, pictures=1, before=1)),
        (["one", ("", [], [SCENE])], Measure(words=1, pictures=1, movable=1, before=1)),
        (["one\n## At length: two\nthree", ("x", [], [PNG]), "### four", "## five\nsix"], Measure(words=3, before=3)),
        (["one <!-- links: written by x -->two\n<!-- end of links -->"], Measure(words=1, before=1)),
    ],
)
def test_what_counts(tmp_path, cells, expected):
    assert measure(page(tmp_path, *cells)) == expected


def test_the_rates(tmp_path):
    path = page(tmp_path, "word " * 360 + "\n\n$$ a $$\n\n$$ b $$", ("x = 1\n" * 12, [], []))
    assert count.minutes(path) == pytest.approx(2 + 1.5 + 1)
    assert count.words_before_first_picture(path) == 360


def test_without_a_notebook_the_source_is_counted(tmp_path):
    path = tmp_path / "02_new.py"
    path.write_text('# %% [markdown]\n# ## one\n#\n# two $$ a $$\n\n# %% tags=["hide-input"]\nx = 1\n\n# %%\ny = 2\n')
    assert measure(path) == Measure(words=2, formulas=1, lines=1, before=2)


def test_the_table_adds_up(tmp_path):
    text = count.table([page(tmp_path, "word " * 360)])
    assert text.splitlines()[1].split() == ["01", "2", "360", "0", "0", "0", "0", "360"]
    assert text.splitlines()[-1].split() == ["2"]
