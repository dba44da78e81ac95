"""Answers of another form than the one wanted: a hint says which form it is, in the course's words, not in NumPy's."""

import numpy as np
import pytest

from croco_np.losses import covariance
from croco_np.teaching import grade, solution
from croco_np.teaching.grading import EXERCISES, _load, verdict
from croco_np.teaching.said import LONGEST, form, in_words
from croco_np.teaching.tries import count_miss, forget

from .answers import every

_load()
ANSWERS = every()
ONE = {"array": ["2.2", "3.1", "4.2", "5.2", "6.3", "7.1", "7.3"], "number": ["4.1", "6.1", "6.2", "7.2"]}
TUPLES = ["1.1", "1.2", "1.3", "2.1", "2.3", "3.2", "3.3", "4.4", "8.1", "8.2", "8.3", "9.1", "9.3"]
VALUES = ["1.4", "2.4", "4.3"]
RAGGED = [1.0, [2.0, 3.0]]


class Wordless:
    def __repr__(self):
        raise ValueError("no text")


UNSPEAKABLE = {  # Python prints no whole number of more than 4,300 digits
    "its text fails": Wordless(),
    "400 digits": 10**400,
    "5000 digits": 10**5000,
    "below 0": -(10**5000),
    "a long text": "1" * 900,
    "a list": [10**400],
}


def test_an_exercise_says_what_its_function_returns():
    wants = {number: EXERCISES[number].wants for number in ANSWERS if EXERCISES[number].wants}
    assert wants == {number: want for want, numbers in ONE.items() for number in numbers}


@pytest.mark.parametrize(("want", "number"), [(want, number) for want, numbers in ONE.items() for number in numbers])
@pytest.mark.parametrize(
    ("returned", "told"),
    [
        (lambda right: (right, np.ones(2)), "a tuple of 2"),
        (lambda right: (np.ones(2), np.ones(2)), "a tuple of 2"),
        (lambda right: (1.0, [2.0, 3.0]), "a tuple of 2"),
        (lambda right: RAGGED, "a list of 2, whose shapes differ"),
        (lambda right: {"da": right}, "a dict of 1"),
        (lambda right: "0.5", "a text"),
        (lambda right: Wordless(), "one Wordless"),
        (lambda right: abs, "one builtin_function_or_method"),
    ],
)
def test_one_array_or_number_is_wanted(want, number, returned, told):
    right, hint = verdict(number, lambda *args: returned(ANSWERS[number].right(*args)))
    assert not right
    assert hint == f"Exercise {number}: not yet. One {want} is wanted; it returns {told}."


def test_a_call_of_the_library_that_returns_a_pair():
    assert "One number is wanted; it returns a tuple of 2." in verdict("4.1", lambda o: covariance(o))[1]


@pytest.mark.parametrize("number", TUPLES)
@pytest.mark.parametrize(
    ("part", "told"),
    [
        ((1.0, [2.0, 3.0]), "a tuple of 2"),
        (RAGGED, "a list of 2, whose shapes differ"),
        ({}, "a dict of 0"),
        (None, "None"),
        ("a", "a text"),
    ],
)
def test_each_part_of_a_tuple_is_one_array_or_number(number, part, told):
    hint = verdict(number, lambda *args: (*ANSWERS[number].right(*args)[:-1], part))[1]
    assert hint.endswith(f" is {told}, where one array or number is wanted.")


@pytest.mark.parametrize("number", VALUES)
@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (RAGGED, "a list of 2"),
        ((1, 2), "a tuple of 2"),
        ("5", "a text"),
        (True, "True"),
        (np.ones(3), "an array of shape (3,)"),
        (10**400, "a whole number of more than 64 bits"),
        (Wordless(), "one Wordless"),
    ],
)
def test_one_number_is_wanted(number, answer, told):
    assert verdict(number, answer)[1] == f"Exercise {number}: not yet. One number is wanted, and this is {told}."


@pytest.mark.parametrize("number", [*ONE["array"], *TUPLES])
def test_a_masked_array_is_no_plain_one(number):
    def masked(*args):
        returned = ANSWERS[number].right(*args)
        return tuple(map(np.ma.masked_array, returned)) if number in TUPLES else np.ma.masked_array(returned)

    told = verdict(number, masked)[1]
    assert "What it returns is, or holds, a MaskedArray: a plain NumPy array is wanted." in told


@pytest.mark.parametrize("answer", [4, 4.0, np.int64(4), np.float64(4), np.array(4), np.uint8(4)])
def test_a_line_is_a_number_of_any_type(answer):
    assert verdict("10.1", answer)[0]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (4.5, "There is no line 4.5: backward has lines 1 to 5."),
        (10**18, f"There is no line {10**18}: "),
        (10**400, "this is a whole number of more than 64 bits."),
        ([4], "this is a list of 1."),
        (RAGGED, "this is a list of 2."),
        (True, "this is True."),
    ],
)
def test_what_is_no_line_is_told(answer, told):
    right, hint = verdict("10.1", answer)
    assert not right
    assert told in hint


@pytest.mark.parametrize("number", [*VALUES, "5.3", "8.4", "10.1"])
@pytest.mark.parametrize("answer", [*UNSPEAKABLE.values(), np.ones(5000)], ids=[*UNSPEAKABLE, "long"])
def test_whatever_is_answered_has_a_short_place_beside_the_solution(number, answer):
    beside = solution(number, answer).beside
    assert beside.startswith("Yours: not yet. ")
    assert len(beside) < 400


@pytest.mark.parametrize("number", [*ONE["number"], *TUPLES])
@pytest.mark.parametrize("said", UNSPEAKABLE.values(), ids=UNSPEAKABLE)
def test_whatever_is_returned_has_a_short_place_beside_the_solution(number, said):
    def answer(*args):
        right = ANSWERS[number].right(*args)
        return (*right[:-1], said) if isinstance(right, tuple) else said

    beside = solution(number, answer).beside
    assert beside.startswith("Yours: not yet. ")
    assert len(beside) < 500


@pytest.mark.parametrize("answer", [*UNSPEAKABLE.values(), float("nan")], ids=[*UNSPEAKABLE, "NaN"])
def test_the_way_to_the_solution_is_short(answer, capsys):
    forget()
    for n in range(4):
        count_miss("4.3", n)
    grade("4.3", answer)
    forget()
    assert 'solution("4.3", my_answer)' in " ".join(capsys.readouterr().out.split())


def test_words_for_things():
    assert in_words(0.5) == "0.5"
    assert in_words("x" * 99).endswith("x ...")
    assert len(in_words("x" * 99)) == LONGEST
    assert in_words(np.eye(2)) == "array([[1., 0.], [0., 1.]])"
    assert in_words(Wordless()) == "one Wordless"
    assert in_words(10**5000) == "a whole number of more than 64 bits"
    assert form({1, 2}) == "a set of 2"
