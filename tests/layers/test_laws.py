"""What holds for every layer at every size: batches of one row, absent domains, no rows at all."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from croco_np.gradcheck import assert_ok, check
from croco_np.kernels.twin import using
from croco_np.layers import (
    MLP,
    ElementGate,
    Embeddings,
    Experts,
    GateLogits,
    GateUnit,
    Linear,
    LookUpExperts,
    PerDomain,
    ScalarGate,
    ScenarioAttention,
    Tower,
)
from croco_np.tree import RowGrad, flatten, tree_map

sizes = st.integers(1, 4)


def look_up_experts(vocabulary, m, width, widths, few=2):
    n_in = len(vocabulary) * width
    return LookUpExperts(Embeddings(vocabulary, m, width, std=1.0), Experts(m, (n_in, *widths)), few)


@st.composite
def layers(draw, min_rows=0):
    """(layer, parameters, inputs, generator): any layer, at any size, with any split of the rows over the domains."""
    n, n_domains = draw(st.integers(min_rows, 6)), draw(sizes)
    m, k, p = draw(sizes), draw(sizes), draw(sizes)
    cuts = sorted(draw(st.lists(st.integers(0, n), min_size=n_domains - 1, max_size=n_domains - 1)))
    domains = tuple(slice(a, b) for a, b in zip([0, *cuts], [*cuts, n], strict=True))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    e, o = rng.standard_normal((n, p)), rng.standard_normal((n, m, k))
    said = rng.standard_normal((n, n_domains, k))
    vocabulary = tuple(draw(st.lists(sizes, min_size=1, max_size=3)))
    ids = np.stack([rng.integers(0, v, n) for v in vocabulary], axis=1)
    layer, inputs = draw(
        st.sampled_from(
            [
                (Linear(p, k), (e,)),
                (MLP((p, 3, k)), (e,)),
                (Tower((p, k)), (e,)),
                (Embeddings(vocabulary, m, k, std=1.0), (ids,)),
                (Experts(m, (k, 3, p)), (o,)),
                (Experts(m, (k, 3)), (o[:, :1],)),
                (look_up_experts(vocabulary, m, k, (3, p)), (ids,)),
                (PerDomain(Tower((p, k)), n_domains), (domains, e)),
                (ScalarGate(p, m, n_domains, bias=True), (domains, e, o)),
                (ScalarGate(p, m, n_domains, bias=True, hidden=(3, 2)), (domains, e, o)),
                (GateLogits((p, 3), k), (e,)),
                (ElementGate(p, m, k, n_domains), (domains, e, o)),
                (GateUnit(p, 3, k, n_domains), (domains, e)),
                (ScenarioAttention(p, n_domains, "official"), (domains, e, said)),
                (ScenarioAttention(p, n_domains, "renorm"), (domains, e, said)),
                (ScenarioAttention(p, n_domains, "with_self"), (domains, e, said)),
            ]
        )
    )
    params = tree_map(lambda w: w + 0.3 * rng.standard_normal(w.shape), layer.init(rng))
    return layer, params, inputs, rng


def outputs(layer, params, inputs):
    y, cache = layer.forward(params, *inputs)
    return (y if isinstance(y, tuple) else (y,)), cache


def cotangent(ys, rng):
    drawn = tuple(rng.standard_normal(y.shape) for y in ys)
    return drawn[0] if len(drawn) == 1 else drawn


@given(layers(min_rows=1))
@settings(max_examples=60, deadline=None)
def test_backward_is_the_adjoint_of_forward(drawn):
    layer, params, inputs, rng = drawn
    checks = check(layer, params, inputs, rng, name=type(layer).__name__)
    assume(not any(c.kink for c in checks))
    assert_ok(checks)


class OneEntryWrong:
    """A layer with an error of 1e-9 of the norm in one entry of one gradient, of a parameter or an input."""

    def __init__(self, layer, which, entry):
        self.layer, self.which, self.entry, self.forward = layer, which, entry, layer.forward

    def backward(self, c, dy):
        dinputs, grads = self.layer.backward(c, dy)
        dinputs = dinputs if isinstance(dinputs, tuple) else (dinputs,)
        gradients = [g.values if isinstance(g, RowGrad) else g for g in (*dinputs, *flatten(grads).values())]
        gradients = [g for g in gradients if g is not None and g.any()]
        assume(gradients)
        g = gradients[self.which % len(gradients)]
        g.flat[self.entry % g.size] += 1e-9 * np.linalg.norm(g)
        return dinputs, grads


@given(layers(min_rows=1), st.integers(0, 1000), st.integers(0, 1000))
@settings(max_examples=60, deadline=None)
def test_one_wrong_entry_is_seen(drawn, which, entry):
    layer, params, inputs, rng = drawn
    found = check(OneEntryWrong(layer, which, entry), params, inputs, rng, methods=("complex step",))
    assert [c for c in found if not c.ok]


@given(layers())
@settings(max_examples=60, deadline=None)
def test_gradients_have_the_tree_and_the_shapes_of_the_parameters(drawn):
    layer, params, inputs, rng = drawn
    ys, cache = outputs(layer, params, inputs)
    dinputs, grads = layer.backward(cache, cotangent(ys, rng))
    expected = {k: w.shape for k, w in flatten(params).items()}
    assert expected == {
        k: w.dense(expected[k]).shape if isinstance(w, RowGrad) else w.shape for k, w in flatten(grads).items()
    }
    floats = [x for x in inputs if isinstance(x, np.ndarray) and x.dtype.kind == "f"]
    dinputs = dinputs if isinstance(dinputs, tuple) else (dinputs,)
    for x, dx in zip(floats, dinputs, strict=False):
        assert dx.shape == x.shape


@given(layers())
@settings(max_examples=60, deadline=None)
def test_arguments_are_left_alone(drawn):
    layer, params, inputs, rng = drawn
    arrays = [*flatten(params).values(), *(x for x in inputs if isinstance(x, np.ndarray))]
    for array in arrays:
        array.setflags(write=False)  # writing to one raises
    with using("numpy"):  # for Numba read-only arrays are another type, compiled anew
        ys, cache = outputs(layer, params, inputs)
        dy = cotangent(ys, rng)
        for d in dy if isinstance(dy, tuple) else (dy,):
            d.setflags(write=False)
        layer.backward(cache, dy)


@given(layers())
@settings(max_examples=40, deadline=None)
def test_the_twins_leave_arguments_alone(drawn):
    layer, params, inputs, rng = drawn
    arrays = [*flatten(params).values(), *(x for x in inputs if isinstance(x, np.ndarray))]
    before = [array.copy() for array in arrays]
    ys, cache = outputs(layer, params, inputs)
    layer.backward(cache, cotangent(ys, rng))
    assert all(np.array_equal(a, b) for a, b in zip(arrays, before, strict=True))


@given(layers(), st.sampled_from(["numpy", "numba"]))
@settings(max_examples=60, deadline=None)
def test_precision_in_is_precision_out(drawn, side):
    layer, params, inputs, rng = drawn
    params = tree_map(lambda w: w.astype(np.float32), params)
    inputs = tuple(x.astype(np.float32) if isinstance(x, np.ndarray) and x.dtype.kind == "f" else x for x in inputs)
    with using(side):
        ys, cache = outputs(layer, params, inputs)
        dy = cotangent(ys, rng)
        dy = tuple(d.astype(np.float32) for d in dy) if isinstance(dy, tuple) else dy.astype(np.float32)
        dinputs, grads = layer.backward(cache, dy)
    dinputs = dinputs if isinstance(dinputs, tuple) else (dinputs,)
    found = {y.dtype for y in ys} | {d.dtype for d in dinputs if d is not None}
    found |= {g.values.dtype if isinstance(g, RowGrad) else g.dtype for g in flatten(grads).values()}
    assert found == {np.dtype(np.float32)}


@given(layers(min_rows=1), st.data())
@settings(max_examples=60, deadline=None)
def test_rows_do_not_see_each_other(drawn, data):
    layer, params, inputs, _ = drawn
    ys, _ = outputs(layer, params, inputs)
    i = data.draw(st.integers(0, len(ys[0]) - 1))

    def only_row_i(x):
        return tuple(slice(int(d.start > i), int(d.stop > i)) for d in x) if isinstance(x, tuple) else x[i : i + 1]

    alone = tuple(only_row_i(x) for x in inputs)
    for y, y_alone in zip(ys, outputs(layer, params, alone)[0], strict=True):
        np.testing.assert_allclose(y_alone, y[i : i + 1], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("gate", [ScalarGate(3, 4, 2), ElementGate(3, 4, 5, 2)])
def test_shares_can_only_be_moved(gate):
    rng = np.random.default_rng(0)
    e, o, domains = rng.standard_normal((6, 3)), rng.standard_normal((6, 4, 5)), (slice(0, 2), slice(2, 6))
    (h, g), cache = gate.forward(gate.init(rng), domains, e, o)
    np.testing.assert_allclose(g.sum(axis=1), 1)
    _, grads = gate.backward(cache, (rng.standard_normal(h.shape), rng.standard_normal(g.shape)))
    for own in grads:
        per_expert = own["W"].reshape(3, 4, -1)
        np.testing.assert_allclose(per_expert.sum(axis=1), 0, atol=1e-12)


@pytest.mark.parametrize("side", ["numpy", "numba"])
@pytest.mark.parametrize("few", [0, 3, 9])
def test_look_up_experts_are_embeddings_and_experts(side, few):
    """No field narrow, some, all of them: the same outputs and gradients as the two layers one after the other."""
    rng = np.random.default_rng(0)
    layer = look_up_experts((2, 9, 3, 7), 3, 4, (5, 6), few)
    ids = np.stack([rng.integers(0, v, 20) for v in layer.embeddings.vocabulary], axis=1)
    params, do = layer.init(rng), rng.standard_normal((20, 3, 6))
    with using(side):
        o, cache = layer.forward(params, ids)
        _, grads = layer.backward(cache, do)
        x, below = layer.embeddings.forward(params["embeddings"], ids)
        other, above = layer.experts.forward(params["experts"], x)
        dx, experts = layer.experts.backward(above, do)
        _, embeddings = layer.embeddings.backward(below, dx)
    np.testing.assert_allclose(o, other, rtol=1e-13, atol=1e-13)
    expected = flatten({"embeddings": embeddings, "experts": experts})
    assert list(flatten(grads)) == list(expected)
    for path, g in flatten(grads).items():
        same = expected[path]
        if isinstance(g, RowGrad):
            np.testing.assert_array_equal(g.rows, same.rows)
            g, same = g.values, same.values
        np.testing.assert_allclose(g, same, rtol=1e-12, atol=1e-13, err_msg=path)
