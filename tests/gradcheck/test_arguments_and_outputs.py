"""What is not understood is a sentence, and nothing that is handed over comes back changed."""

import subprocess
import sys
from typing import NamedTuple

import numpy as np
import pytest

from croco_np.gradcheck import Check, assert_ok, check
from croco_np.tree import RowGrad

X = np.random.default_rng(1).standard_normal((3, 2))


class Square:
    """y = x^2; `form` makes of y what forward returns, the rest of the inputs is taken no notice of."""

    def __init__(self, form=lambda y: y):
        self.form = form

    def forward(self, p, x, *others):
        return self.form(x**2), x

    def backward(self, x, dy):
        return 2 * x * (dy[0] if isinstance(dy, tuple) else dy), {}


def of_square(layer=None, params=None, inputs=(X,), rng=None, **more):
    return check(layer or Square(), params or {}, inputs, rng or np.random.default_rng(0), **more)


class Batch(NamedTuple):
    ids: np.ndarray
    labels: np.ndarray


def read_only(a):
    a = a.copy()
    a.setflags(write=False)
    return a


@pytest.mark.parametrize(
    "inputs",
    [
        (X,),
        (read_only(X),),
        (np.asfortranarray(X),),
        (np.broadcast_to(X[:1], (3, 2)),),
        (X[::-1, ::-1],),
        (np.array(1.5),),
        (X, np.arange(3), [1, 2], (slice(0, 3),), None, True, 2.0, "a", Batch(np.arange(3), np.zeros(3))),
    ],
)
def test_inputs_that_are_understood(inputs):
    assert_ok(of_square(inputs=inputs))


@pytest.mark.parametrize("form", [lambda y: y.sum(), lambda y: (y, None), lambda y: np.array(y.sum())])
def test_outputs_that_are_understood(form):
    assert_ok(of_square(Square(form)))


@pytest.mark.parametrize(
    ("inputs", "told"),
    [
        (([1.0, 2.0],), "input 0 is a list that holds floats"),
        ((X, [X]), "input 1 is a list that holds floats"),
        ((X, (X, X)), "input 1 is a tuple that holds floats"),
        ((X, {"x": [X]}), "input 1 is a dict that holds floats"),
        ((X + 0j,), "input 0 is complex128"),
        ((X.astype(object),), "input 0 is object"),
        ((X.astype(np.float32),), "input 0 is float32"),
        ((X.astype(np.float16),), "input 0 is float16"),
        ((X.astype(">f8"),), "input 0 is >f8"),
        ((np.ma.masked_array(X),), "input 0 is of type MaskedArray"),
        ((np.where(X > 0, X, np.nan),), "input 0 is NaN at"),
        ((np.where(X > 0, X, -np.inf),), "input 0 is infinite at"),
        ((np.zeros((0, 2)),), "empty arrays prove nothing"),
        ((np.arange(3),), "no input is an array of floats"),
        ([X], "inputs must be a tuple"),
    ],
)
def test_inputs_that_would_not_be_checked(inputs, told):
    with pytest.raises((TypeError, ValueError), match=told):
        of_square(inputs=inputs)


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ((X,), "params must be a dict or a list of arrays"),
        ([X, 3.0], "parameter 1 is of type float"),
        ({"n": np.arange(3)}, "parameter n is int64"),
        ({"n": 3.0}, "parameter n is of type float"),
        ({"a": {"n": [1.0]}}, "parameter a.n.0 is of type float"),
        ({"a": [{0: X}]}, "params has the key 0"),
        ({"a": [X], "a.0": X}, "two parameters are called a.0"),
        ({"a.b": X, "a": {"b": X}}, "two parameters are called a.b"),
        ({0: X, "0": X}, "params has the key 0"),
        ({"W": X * np.nan}, "parameter W is NaN"),
    ],
)
def test_parameters_that_would_not_be_checked(params, told):
    with pytest.raises((TypeError, ValueError), match=told):
        of_square(params=params)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"methods": ()}, "methods is empty"),
        ({"methods": "complex step"}, "method 'c'"),
        ({"rng": 7}, "rng must be a generator"),
        ({"layer": np.square}, "ufunc has no method forward"),
    ],
)
def test_other_arguments(arguments, told):
    with pytest.raises((TypeError, ValueError), match=told):
        of_square(**arguments)


@pytest.mark.parametrize(
    ("form", "told"),
    [
        (lambda y: [y], "an output that is of type list"),
        (lambda y: {"y": y}, "an output that is of type dict"),
        (lambda y: None, "an output that is None"),
        (lambda y: (y, [y]), "an output that is of type list"),
        (lambda y: (y, (y,)), "an output that is of type tuple"),
        (lambda y: (), "no output"),
        (lambda y: (None,), "no output"),
        (lambda y: y.astype(np.float32), "an output that is float32"),
        (lambda y: y + 0j, "an output that is complex128"),
        (lambda y: y.real.astype(int), "an output that is int64"),
        (lambda y: y > 1, "an output that is bool"),
        (lambda y: y.astype(object), "an output that is object"),
        (lambda y: np.ma.masked_array(y), "an output that is of type MaskedArray"),
        (lambda y: RowGrad(np.arange(3), y), "RowGrad as output"),
        (lambda y: "y", "an output that is of type str"),
    ],
)
def test_outputs_that_are_not_understood(form, told):
    with pytest.raises(TypeError, match=told):
        of_square(Square(form))


