"""The statements that an exercise needs are found, and no others."""

import pytest

from croco_np.errors import InputError
from croco_np.teaching.slices import computes_numbers, graded, is_certain, needed

GRADED = 'grade("1.1", f)'


def preamble(above, cell=f"def f(x):\n    return a * x\n\n{GRADED}"):
    """Lines above an exercise that uses `grade` and, as long as no other is given, `a`."""
    return needed([above, cell], "1.1")[0].splitlines()


@pytest.mark.parametrize(
    ("above", "taken"),
    [
        ("a = 1\nb = 2", ["a = 1"]),
        ("b = 2\nc = 3\na = b", ["b = 2", "a = b"]),
        ("b = 1\na = b\nb = 3", ["b = 1", "a = b"]),  # as b was, not as it became
        ("b = [0]\na = b\nb = 5", ["b = [0]", "a = b"]),
        ("a = [1]\na[0] = 2", ["a = [1]", "a[0] = 2"]),
        ("a = [1]\na.append(2)\nprint(a)", ["a = [1]", "a.append(2)"]),
        ("a = 1\na += 1", ["a = 1", "a += 1"]),
        ("a = 0\nfor i in range(3):\n    a = a + i", ["a = 0", "for i in range(3):", "    a = a + i"]),
        ("import numpy as np\nnp.set_printoptions(precision=4)\na = np.pi", ["import numpy as np", "a = np.pi"]),
        ("from math import *\nb = 2", ["from math import *"]),
        ("def g():\n    return h()\na = g()\ndef h():\n    return 1", None),  # h is set after it is first named
        ("@deco\ndef a(): ...\ndef deco(f):\n    return f", ["@deco", "def a(): ..."]),  # at once: not what comes below
        ("x = 2\na = [x for x in range(3)]", ["a = [x for x in range(3)]"]),  # the x of a comprehension is its own
        ("def b(a):\n    return a", []),
        ("a = 1; b = 2\nc = 3", ["a = 1; b = 2"]),
        ("%matplotlib inline\n!ls\na = 1", ["a = 1"]),
        ("a = (3\n  % 2)", ["a = (3", "  % 2)"]),
        ("a = (", []),
        ("np.sum?\na = 1", ["a = 1"]),
        ("b = !ls\na = 1", ["a = 1"]),
        ("%time a = 1", ["a = 1"]),
        ("b = 1\nfrom __future__ import annotations\na = 1", ["from __future__ import annotations", "a = 1"]),
        ("a = 1\n\ndef f(x):\n    global x", []),
        ("with open('x') as b:\n    a = b", ["with open('x') as b:", "    a = b"]),
        ("class B:\n    c = d\nd = 1\na = B", ["class B:", "    c = d", "a = B"]),
    ],
)
def test_what_is_taken(above, taken):
    assert preamble(above) == (above.splitlines() if taken is None else taken)


def test_names_that_the_cell_sets_itself_are_not_wanted():
    assert preamble("f = 1\nx = 2", f"f = lambda x: x\n{GRADED}") == []
    assert preamble("f = 1", f"f = f + 1\n{GRADED}") == ["f = 1"]


def test_nothing_below_the_exercise_is_taken():
    assert needed([GRADED, "f = 2"], "1.1") == ("", GRADED)


def test_the_last_cell_that_grades_it_counts():
    again = f"{GRADED}  # again"
    assert needed(["f = 1", f"f = 0\n{GRADED}", again], "1.1") == ("f = 0", again)


def test_an_exercise_cell_that_is_no_python_still_gets_its_names():
    assert preamble("a = 1\nb = 2", f"def f(x:\n    return a * x\n{GRADED}") == ["a = 1"]


@pytest.mark.parametrize(
    ("cell", "numbers"),
    [
        ('grade("1.1", f)', ["1.1"]),
        ("grade(1.1, f)", ["1.1"]),
        ("grade( '10.example', f); grade('10.example', g)", ["10.example"]),
        ('grade(number="1.1", answer=f); grade(answer=f, number="1.2")', ["1.1", "1.2"]),
        ('np.sum?\ngrade("1.1", f)', ["1.1"]),
        ('# grade("1.1", f)', []),
        ("s = '''\ngrade('1.1', f)\n'''", []),
        ('def f(:\ngrade("1.1", f)', ["1.1"]),  # half written
        ('upgrade("1.1")', []),
    ],
)
def test_graded(cell, numbers):
    assert graded(cell) == numbers


def test_an_exercise_that_no_cell_grades():
    with pytest.raises(InputError, match=r'exercise 9\.9: no cell calls grade\("9\.9", \.\.\.\)'):
        needed([GRADED], "9.9")


def test_a_global_that_a_function_only_writes_is_taken():
    assert preamble("n = 0\na = 1", f"def f(x):\n    global n\n    n += a\n\n{GRADED}") == ["n = 0", "a = 1"]


@pytest.mark.parametrize(
    ("above", "cell", "certain"),
    [
        ("import numpy as np\nfrom croco_np.teaching import grade\nb = 1", "def f(x):\n    return np.sum(x)\n", True),
        ("a = []\nset_up(a)", "def f(x):\n    return a\n", False),  # what it calls may write into a
        ("a = 1", "def f(x):\n    return b\n", False),  # b may come from a cell that is no Python
        ("import numpy as np", "def f(:\n", True),  # no cell above helps it
    ],
)
def test_whether_a_slice_is_all_there_is(above, cell, certain):
    assert is_certain([above, cell + GRADED], "1.1") is certain


def test_numbers_that_only_running_tells():
    assert computes_numbers("for n in ('1.1', '1.2'):\n    grade(n, f)")
    assert not computes_numbers(GRADED)
