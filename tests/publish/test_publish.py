"""Parts of the site that need none of its libraries: links, the table of tutorials, comparing outputs, tidying."""

import html
import re

import pytest

from croco_np.errors import InputError
from croco_np.teaching import notebook as nb
from tutorials.publish import extra, lessons, notebooks
from tutorials.publish.__main__ import main
from tutorials.publish.links import Links
from tutorials.publish.outputs import differences, same_text

FIRST = """\
# ---
# jupyter: {}
# ---

# %% [markdown]
# # 3. Mix experts
#
# **What you will do.** Mix by Eq. (8), and
# see. Then more.
#
# **What you will learn**: much.
#
# **What you need**
#
# - NumPy
#
# **Equations:** Eq. (8), Eq. (10)
#
# A last word.

# %%
print(1)
"""
INDEX = f"# Tutorials\n\n{lessons.BEGIN}\nold\n{lessons.END}\n\nEnd.\n"


@pytest.fixture
def repository(tmp_path):
    """A repository with one tutorial, and files it may link to."""
    for name, text in {
        "tutorials/03_mix.py": FIRST,
        "tutorials/03_mix.ipynb": "{}",
        "tutorials/index.md": INDEX,
        "tutorials/reference/speed.md": "# Speed\n\n[code](../../croco_np/layers/gate.py), [read](../../README.md)\n",
        "tutorials/images/map.png": "",
        "croco_np/layers/gate.py": '"""Gate."""\nx = "```"\n',
        "README.md": "# Read\n\n[code](croco_np/layers/gate.py)\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def output(text):
    return {"output_type": "stream", "name": "stdout", "text": text}


def notebook(*cells):
    parts = [{"metadata": {"tags": tags}, "outputs": [output(said)]} for said, tags in cells]
    return {"cells": [{"cell_type": "code", "source": "print()"} | part for part in parts]}


def test_the_first_cell(repository):
    one = lessons.lesson(repository / "tutorials" / "03_mix.py")
    assert one == (3, "Mix experts", "Mix by Eq. (8), and see. Then more.", "much.", "- NumPy", "Eq. (8), Eq. (10)")


@pytest.mark.parametrize("heading", lessons.HEADINGS)
def test_a_missing_heading_is_named(repository, heading):
    path = repository / "tutorials" / "03_mix.py"
    path.write_text(FIRST.replace(heading, "Something"))
    with pytest.raises(InputError, match=rf"03_mix\.py: the first cell has no text under \*\*{heading}"):
        lessons.lesson(path)


def test_the_table(repository):
    text = lessons.with_table(INDEX, repository / "tutorials")
    assert "| 3 | [Mix experts](03_mix.ipynb) | Mix by Eq. (8), and see. | Eq. (8), Eq. (10) | 0 |\n" in text
    assert "\nold\n" not in text
    assert text.startswith("# Tutorials\n")
    assert text.endswith(f"{lessons.END}\n\nEnd.\n")
    assert lessons.with_table(text, repository / "tutorials") == text


@pytest.mark.parametrize(
    ("target", "page"),
    [
        ("../croco_np/layers/gate.py", "source/croco_np/layers/gate.py.md"),
        ("../croco_np/layers/gate.py#L2", "source/croco_np/layers/gate.py.md#L2"),
        ("../croco_np/layers", "source/croco_np/layers/index.md"),
        ("../README.md#read", "source/README.md#read"),
        ("03_mix.ipynb#3.-Mix-experts:-%28PEG%29", "03_mix.ipynb#3-mix-experts-peg"),
        ("03_mix.py", "03_mix.ipynb"),
        ("reference/speed.md#speed", "reference/speed.md#speed"),
        ("images/map.png", "images/map.png"),
        ("https://arxiv.org/abs/2405.12706", "https://arxiv.org/abs/2405.12706"),
        ("#here", "#here"),
    ],
)
def test_links_lead_to_pages(repository, target, page):
    links = Links(repository / "tutorials")
    there = repository / "tutorials" / "03_mix.ipynb"
    assert links.rewritten(f"see [the `code`]({target}).", there, "03") == f"see [the `code`]({page})."
    assert links.broken == []


@pytest.mark.parametrize("target", ["../croco_np/none.py", "04_none.ipynb", "../../outside.md"])
def test_a_dead_link_is_named(repository, target):
    links = Links(repository / "tutorials")
    links.rewritten(f"[there]({target})", repository / "tutorials" / "03_mix.ipynb", "03, cell 2")
    assert links.broken == [f"03, cell 2: the link ({target}) leads nowhere"]


def test_a_line_past_the_end_is_named(repository):
    links = Links(repository / "tutorials")
    links.rewritten("[there](../croco_np/layers/gate.py#L3)", repository / "tutorials" / "03_mix.ipynb", "03")
    assert links.broken == ["03: the link (../croco_np/layers/gate.py#L3) leads past the end of the file"]


@pytest.mark.parametrize("text", ["`a[i](x)`", "$W[i](x)$", "$$\nW[i](x)\n$$", "```python\na[i](x)\n```"])
def test_code_and_formulas_hold_no_links(repository, text):
    links = Links(repository / "tutorials")
    assert links.rewritten(text, repository / "tutorials" / "index.md", "index") == text
    assert links.broken == []


def test_a_page_of_code_and_one_with_links(repository):
    links = Links(repository / "tutorials")
    code = links.text(repository / "croco_np" / "layers" / "gate.py")
    assert code.startswith("# `croco_np/layers/gate.py`\n\n``````{raw} html\n")
    assert re.findall(r'id="(L\d+)"', code) == ["L1", "L2"]
    text = html.unescape(re.sub(r"<[^>]+>", "", code))
    assert '\n"""Gate."""\nx = "```"\n' in text
    assert "(croco_np/layers/gate.py.md)" in links.text(repository / "README.md")
    assert "[`gate.py`](gate.py.md)" in links.text(repository / "croco_np" / "layers")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("loss 0.6931", "loss 0.6932"),
        ("error 3.1e-11", "error  7e-16"),
        ("[1.5000  2.]", "[1.5001   2.]"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("12,345 rows", "12,345 rows"),
    ],
)
def test_texts_that_agree(one, other):
    assert same_text(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("loss 0.6931", "loss 0.6933"),
        ("error 3.1e-11", "error 3.1e-07"),
        ("12,345 rows", "12,346 rows"),
        ("all 4 checks passed", "all 5 checks passed"),
        ("input 0 WRONG", "input 0 ok"),
        ("W1 0.5", "W2 0.5"),
        ("0.5", "-0.5"),
        ("0.5 nan", "0.5 0.1"),
    ],
)
def test_texts_that_do_not_agree(one, other):
    assert not same_text(one, other)


