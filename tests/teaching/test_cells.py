"""Cells run outside a notebook behave as in one."""

import inspect

import pytest

from croco_np.teaching import show
from croco_np.teaching.cells import run


def test_the_last_line_is_printed(capsys):
    run("x = 2\nx + 1", {})
    run("x = 2", {})
    run("None", {})
    run("", {})
    assert capsys.readouterr().out == "3\n"


def test_names_are_kept_and_the_source_is_found():
    names = {"__name__": "__main__"}
    run("def f(x):\n    return x + 1", names)
    run("def g(x):\n    return f(x) * 2", names)
    assert names["g"](1) == 4
    assert inspect.getsource(names["f"]) == "def f(x):\n    return x + 1"
    assert "return f(x) * 2" in repr(show(names["g"]))


def test_an_error_is_raised():
    with pytest.raises(ZeroDivisionError):
        run("1 / 0", {})
    with pytest.raises(SyntaxError):
        run("def f(", {})