class Returns(Square):
    """A forward or a backward that returns what it is told to."""

    def __init__(self, name, returned):
        self.form = lambda y: y
        setattr(self, name, lambda *_: returned)


@pytest.mark.parametrize(
    ("name", "returned", "told"),
    [
        ("forward", X, r"must return \(output, cache\); it returned ndarray"),
        ("forward", None, "it returned None"),
        ("forward", [X, X], "it returned list"),
        ("backward", X, r"must return \(dinputs, grads\).*it returned ndarray"),
        ("backward", None, "it returned None"),
        ("backward", RowGrad(np.arange(3), X), "it returned RowGrad"),
        ("backward", (X, None), "its grads is None"),
        ("backward", (X, [X]), "its grads is list, and must be a dict"),
        ("backward", ([X], {}), "its dinputs is list"),
        ("backward", ({"x": X}, {}), "its dinputs is dict"),
    ],
)
def test_pairs_that_are_none(name, returned, told):
    with pytest.raises(TypeError, match=told):
        of_square(Returns(name, returned))


def test_an_output_whose_shape_depends_on_values_is_named():
    class Moved(Square):
        def forward(self, p, x):
            return (x**2 if (x == X).all() else x[:1] ** 2), x

    with pytest.raises(TypeError, match="changes the shape of its output"):
        of_square(Moved())


def test_a_forward_that_is_only_finite_here_is_named():
    class Here(Square):
        def forward(self, p, x):
            return np.where(x == X, x**2, np.nan), x

    found = of_square(Here())
    assert not any(c.ok or c.kink for c in found)
    assert all("NaN or infinite" in c.hint for c in found)


def test_a_forward_that_does_not_run_on_complex_numbers_is_named():
    class Real(Square):
        def forward(self, p, x):
            if np.iscomplexobj(x):
                raise ValueError("real numbers only")
            return x**2, x

    found = of_square(Real())
    assert [c.ok for c in found] == [False, True]
    assert "does not run on complex numbers (ValueError: real numbers only)" in found[0].hint
    assert_ok(of_square(Real(), methods=("central differences",)))


def test_a_cast_to_float32_in_forward_is_no_kink_and_one_in_backward_is_measured():
    class Forward(Square):
        def forward(self, p, x):
            return (x.real.astype(np.float32) ** 2).astype(float), x

    class Backward(Square):
        def backward(self, x, dy):
            return 2 * x * dy.astype(np.float32), {}

    found = of_square(Forward())
    assert not any(c.ok or c.kink for c in found)
    assert all("float32" in c.hint for c in found)
    assert "float32 on the way" in next(c.hint for c in of_square(Backward()) if not c.ok)


def test_a_constant_proves_nothing():
    class Constant(Square):
        def forward(self, p, x):
            return np.ones(3), x

        def backward(self, x, dy):
            return np.zeros_like(x), {}

    found = of_square(Constant())
    assert [c.kink for c in found if not c.ok] == [True]
    with pytest.raises(AssertionError, match="the output depends on no leaf"):
        assert_ok(found)


def test_all_parameters_tracked_is_nothing_checked():
    class Tracked(Square):
        def forward(self, p, ids):
            return p["mean"][ids], None

        def backward(self, c, dy):
            return {}

        def tracked(self, c):
            return {"mean": np.ones(3)}

    with pytest.raises(ValueError, match="nothing was checked"):
        of_square(Tracked(), {"mean": np.zeros(3)}, (np.arange(3),))


def test_layers_may_keep_their_parameters_in_a_list():
    class Line(Square):
        """y = a x + b."""

        def forward(self, p, x):
            return p[0] * x + p[1], (p, x)

        def backward(self, c, dy):
            (a, _), x = c
            return a * dy, [(x * dy).sum(axis=0), dy.sum(axis=0)]

    class Numbered(Line):
        def backward(self, c, dy):
            dx, grads = super().backward(c, dy)
            return dx, {"0": grads[0], "1": grads[1]}

    params = [np.ones(2), np.zeros(2)]
    found = of_square(Line(), params)
    assert_ok(found)
    assert [c.name for c in found[::2]] == [": 0", ": 1", ": input 0"]
    with pytest.raises(TypeError, match="its grads is dict, and must be a list like params"):
        of_square(Numbered(), params)


def test_what_tracked_returns_is_named():
    class Tracked(Square):
        def tracked(self, c):
            return [X]

    with pytest.raises(TypeError, match=r"tracked\(cache\) must return \{path: new value\}; it returned list"):
        of_square(Tracked())


