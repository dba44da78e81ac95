"""The README keeps its word: its two lines are one line each, and its table of equations leads somewhere."""

import ast
import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
ROWS = re.findall(
    r"^\| (Eq\. \(\d+\)|Fig\. \d+) \| [^|]+ \| `([\w.]+)` \| `([\w./]+)::(\w+)` \| \[\d+\]\(([\w./]+)\) \|$",
    README,
    re.MULTILINE,
)


def test_first_two_blocks_are_one_line_each():
    blocks = re.findall(r"^```sh\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)[:2]
    assert all(block.count("\n") == 1 and "#" not in block for block in blocks)
    assert "croco_np.train --dataset aliccp" in blocks[0]
    assert "pytest" in blocks[1]


def test_table_covers_the_equations():
    assert {row[0] for row in ROWS} >= {f"Eq. ({n})" for n in range(3, 11)}


@pytest.mark.parametrize(("equation", "code", "file", "test", "tutorial"), ROWS)
def test_row_leads_somewhere(equation, code, file, test, tutorial):
    module, name = code.rsplit(".", 1)
    docstring = getattr(importlib.import_module(module), name).__doc__
    number = re.search(r"\d+", equation)[0]
    assert re.search(rf"Eqs?\. [^.]*\({number}\)|Eqs?\. [\d, ()and]*\b{number}\b|Fig\. {number}", docstring), docstring
    functions = {
        node.name for node in ast.walk(ast.parse((ROOT / file).read_text())) if isinstance(node, ast.FunctionDef)
    }
    assert test in functions
    assert equation in covered((ROOT / tutorial).with_suffix(".py"))


def covered(tutorial):
    """The equations that the first cell of a tutorial names."""
    line = re.search(r"^# \*\*Equations:\*\* (.+)$", tutorial.read_text(), re.MULTILINE)[1]
    return re.findall(r"Eq\. \(\d+\)|Fig\. \d+", line)


@pytest.mark.parametrize("tutorial", sorted((ROOT / "tutorials").glob("[0-9]*.py")), ids=lambda path: path.stem)
def test_what_a_tutorial_covers_stands_in_the_table(tutorial):
    assert set(covered(tutorial)) <= {row[0] for row in ROWS}


def test_links_to_files_exist():
    links = re.findall(r"\]\((?!http)([^)#]+)\)", README)
    assert links
    for link in links:
        assert (ROOT / link).exists(), link


def test_every_flag_exists():
    from croco_np.config import Config

    flags = {"--" + name.replace("_", "-") for name in Config.__dataclass_fields__}
    flags |= {
        "--out",
        "--resume",
        "--changed-data",
        "--help",
        "--json",
        "--loss",
        "--model",
        "--data-dir",
        "--match-parameters",
        "--peer",
        "--sweep",
        "--predict",
    }
    assert set(re.findall(r"(?<!-)--[a-z][a-z0-9-]+", README)) <= flags


def test_the_example_of_a_layer_of_your_own():
    """The Python block runs, and fails as its comment says."""
    block = re.search(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)[1]
    with pytest.raises(AssertionError, match=r"Square: input 0 .*WRONG\n    0\.5 times the right value"):
        exec(block, {})
