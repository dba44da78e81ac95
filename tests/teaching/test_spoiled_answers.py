"""Right answers, spoiled: each of all exercises refuses NaN, infinity and other numbers than real ones, wherever they
stand in an answer, and answers that write into what they are given; and says so."""

import copy

import numpy as np
import pytest

from croco_np.errors import InputError
from croco_np.gradcheck.snapshot import KEYS, contents
from croco_np.teaching import catches
from croco_np.teaching.compare import is_number, same
from croco_np.teaching.grading import EXERCISES, _load, exercise, verdict

from .answers import every

_load()
ANSWERS = every()
NUMBERS = sorted(ANSWERS)
FUNCTIONS = [number for number in NUMBERS if callable(ANSWERS[number].right)]
WRITES = {"9.2"}  # adds into its first argument, and returns nothing
LISTS = {"9.1"}  # whole numbers only, of which float32 holds none other


def places(thing):
    """Paths of the arrays and numbers in an answer, or in the arguments of one."""
    return [
        path
        for path, leaf in contents(thing).items()
        if path[-1:] != (KEYS,) and isinstance(leaf, (np.ndarray, np.number, float, int)) and np.size(leaf)
    ]


def replaced(thing, path, change):
    """`thing` with what is at `path` changed."""
    if not path:
        return change(thing)
    key, *rest = path
    if isinstance(thing, dict):
        return thing | {key: replaced(thing[key], rest, change)}
    if hasattr(thing, "_fields"):
        return thing._replace(**{key: replaced(getattr(thing, key), rest, change)})
    return type(thing)(replaced(part, rest, change) if i == key else part for i, part in enumerate(thing))


def first_entry(value):
    def change(leaf):
        if np.ndim(leaf) == 0:
            return value
        leaf = np.array(leaf, float)
        leaf[(0,) * leaf.ndim] = value
        return leaf

    return change


def most(number, count):
    """The largest count(args, returned) over the calls in which the right answer is checked."""
    counts = []

    def answer(*args):
        returned = ANSWERS[number].right(*args)
        counts.append(count(args, returned))
        return returned

    assert verdict(number, answer)[0]
    return max(counts)


def spoiled(number, change):
    """Every way to change one array or number of the right answer."""
    right = ANSWERS[number].right
    if not callable(right):
        return [replaced(right, path, change) for path in places(right)]
    if number in WRITES:

        def answer(target, *rest):
            right(target, *rest)
            target[...] = change(target)

        return [answer]

    def answer_at(place):
        def answer(*args):
            returned = right(*args)
            there = places(returned)
            return replaced(returned, there[place], change) if place < len(there) else returned

        return answer

    return [answer_at(place) for place in range(most(number, lambda args, returned: len(places(returned))))]


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize(
    ("value", "told"), [(np.nan, "NaN"), (np.inf, "infinite"), (-np.inf, "infinite"), (1j, "complex")]
)
def test_what_is_no_finite_real_number_is_named(number, value, told):
    change = first_entry(value) if value != 1j else (lambda leaf: leaf + 1j * np.ones_like(leaf))
    if value == 1j and number in WRITES:
        return  # its target is an array of floats, which holds no complex number
    assert spoiled(number, change)
    for answer in spoiled(number, change):
        right, hint = verdict(number, answer)
        assert not right
        assert told in hint


@pytest.mark.parametrize("number", [number for number in FUNCTIONS if number not in WRITES | LISTS])
@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda a: np.asarray(a).astype(np.float32)[...], "float32"),
        (lambda a: np.ma.masked_array(a), "MaskedArray"),
        (lambda a: np.asarray(a).astype(object)[...], "object"),
        (lambda a: np.asarray(a)[None], ""),
        (lambda a: np.asarray(a, float) * 1.001 + 1e-4, ""),
        (lambda a: None, ""),
        (lambda a: "a", ""),
    ],
)
def test_other_forms_are_refused(number, change, told):
    for answer in spoiled(number, change):
        right, hint = verdict(number, answer)
        assert not right
        assert told in hint


def test_arrays_are_no_numbers():
    for number in NUMBERS:
        right = ANSWERS[number].right
        if not callable(right):
            assert not verdict(number, np.array([right]))[0]
            assert not verdict(number, str(right))[0]
            assert not verdict(number, lambda *args, right=right: right)[0]
        else:
            assert not verdict(number, 3)[0]


def arrays(number, args):
    """The arrays in the arguments of an answer that it is to leave alone."""
    there = [a for a in contents(args).values() if isinstance(a, np.ndarray) and a.size]
    return [a for a in there if not (number in WRITES and a is args[0])]


@pytest.mark.parametrize("number", FUNCTIONS)
def test_writing_into_an_argument_is_named(number):
    """The right answer, and after it one array in the arguments is written into, each in turn."""

    def answer_at(place):
        def answer(*args):
            returned = copy.deepcopy(ANSWERS[number].right(*args))
            if place < len(arrays(number, args)):
                a = arrays(number, args)[place]
                a[...] = ~a if a.dtype == bool else a + 1
            return returned

        return answer

    n = most(number, lambda args, returned: len(arrays(number, args)))
    assert (n == 0) == (number in {"5.2", "7.2", "9.1"})  # which are given slices and numbers
    for place in range(n):
        right, hint = verdict(number, answer_at(place))
        assert not right
        assert "It writes into its argument" in hint


