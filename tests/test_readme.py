"""The README and the pages of reference keep their word: commands, flags, links, tables and examples are real."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
REFERENCE = sorted((ROOT / "tutorials" / "reference").glob("*.md"))
TEXTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *REFERENCE]
PYTHON = re.findall(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
ROWS = re.findall(
    r"^\| \[(Eq\. \(\d+\)|Fig\. \d+)\]\([^)]+\) \| [^|]+ \| \[`([\w.]+)`\]\(([\w./]+)#L(\d+)\) "
    r"\| \[`(\w+)`\]\(([\w./]+)#L(\d+)\) \| \[\d+\]\(([\w./]+)#[^)]+\) \|$",
    README,
    re.MULTILINE,
)


def test_first_two_blocks_are_one_line_each():
    blocks = re.findall(r"^```sh\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)[:2]
    assert all(block.count("\n") == 1 and "#" not in block for block in blocks)
    assert "croco_np.train --dataset aliccp" in blocks[0]
    assert "pytest" in blocks[1]


def test_table_covers_the_equations():
    assert {row[0] for row in ROWS} >= {f"Eq. ({n})" for n in range(1, 11)}


@pytest.mark.parametrize(("equation", "code", "file", "line", "test", "tests", "test_line", "tutorial"), ROWS)
def test_row_leads_somewhere(equation, code, file, line, test, tests, test_line, tutorial):
    module, name = f"croco_np.{code}".rsplit(".", 1)
    docstring = getattr(importlib.import_module(module), name).__doc__
    number = re.search(r"\d+", equation)[0]
    assert re.search(rf"Eqs?\. [^.]*\({number}\)|Eqs?\. [\d, ()and]*\b{number}\b|Fig\. {number}", docstring), docstring
    assert re.match(rf"(@dataclass.*\n)?(class|def) {name}\b", from_line(file, line))
    assert from_line(tests, test_line).startswith(f"def {test}(")
    assert equation in covered((ROOT / tutorial).with_suffix(".py"))


def from_line(file, line):
    return "".join((ROOT / file).read_text().splitlines(keepends=True)[int(line) - 1 :])


def covered(tutorial):
    """The equations that the first cell of a tutorial names."""
    line = re.search(r"^# \*\*Equations:\*\* (.+)$", tutorial.read_text(), re.MULTILINE)[1]
    return re.findall(r"Eq\. \(\d+\)|Fig\. \d+", line)


@pytest.mark.parametrize("tutorial", sorted((ROOT / "tutorials").glob("[0-9]*.py")), ids=lambda path: path.stem)
def test_what_a_tutorial_covers_stands_in_the_table(tutorial):
    assert set(covered(tutorial)) <= {row[0] for row in ROWS}


def test_the_pages_of_reference_are_linked():
    index = (ROOT / "tutorials" / "index.md").read_text()
    assert {path.stem for path in REFERENCE} == {
        "choices",
        "equations",
        "experiments",
        "gpu",
        "laboratory",
        "reproducibility",
        "results",
        "speed",
        "teachers",
    }
    for path in REFERENCE:
        assert f"(tutorials/reference/{path.name})" in README
        assert f"(reference/{path.name})" in index


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.stem)
def test_links_to_files_exist(path):
    links = re.findall(r"\]\((?!http)([^)#]+)(?:#[^)]*)?\)", path.read_text())
    assert links or path in REFERENCE
    for link in links:
        assert (path.parent / link).exists(), link


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.stem)
def test_places_in_pages_exist(path):
    for file, place in re.findall(r"\]\((?!http)([^)#]*)#([^)]+)\)", path.read_text()):
        goal = path.parent / file if file else path
        if goal.suffix == ".py":
            assert re.fullmatch(r"L\d+", place), place
        elif goal.suffix == ".ipynb":  # Jupyter names a place by its heading, with dashes
            headings = re.findall(r"^# #+ (.+)$", goal.with_suffix(".py").read_text(), re.MULTILINE)
            assert unquote(place) in {heading.replace("`", "").replace(" ", "-") for heading in headings}
        else:
            headings = re.findall(r"^#+ (.+)$", goal.read_text(), re.MULTILINE)
            assert place in {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.stem)
def test_every_flag_exists(path):
    from croco_np.config import Config

    flags = {"--" + name.replace("_", "-") for name in Config.__dataclass_fields__}
    flags |= {"--out", "--resume", "--changed-data", "--help", "--json", "--match-parameters"}
    flags |= {"--peer", "--sweep", "--predict", "--input", "--report", "--jobs", "--budget", "--seeds"}
    flags |= {
        "--folder",
        "--only-copy",
        "--seconds",
        "--memory",
        "--exercises",
        "--only",
        "--replace",
    }  # of learn, grades, publish
    flags |= {"--pages-only"}  # of tutorials.publish
    flags |= {"--device", "--standin", "--kuairand", "--systems"}  # of costs; of tests/device/on_a_gpu.py
    flags |= {"--check", "--bias"}  # of ruff; of the system that CONTRIBUTING adds
    assert set(re.findall(r"(?<![-\w])--[a-z][a-z0-9-]+", path.read_text())) <= flags


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.stem)
def test_every_command_exists(path):
    for module in re.findall(r"python -m (croco_np[\w.]*)", path.read_text()):
        assert importlib.util.find_spec(module), module


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.stem)
def test_every_row_of_a_table_has_all_cells(path):
    for table in re.findall(r"(?:^\|.*\n)+", path.read_text(), re.MULTILINE):
        assert len({cells(row) for row in table.splitlines()}) == 1, table


def cells(row):
    """The number of cells of a row; a bar in code or behind a backslash parts none."""
    return re.sub(r"`[^`]*`|\\\|", "", row).count("|") - 1


def test_the_systems_and_losses_of_the_results_exist():
    from croco_np.config import ABLATIONS
    from croco_np.losses import LOSSES
    from croco_np.models import MODELS

    text = (ROOT / "tutorials" / "reference" / "results.md").read_text()
    assert all(f"`{name}`" in text for name in (*MODELS, *ABLATIONS))
    assert all(f"`{name}`" in text for name in LOSSES)


def test_the_examples_of_training_run(tmp_path):
    """The first two Python blocks, one after the other, in a process where a warning is an error."""
    learnt = "print(p.shape, p[test['click']].mean() > p[~test['click']].mean() + 0.1)\n"
    (tmp_path / "example.py").write_text(PYTHON[0] + PYTHON[1] + learnt)
    one_thread = dict.fromkeys(["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"], "1")
    environment = os.environ | one_thread | {"PYTHONWARNINGS": "error", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "example.py"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("(2000,) True\n")
    assert (tmp_path / "clicks.safetensors").exists()


def test_the_short_example_is_short():
    statements = [line for line in PYTHON[0].splitlines() if line and not line.startswith(("import", "from", "#"))]
    assert len(statements) < 15


def test_the_example_of_a_layer_of_your_own():
    """The block runs, and fails as its comment says."""
    (block,) = [block for block in PYTHON if "Square" in block]
    with pytest.raises(AssertionError, match=r"Square: input 0 .*WRONG\n    0\.5 times the right value"):
        exec(block, {})
