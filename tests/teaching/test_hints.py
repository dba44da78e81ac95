"""Hints grow with the tries, and none gives the answer away."""

import inspect
import re
import subprocess
import sys

import numpy as np
import pytest

from croco_np.teaching import grade
from croco_np.teaching.grading import EXERCISES, _load, verdict
from croco_np.teaching.solutions import every
from croco_np.teaching.tries import count_miss, fingerprint, forget

from .answers import every as answers

_load()
ANSWERS = answers()
SOLUTIONS = every()


@pytest.fixture(autouse=True)
def anew():
    forget()
    yield
    forget()


def printed(capsys, number, answer):
    """What `grade` says, on one line."""
    grade(number, answer)
    return " ".join(capsys.readouterr().out.split())


def words(text):
    return " ".join(text.split())


def test_every_exercise_has_a_solution():
    assert set(SOLUTIONS) == {number for number in EXERCISES if not number.endswith("example")}


@pytest.mark.parametrize("number", sorted(SOLUTIONS))
def test_each_further_wrong_answer_gets_a_further_hint(number, capsys):
    wrong = list(ANSWERS[number].wrong.values())[:4]
    wrong += [f"nonsense {n}" for n in range(4 - len(wrong))]
    said = [printed(capsys, number, answer) for answer in wrong]
    solved = SOLUTIONS[number]
    for text in said:
        assert text.startswith(f"Exercise {number}: not yet. ")
    assert "Hint" not in said[0]
    assert said[1].endswith(f"Hint 2: {words(solved.hints[0])}")
    assert said[2].endswith(f"Hint 3: {words(solved.hints[1])}")
    assert re.search(r'Stuck\? solution\("' + number + r'", .+\) shows it worked out, beside yours\.', said[3])
    assert said[3].endswith("from croco_np.teaching import solution)")
    assert printed(capsys, number, solved.answer) == f"Exercise {number}: right. {words(solved.worth)}"


def test_the_same_answer_again_is_the_same_try(capsys):
    def product(g, dg):
        return g * dg

    first = printed(capsys, "3.1", product)
    assert printed(capsys, "3.1", product) == first
    assert printed(capsys, "3.1", lambda g, dg: g * dg).startswith(first)
    assert "Hint 2" not in printed(capsys, "3.1", product)  # compiled to the same lines
    assert "Hint 2" in printed(capsys, "3.1", lambda g, dg: 2 * g * dg)
    assert printed(capsys, "4.3", 1e-4) == printed(capsys, "4.3", 1e-4)


def test_an_open_answer_is_no_try(capsys):
    def still_open(g, dg):
        raise NotImplementedError

    for answer in (None, ..., still_open) * 3:
        assert printed(capsys, "3.1", answer) == f"Exercise 3.1 is open: {EXERCISES['3.1'].task}"
    assert count_miss("3.1", 0) == 1


def test_the_way_to_the_solution_runs_as_it_is_printed(capsys):
    def my_softmax_backward(g, dg):
        return g

    for n in range(3):
        count_miss("3.1", n)
        count_miss("4.3", n)
    assert 'solution("3.1", my_softmax_backward)' in printed(capsys, "3.1", my_softmax_backward)
    assert 'solution("4.3", 0.5)' in printed(capsys, "4.3", 0.5)


def test_fingerprints_tell_answers_apart():
    def power(n):
        return lambda x: x**n

    def shifted(x, by=1):
        return x + by

    def shifted_by_two(x, by=2):
        return x + by

    assert fingerprint(power(2)) == fingerprint(power(2)) != fingerprint(power(3))
    assert fingerprint(shifted) != fingerprint(shifted_by_two)
    big = np.zeros(5000)
    other = big.copy()
    other[2500] = 1
    assert fingerprint(big) == fingerprint(big.copy()) != fingerprint(other)


@pytest.mark.parametrize("number", sorted(SOLUTIONS))
def test_the_first_hints_of_an_exercise_tell_its_mistakes_apart(number):
    told = [verdict(number, answer)[1] for answer in ANSWERS[number].wrong.values()]
    assert len(told) >= 3
    assert len(set(told)) >= max(3, 2 * len(told) / 3), "\n".join(told)