class Mean:
    """The mean of x W over the rows; `of_none` is the gradient of W in a batch without rows."""

    def __init__(self, of_none):
        self.of_none = of_none

    def forward(self, p, x):
        return x @ p["W"] / max(len(x), 1), (p["W"], x)

    def backward(self, c, dy):
        W, x = c
        dW = x.T @ dy / len(x) if len(x) else self.of_none
        return dy @ W.T / max(len(x), 1), {"W": dW}


@pytest.mark.parametrize(
    ("of_none", "told"),
    [
        (np.zeros((2, 4)), ""),
        (np.full((2, 4), np.nan), "NaN"),
        (np.ones((2, 4)), "does not depend on it"),
        (np.zeros((0, 4)), "shape (0, 4)"),
        (None, "no gradient"),
    ],
)
def test_a_batch_without_rows_is_checked(of_none, told):
    found = check(Mean(of_none), {"W": np.ones((2, 4))}, (np.zeros((0, 2)),), np.random.default_rng(0))
    assert all(c.ok for c in found) == (not told)
    assert all(told in c.hint for c in found if not c.ok)


def test_whatever_a_layer_does_the_callers_arrays_stay():
    class Vandal(Square):
        def forward(self, p, x, ids, batch):
            for a in (p["W"], x, ids, batch.labels):
                a[...] = 0
            p["V"] = x
            raise RuntimeError("after that")

    W, x, ids, batch = np.ones(2), X.copy(), np.arange(3), Batch(np.arange(3), np.ones(3))
    params = {"W": W}
    with pytest.raises(RuntimeError):
        check(Vandal(), params, (x, ids, batch), np.random.default_rng(0))
    assert list(params) == ["W"]
    for a, was in ((W, np.ones(2)), (x, X), (ids, np.arange(3)), (batch.labels, np.ones(3))):
        np.testing.assert_array_equal(a, was)


def test_writing_into_what_is_no_leaf_is_named_too():
    class Sorts(Square):
        def forward(self, p, x, batch):
            batch.ids.sort()
            return x**2, x

    found = of_square(Sorts(), inputs=(X, Batch(np.array([2, 1, 0]), np.zeros(3))))
    assert [c.hint for c in found] == ["forward writes into inputs[1].ids: it belongs to the caller"]


def test_a_list_that_grows_is_named():
    class Grows(Square):
        def forward(self, p, x, sizes):
            sizes.append(1)
            return x**2, x

    sizes = [2, 3]
    assert [c.name for c in of_square(Grows(), inputs=(X, sizes)) if not c.ok] == [": inputs[1]"]
    assert sizes == [2, 3]


def test_what_refuses_to_be_copied_is_mended():
    class Batch:
        def __init__(self):
            self.labels = np.ones(3)

        def __deepcopy__(self, memo):
            raise TypeError("holds a lock")

    class Writes(Square):
        def forward(self, p, x, batch):
            batch.labels[0] = 7
            return x**2, x

    batch = Batch()
    assert [c.name for c in of_square(Writes(), inputs=(X, batch)) if not c.ok] == [": inputs[1].labels"]
    np.testing.assert_array_equal(batch.labels, np.ones(3))


def test_a_derivative_that_differences_lose_in_rounding_is_no_fault_of_forward():
    class Faint(Square):
        def forward(self, p, x):
            return x**2 + 1e-20 * p["b"].sum(), x

        def backward(self, x, dy):
            return 2 * x * dy, {"b": np.zeros(2)}

    found = [c for c in of_square(Faint(), {"b": np.ones(2)}) if not c.ok]
    assert [(c.name, c.method) for c in found] == [(": b", "complex step")]
    assert "no gradient arrives" in found[0].hint


@pytest.mark.parametrize("error", [np.nan, 2.0])
def test_ok_is_not_taken_on_trust(error):
    with pytest.raises(AssertionError, match="1 of 1"):
        assert_ok([Check("W", "complex step", error, 1.0, True)])
    with pytest.raises(AssertionError, match="1 of 1"):
        assert_ok([Check("W", "complex step", 0.0, np.nan, True)])


@pytest.mark.parametrize("nothing", [[], (), iter(())])
def test_no_checks_are_no_pass(nothing):
    with pytest.raises(AssertionError, match="no gradient was checked"):
        assert_ok(nothing)


def test_nothing_rests_on_assert():
    program = """
import numpy as np
from croco_np.gradcheck import assert_ok, check
from croco_np.teaching import catches
class Square:
    def forward(self, p, x): return x**2, x
    def backward(self, x, dy): return np.full_like(x, np.nan), {}
x = np.ones((2, 2))
for f in (
    lambda: assert_ok(check(Square(), {}, (x,), np.random.default_rng(0))),
    lambda: catches(Square(), {}, (x,), leaves=set()),
    lambda: catches(Square(), {}, (x,), leaves={"W"}),
):
    try: f()
    except AssertionError: continue
    raise SystemExit(1)
"""
    assert subprocess.run([sys.executable, "-O", "-c", program], capture_output=True).returncode == 0