def test_differences_name_the_cell_and_the_line():
    one, other = notebook(("a\nb 1", []), ("0.1 s", ["varies"])), notebook(("a\nb 2", []), ("9 s", ["varies"]))
    assert differences(one, one) == []
    assert differences(one, other) == ["cell 0: 'b 1' and 'b 2'"]
    assert differences(one, notebook(("a", []))) == ["2 cells and 1 cells"]


def test_a_picture_has_to_be_there_in_its_size():
    def picture(width):
        import base64
        import struct

        png = base64.b64encode(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", width, 9)).decode()
        data = {"image/png": png, "text/plain": "<Figure>"}
        return {"cells": [{"metadata": {}, "outputs": [{"output_type": "display_data", "data": data}]}]}

    assert differences(picture(7), picture(7)) == []
    assert differences(picture(7), picture(8)) == ["cell 0: pictures of (7, 9) and (8, 9) pixels"]
    assert differences(picture(7), notebook(("", [])))


def test_tidy_leaves_what_repeats():
    text = "epoch 1: 45% of 165,058 rows, loss=0.61, 41,000 rows/s\n<object at 0x7f31ac>\n50% of it\n"
    one = notebook((text, ["varies"]), ("epoch 2: 9% of 10 rows, 7 rows/s\n", []))
    for cell in one["cells"]:
        cell["metadata"]["execution"] = {"iopub.execute_input": "2026-01-01"}
    one["metadata"] = {"language_info": {"version": "3.11.7"}}
    tidied = notebooks.tidy(one)
    assert tidied["cells"][0]["outputs"][0]["text"] == "<object>\n50% of it\n"
    assert tidied["cells"][1]["outputs"] == []
    assert [cell["metadata"] for cell in tidied["cells"]] == [{"tags": ["varies"]}, {}]
    assert [cell["id"] for cell in tidied["cells"]] == ["cell-00", "cell-01"]
    assert tidied["metadata"] == notebooks.METADATA | {"croco_np": {"built": nb.digest(tidied)}}


def test_a_missing_library_is_one_line():
    with pytest.raises(InputError, match=r"^not installed: no_such_library; run pip install -e '\.\[tutorials\]'$"):
        extra.need("json", "no_such_library")


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--tutorials", "nowhere"], "--tutorials nowhere: no file NN_name.py there"),
        (["--only", "4"], "--only 4: there is no such tutorial; there are 3"),
        (["--onyl", "4"], "unrecognized arguments: --onyl"),
    ],
)
def test_wrong_flags_end_in_one_line(repository, monkeypatch, capsys, flags, said):
    monkeypatch.chdir(repository)
    assert main(flags) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