@pytest.mark.parametrize(
    ("number", "mistake", "named"),
    [
        ("1.1", "dx without a", "dx: by how much does y_ij move"),
        ("1.1", "no sum over the rows", "da has shape (6, 4), and must have that of a, (4,). All rows share a"),
        ("1.1", "a mean over the rows", "da: 1/B of what it should be"),
        ("1.1", "da without dy", "the upstream dy is not"),
        ("1.1", "dc with the factor a", "dc: c is added after a"),
        (
            "1.1",
            "keepdims",
            "da has shape (1, 4), and must have that of a, (4,). There is an axis of length 1",
        ),
        ("2.1", "all rows up to the largest", "There are rows that neither a nor c names"),
        ("2.1", "rows that do not cancel", "its gradients add up to 0 here, and yet it was used"),
        ("3.2", "do and da changed", "do and da are the other way round"),
        ("3.2", "da summed over the dimensions", "the gate is per element"),
        ("3.1", "keepdims forgotten", "keepdims=True keeps it"),
        ("3.1", "unweighted mean", "counts all experts alike"),
        ("4.2", "divided by the rows", "Too small by B"),
        ("4.2", "twice", "C holds each pair twice"),
        ("5.1", "a forgotten axis of the logits", "ValueError: dy has shape (6,), want (6, 1), in the line"),
        ("5.1", "a dict in the place of a list", "gates is a dict, where a list is wanted"),
        ("5.1", "a layer's pair in the place of its gradients", "experts is a tuple, where a list is wanted"),
        ("5.1", "one level too many", "one level too deep"),
        ("5.1", "no gradients of the towers", "has no towers"),
        ("5.1", "the gradient of x as well", "What you return has x, which the parameters have not: leave it out"),
        ("5.1", "a gradient within gates too many", "gates.0 has x, which the parameters have not: leave it out"),
        ("5.1", "CovLoss's road dropped", "as if d.experts were None"),
        ("6.1", "over all pairs of rows", "divides by n^2"),
        ("6.1", "labels for a mask", "labels == 1"),
        ("6.1", "ties by place", "sorting decides ties"),
        ("6.2", "a row against itself", "leave i = j out"),
        ("6.2", "pairs not weighed", "one half whatever p is"),
        ("6.3", "a matrix of pairs", "the sum over the pairs it is in"),
        ("6.3", "sum for mean", "n_1 n_0 times too large"),
        ("6.3", "clicked rows first", "stand in other rows"),
        ("7.1", "the largest taken for a constant", "treats sigma_1 below the line as a constant"),
        ("7.1", "columns of Vt", "it is the first row of Vt"),
        ("7.2", "twice taken away", "went away twice"),
        ("7.2", "large and small taken for independent", "as if they were independent"),
        ("7.3", "no projection", "length of the centred x is treated as a constant"),
        ("7.3", "not centred", "subtract their means"),
        ("8.1", "the stop closes the gate, too", "The stop closes the gate, too"),
        ("8.1", "dg for da", "This is dg"),
        ("8.2", "dr forgets q", "dr forgets q"),
        ("8.2", "dr and dq changed", "dr and dq are the other way round"),
        ("8.3", "A not transposed", "a column of A, not a row"),
        ("8.3", "dA not summed", "its gradient sums over both"),
        ("8.4", "as in the last level", "That is the last level"),
        ("9.1", "forward only", "the backward takes two more products"),
        ("9.1", "float64", "a float32 number has 4"),
        ("9.2", "worker 0 does everything", "worker 0 writes to 100% of the rows"),
        ("9.2", "split by what is read", "Share out what is written"),
        ("9.2", "duplicates lost", "gets one of its gradients only"),
        ("9.3", "moves before it fades", "w moves before m fades"),
        ("9.3", "all fade alike", "k[i] for m[i]"),
        ("10.5", "line 3", "the report calls it right"),
    ],
)
def test_a_common_mistake_is_named(number, mistake, named):
    assert named in verdict(number, ANSWERS[number].wrong[mistake])[1]


def test_the_line_that_stops_is_named():
    def below(g):
        return g[99]

    def my_softmax_backward(g, dg):
        return below(g)

    told = verdict("3.1", my_softmax_backward)[1]
    assert "It stops with IndexError" in told
    assert "in the line 'return g[99]'" in told
    assert "A function is wanted, and this is one int" in verdict("3.1", 3)[1]


@pytest.mark.parametrize("number", sorted(SOLUTIONS))
def test_hints_do_not_hold_the_solution(number):
    """Neither a line of its code, nor the number that is asked for."""
    solved = SOLUTIONS[number]
    first = [verdict(number, answer)[1] for answer in ANSWERS[number].wrong.values()]
    for hint in (*solved.hints, *first):
        assert len(hint) > 40
        squeezed = re.sub(r"\s", "", hint)
        if callable(solved.answer):
            lines = inspect.getsource(solved.answer).splitlines()
            code = [re.sub(r"\s|#.*", "", line.split("=", 1)[-1].removeprefix("return")) for line in lines[1:]]
            for line in (line for line in code if len(line) > 16):
                assert line not in squeezed
        elif not str(number).startswith("10."):
            assert not re.search(rf"(?<![\d.e-]){re.escape(repr(solved.answer))}(?![\d.])", hint)
    assert len(set(solved.hints)) == 2


def test_grading_needs_no_compiler_no_table_and_no_thread():
    """In a process without Numba, pandas and a terminal, in which neither a thread nor a process can be started."""
    code = """
import os, subprocess, sys, threading
sys.modules["numba"] = sys.modules["pandas"] = None
def refuse(*_, **__): raise RuntimeError("can't start another")
threading.Thread.start = os.fork = os.posix_spawn = subprocess.Popen.__init__ = refuse
from croco_np.teaching import solutions
from croco_np.teaching.grading import verdict
for number, solved in solutions.every().items():
    right, told = verdict(number, solved.answer)
    assert right, (number, told)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
