"""Every public function and method says what it takes and returns; mypy, which .ci/run calls, checks that it is so."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "croco_np"
MODULES = sorted(PACKAGE.rglob("*.py"))


def public_functions(body):
    """The functions of a module and the methods of its classes whose names have no leading underscore."""
    for node in body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield node
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from public_functions(node.body)


def untyped(function):
    """What of a function has no type: names of parameters, "return"."""
    a = function.args
    named = [arg for arg in (*a.posonlyargs, *a.args, *a.kwonlyargs) if arg.arg not in ("self", "cls")]
    missing = [arg.arg for arg in (*named, *filter(None, (a.vararg, a.kwarg))) if arg.annotation is None]
    return missing + (["return"] if function.returns is None else [])


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_public_functions_are_typed(path):
    missing = {f"{f.name}, line {f.lineno}": untyped(f) for f in public_functions(ast.parse(path.read_text()).body)}
    assert {name: what for name, what in missing.items() if what} == {}
