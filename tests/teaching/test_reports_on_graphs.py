"""Every planted bug of the lessons: red on its graph are exactly the leaves that its cell names as wrong."""

import ast
import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from croco_np.teaching.bugs import stands_for

FOLDER = Path(__file__).parents[2] / "tutorials"
RULES = {"doutput", "cache", "output"}  # of the protocol: no leaf of a graph


def planted():
    """(lesson, place of the cell, cell, code of all cells before it) of each planted bug."""
    for path in sorted(FOLDER.glob("[0-9][0-9]_*.ipynb")):
        before = []
        for place, cell in enumerate(json.loads(path.read_text(encoding="utf-8"))["cells"]):
            code = "".join(cell["source"]) if cell["cell_type"] == "code" else ""
            if "planted-bug" in cell["metadata"].get("tags", ()):
                yield path.stem, place, cell, [*before, code]
            before.append(code)


BUGS = list(planted())


def bugs(test):
    ids = [f"{lesson[:2]}-cell-{place}" for lesson, place, _, _ in BUGS]
    return pytest.mark.parametrize(("lesson", "place", "cell", "code"), BUGS, ids=ids)(test)


def calls(code):
    """The calls of `catches` in a cell."""
    found = (node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call))
    return [node for node in found if getattr(node.func, "id", "") == "catches"]


def named(call, code):
    """The set of names that a call gives: written out, or put together from sets that are, further up."""
    known = {}
    for cell in code:
        for node in ast.walk(ast.parse("\n".join(line for line in cell.splitlines() if not line.startswith("%")))):
            if isinstance(node, ast.Assign) and len(node.targets) == 1:
                known |= dict(pairs(node.targets[0], node.value))
    (value,) = [keyword.value for keyword in call.keywords if keyword.arg == "leaves"]
    return written(value, known)


def pairs(target, value):
    """(name, expression) of an assignment, of several at once, too."""
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        for one, its in zip(target.elts, value.elts, strict=True):
            yield from pairs(one, its)
    elif isinstance(target, ast.Name):
        yield target.id, value


def written(node, known):
    if isinstance(node, ast.Name):
        return written(known[node.id], known)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return written(node.left, known) | written(node.right, known)
    if isinstance(node, ast.Call) and node.func.id == "set" and not node.args:
        return set()
    return ast.literal_eval(node)


def graphs(cell):
    """{leaf: whether it is red} of each graph that a cell shows."""
    for output in cell["outputs"]:
        text = "".join(output.get("data", {}).get("text/html", ""))
        if '<figure class="scene"' not in text:
            continue
        svg = ET.fromstring(text[text.index("<svg") : text.index("</svg>") + len("</svg>")])
        yield {e.get("data-leaf"): "red" in e.get("class").split() for e in svg.iter() if e.get("data-leaf")}


def meant(name, leaves):
    return {leaf for leaf in leaves if stands_for(name, leaf)}


@bugs
def test_the_bug_s_report_is_a_graph(lesson, place, cell, code):
    catching = calls(code[-1])
    assert catching, f"{lesson}: a cell tagged planted-bug has a call of catches"
    assert len(list(graphs(cell))) == len(catching), f"{lesson}, cell {place}: each call of catches shows its graph"


@bugs
def test_red_are_the_leaves_that_the_text_calls_wrong_and_none_besides(lesson, place, cell, code):
    for call, leaves in zip(calls(code[-1]), graphs(cell), strict=True):
        names = named(call, code) - RULES
        assert all(meant(name, leaves) for name in names), f"{names}: of {set(leaves)}"
        assert {leaf for leaf, red in leaves.items() if red} == set().union(*(meant(n, leaves) for n in names))


def test_all_lessons_have_planted_bugs():
    assert len({lesson for lesson, *_ in BUGS}) == 10