@pytest.mark.parametrize("number", FUNCTIONS)
def test_an_argument_that_is_returned_changed_is_named(number):
    """As `dy *= g; return dy` does it."""
    right = ANSWERS[number].right

    def answer(*args):
        returned = right(*args)
        for a in (a for a in args if isinstance(a, np.ndarray)):
            for g in contents(returned).values():
                if isinstance(g, np.ndarray) and g.shape == a.shape and a.dtype == g.dtype and not np.array_equal(a, g):
                    a[...] = g
                    return returned
        return returned

    told = verdict(number, answer)[1]
    assert told == f"Exercise {number}: right." or "It writes into its argument" in told


def test_the_argument_is_named_as_the_student_calls_it():
    def my_softmax_backward(shares, upstream):
        upstream -= (shares * upstream).sum(axis=1, keepdims=True)
        return shares * upstream

    assert "its argument upstream" in verdict("3.1", my_softmax_backward)[1]
    assert "its argument number 2" in verdict("3.1", lambda *args: my_softmax_backward(*args))[1]


def test_a_number_is_not_registered_twice():
    number = next(iter(EXERCISES))
    with pytest.raises(ValueError, match="exists already"):
        exercise(number, "again")(lambda answer: None)


def test_same_is_for_numbers_of_one_shape():
    a = np.arange(6.0).reshape(2, 3)
    assert same(a, a)
    assert same(a.tolist(), a)
    assert same(a * (1 + 1e-10), a)
    assert same(0 * a, 0)
    for wrong in (a[None], a[:1], a + 1e-5, a * np.nan, np.where(a > 4, np.inf, a), a + 0j, a.astype(str), None, "a"):
        assert not same(wrong, a)
    assert not same(np.array([np.inf]), np.array([np.inf]))
    assert not same(np.array([np.nan]), np.nan)


def test_numbers():
    assert all(map(is_number, (1, 1.5, np.float32(2), np.int64(3), np.array(1.0))))
    assert not any(map(is_number, (True, None, "1", 1j, np.nan, np.inf, [1], np.ones(1), ...)))


class Doubles:
    def forward(self, p, x):
        return x**2, x

    def backward(self, x, dy):
        dy *= 2
        return x * dy, {}


class AtTheKink:
    def forward(self, p, x):
        return np.where(x.real > 0, x, 0) * 1.0, x

    def backward(self, x, dy):
        return dy * (x > 0), {}


def test_catches_takes_the_place_of_a_broken_rule(capsys):
    x = np.random.default_rng(0).standard_normal((3, 2))
    catches(Doubles(), {}, (x,), leaves={"doutput"})
    assert "backward writes into doutput" in capsys.readouterr().out
    with pytest.raises(AssertionError, match="the text says"):
        catches(Doubles(), {}, (x,), leaves={"input 0"})


def test_catches_takes_no_kink_for_a_bug():
    with pytest.raises(AssertionError, match="kink"):
        catches(AtTheKink(), {}, (np.zeros((3, 2)),), leaves={"input 0"})
    with pytest.raises(TypeError, match="set of names"):
        catches(Doubles(), {}, (np.ones(3),), leaves="W")


@pytest.mark.parametrize(
    "number", ["1.1", "1.2", "1.3", "2.1", "2.3", "3.2", "3.3", "4.4", "8.1", "8.2", "8.3", "9.1", "9.3"]
)
def test_a_wrong_number_of_values_is_a_sentence(number):
    right = ANSWERS[number].right
    for change in (lambda said: said[:-1], lambda said: (*said, said[-1]), lambda said: said[0], list):
        told = verdict(number, lambda *args, change=change: change(right(*args)))[1]
        assert "Return a tuple of" in told
        assert "unpack" not in told


class Wordless(Exception):
    def __str__(self):
        raise ValueError


@pytest.mark.parametrize("error", [Wordless(), GeneratorExit(), BaseException("out"), RecursionError("deep")])
def test_whatever_an_answer_raises_is_told(error):
    def fails(*_):
        raise error

    assert f"It stops with {type(error).__name__}" in verdict("3.1", fails)[1]


@pytest.mark.parametrize("number", [[1], {}, None, "0.0", 99, 1.0, np.ones(2), "9" * 1000])
def test_a_number_that_is_none_is_a_sentence(number):
    with pytest.raises(InputError, match=r"there is none; choose one of 1\.1, ") as told:
        verdict(number, 1)
    assert "\n" not in str(told.value)


def test_a_number_may_be_a_float():
    assert verdict(2.4, 2) == verdict("2.4", 2)


def test_an_answer_that_leaves_python_is_told():
    def leave(*_):
        raise SystemExit(0)

    assert "It stops with SystemExit" in verdict("3.1", leave)[1]
