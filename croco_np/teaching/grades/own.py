"""Exercises of a teacher's own: a file that registers them, and the same file without its checks, for the answers."""

import ast
import runpy
from pathlib import Path

from ...command.streams import one_line
from ...errors import InputError
from ...storage.files import require_file
from . import book


def register(path: Path) -> dict[str, str]:
    """Run a teacher's file, whose exercises register themselves -> {name of the module: its text without checks}.

    The text is what `import` finds in the process of an answer. InputError, one line, if the file fails.
    """
    require_file(path, "exercises of your own")
    book.exercises()  # those of the lessons first, so that a number given twice is this file's mistake
    try:
        runpy.run_path(str(path))
    except Exception as error:
        raise InputError(f"--exercises {path}: {type(error).__name__}: {one_line(error)}") from None
    return {path.stem: without_checks(path.read_text(encoding="utf-8"))} if path.stem.isidentifier() else {}


def without_checks(text: str) -> str:
    """A module's text where no check is left: its constants and functions stay, for a notebook may import them.

    In the place of a check stands None, so that its name can still be imported.
    """
    tree = ast.parse(text)
    body: list[ast.stmt] = []
    for node in tree.body:
        if not _registers(node):
            body.append(node)
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            body.append(ast.Assign([ast.Name(node.name, ast.Store())], ast.Constant(None)))
    return ast.unparse(ast.fix_missing_locations(ast.Module(body, tree.type_ignores)))


def _registers(node):
    """Whether a statement calls `exercise(...)`: as a decorator, or in any other way."""
    calls = (call.func for call in ast.walk(node) if isinstance(call, ast.Call))
    return any(getattr(f, "id", getattr(f, "attr", None)) == "exercise" for f in calls)
