"""Cells run outside a notebook behave as in one."""

import inspect

import pytest

from croco_np.teaching import show, solution
from croco_np.teaching.cells import attempt, run


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


ABOVE = ["from croco_np.teaching import grade", "a = 2\nb = a / 0"]


def test_an_attempt_runs_behind_what_it_needs(capsys):
    attempt(ABOVE, "def f(m, k, n):\n    return a\n\ngrade('9.1', f)", "9.1")
    assert capsys.readouterr().out.startswith("Exercise 9.1: not yet. ")  # b, which fails, was not needed


def test_an_attempt_may_ask_for_the_solution(capsys):
    attempt(ABOVE, "f = None\ngrade('10.1', f)\nsolution('10.1', 2)", "10.1")
    assert repr(solution("10.1", 2)) in capsys.readouterr().out


def test_an_attempt_that_grades_nothing_says_so(capsys):
    attempt(ABOVE, "f = 1", "9.1")
    assert capsys.readouterr().out == 'exercise 9.1: no cell calls grade("9.1", ...)\n'


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("def g():\n    return 1 / 0\ng()", ["line 2, in g", "return 1 / 0", "ZeroDivisionError"]),
        ("def g(:", ["line 1", "def g(:", "SyntaxError"]),
        ("x = b", ["b = a / 0", "ZeroDivisionError"]),
        ("raise SystemExit('out')", ["SystemExit: out"]),
    ],
)
def test_an_error_of_an_attempt_is_printed_with_the_lines_of_cells_only(capsys, line, said):
    attempt(ABOVE, f"{line}\ngrade('9.1', None)", "9.1")
    out = capsys.readouterr().out
    assert [part for part in said if part not in out] == []
    assert "croco_np" not in out


def test_an_attempt_takes_the_lines_of_a_notebook_that_are_no_python(capsys):
    attempt([*ABOVE, "a = 3\nnp.sum?"], "%time b = 1\nt = %timeit -o 1\ngrade('10.1', a)", "10.1")
    assert capsys.readouterr().out.startswith("Exercise 10.1: ")
