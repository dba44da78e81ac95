"""What holds for every loss at every size, where each is smallest, and what leaves it unchanged."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from croco_np.gradcheck import assert_ok, check
from croco_np.gradcheck.cases import REAL_ONLY, LossOf
from croco_np.kernels.mix import softmax
from croco_np.losses import (
    LOSSES,
    cosine,
    covariance,
    distance_correlation,
    dot,
    importance,
    init_trans5,
    ole,
    trans5,
    vicreg,
)

CALLS = [(name, label) for name, loss in LOSSES.items() for label in loss.variants]


def calls(fits=lambda loss, arguments: True):
    """The losses and variants that a law is about."""
    fitting = [(name, label) for name, label in CALLS if fits(LOSSES[name], LOSSES[name].variants[label])]
    return pytest.mark.parametrize(("name", "label"), fitting)


every_loss = calls()


def near(a, b, tolerance=1e-12):
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


def outputs(seed=0, n=9, m=3, k=4):
    """Non-negative outputs that share something."""
    rng = np.random.default_rng(seed)
    return np.abs(rng.standard_normal((n, m, k)) + rng.standard_normal((n, 1, 1)))


@st.composite
def taps(draw, name, smallest=(0, 1, 1), some_off=True):
    """(tap, own parameters, generator) at any size: gates scalar or not, experts of which some are off in some rows."""
    n, m, k = (draw(st.integers(low, high)) for low, high in zip(smallest, (9, 4, 4), strict=True))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    loss = LOSSES[name]
    if loss.tap == "gates":
        return softmax(rng.standard_normal((n, m) if draw(st.booleans()) else (n, m, k))), {}, rng
    o = np.abs(rng.standard_normal((n, m, k)) + rng.standard_normal((n, 1, 1)))
    if some_off and draw(st.booleans()):
        o[rng.random((n, m)) < 0.3] = 0
    own = {key: w + 0.3 * rng.standard_normal(w.shape) for key, w in loss.init(rng, m, k).items()} if loss.init else {}
    return o, own, rng


def call(name, label, n_rows):
    """The arguments of a variant, with sampled rows that exist."""
    arguments = LOSSES[name].variants[label]
    return arguments | {"rows": [i for i in arguments["rows"] if i < n_rows]} if "rows" in arguments else arguments


@every_loss
def test_shapes_dtypes_and_untouched_arguments(name, label):
    @given(taps(name, (0, 2 if LOSSES[name].init else 1, 1)), st.sampled_from([np.float32, np.float64]))
    @settings(max_examples=25, deadline=None)
    def law(drawn, dtype):
        x, own, _ = drawn
        x, own = x.astype(dtype), {key: w.astype(dtype) for key, w in own.items()}
        for array in (x, *own.values()):
            array.flags.writeable = False
        value, *gradients = LOSSES[name].loss(x, **own, **call(name, label, len(x)))
        assert np.ndim(value) == 0
        assert np.isfinite(value)
        for array, gradient in zip((x, *own.values()), gradients, strict=True):
            assert (gradient.shape, gradient.dtype) == (array.shape, dtype)
            assert np.isfinite(gradient).all()

    law()


@every_loss
def test_backward_is_the_derivative(name, label):
    """Away from kinks, and from minima, where a gradient is mostly rounding. Not below six rows: two or three are
    nearly always fully correlated, with gradients near 0."""
    real_only = ", ".join(filter(None, (name, label))) in REAL_ONLY
    methods = ("central differences",) if real_only else ("complex step",)

    @given(taps(name, (6, 2, 2), some_off=False))
    @settings(max_examples=25, deadline=None)
    def law(drawn):
        x, own, rng = drawn
        layer = LossOf(LOSSES[name].loss, call(name, label, len(x)))
        assume(name != "importance" or layer.forward(own, x)[0] > 1e-4)  # balanced shares: a minimum
        checks = check(layer, own, (x,), rng, name=name, methods=methods)
        assume(not any(c.kink for c in checks))
        assert_ok(checks)

    law()


@calls(lambda loss, arguments: "rows" not in arguments)
def test_rows_in_another_order(name, label):
    x = softmax(outputs()) if LOSSES[name].tap == "gates" else outputs()
    own = LOSSES[name].init(np.random.default_rng(1), 3, 4) if LOSSES[name].init else {}
    order = np.random.default_rng(2).permutation(len(x))
    arguments = LOSSES[name].variants[label]
    value, gradient, *_ = LOSSES[name].loss(x, **own, **arguments)
    moved, moved_gradient, *_ = LOSSES[name].loss(x[order], **own, **arguments)
    near(moved, value)
    near(moved_gradient, gradient[order], 1e-9)


@calls(lambda loss, arguments: not loss.init)  # there, a pair has a matrix of its own
def test_experts_in_another_order(name, label):
    x = softmax(outputs()) if LOSSES[name].tap == "gates" else outputs()
    arguments = call(name, label, len(x))
    order = [2, 0, 1]
    value, gradient = LOSSES[name].loss(x, **arguments)
    moved, moved_gradient = LOSSES[name].loss(x[:, order], **arguments)
    near(moved, value)
    near(moved_gradient, gradient[:, order], 1e-9)


@every_loss
def test_nan_is_not_swallowed(name, label):
    x = softmax(outputs()) if LOSSES[name].tap == "gates" else outputs()
    x[2, 1] = np.nan
    own = LOSSES[name].init(np.random.default_rng(1), 3, 4) if LOSSES[name].init else {}
    assert np.isnan(LOSSES[name].loss(x, **own, **call(name, label, len(x)))[0])


@every_loss
def test_no_rows_no_loss(name, label):
    x = outputs()[:0]
    own = LOSSES[name].init(np.random.default_rng(1), 3, 4) if LOSSES[name].init else {}
    value, gradient, *rest = LOSSES[name].loss(x, **own, **call(name, label, 0))
    assert value == 0
    assert gradient.shape == (0, 3, 4)
    assert all(not g.any() for g in rest)


@pytest.mark.parametrize("loss", [covariance, distance_correlation, vicreg])
def test_one_row_does_not_vary(loss):
    value, do = loss(outputs(n=1))
    assert value == 0
    assert not do.any()


@pytest.mark.parametrize("loss", [covariance, dot, cosine, distance_correlation, ole])
def test_one_expert_has_no_partner(loss):
    value, do = loss(outputs(m=1))
    assert value == 0
    assert not do.any()


@calls(lambda loss, arguments: loss.tap == "experts")
def test_experts_that_are_off_have_no_gradient(name, label):
    """All outputs 0: sgn(0) = 0, no direction, no length."""
    own = LOSSES[name].init(np.random.default_rng(1), 3, 4) if LOSSES[name].init else {}
    _, *gradients = LOSSES[name].loss(np.zeros((12, 3, 4)), **own, **LOSSES[name].variants[label])
    assert all(not g.any() for g in gradients)


def test_one_expert_off_leaves_the_others_alone_with_each_other():
    o = outputs()
    o[:, 1] = 0
    for loss in (covariance, cosine, ole):
        pair = loss(o[:, [0, 2]])
        value, do = loss(o)
        share = 1 if loss is covariance else 1 / 3  # a sum over pairs, or a mean over three
        near(value, share * pair[0])
        near(do[:, [0, 2]], share * pair[1])
        assert not do[:, 1].any()


@pytest.mark.parametrize("loss", [dot, cosine, ole])
def test_smallest_where_no_two_experts_fire_together(loss):
    """Expert m uses dimension m only, or the rows that are m modulo 3 only: 0, and no gradient where it is on."""
    o = outputs(k=3) * np.eye(3)
    if loss is ole:
        o = outputs() * (np.arange(9)[:, None] % 3 == np.arange(3))[:, :, None]
    value, do = loss(o)
    assert value == 0
    assert not (do * o).any()
    assert value <= loss(outputs())[0]


def test_ole_nuclear_smallest_at_orthogonal_experts():
    o = 5 * outputs(k=3) * np.eye(3)
    value, do = ole(o, form="nuclear")
    near(value, 0)
    near(do, 0)
    assert ole(outputs(), form="nuclear")[0] > 0.01


def test_cosine_knows_no_length():
    o = outputs()
    near(cosine(o * np.array([1, 7, 0.3])[:, None])[0], cosine(o)[0])
    near((cosine(o)[1] * o).sum(axis=2), 0)
    near(cosine(np.repeat(o[:, :1], 3, axis=1))[0], 1)


def test_distance_correlation_of_copies_is_one():
    """Copies that are shifted, stretched or turned are copies still."""
    o = outputs(n=40)
    turn = np.linalg.qr(np.random.default_rng(1).standard_normal((4, 4)))[0]
    copies = np.stack([o[:, 0], 3 * o[:, 0] + 5, o[:, 0] @ turn], axis=1)
    value, do = distance_correlation(copies)
    near(value, 1, 1e-6)
    near(do, 0, 1e-6)
    assert distance_correlation(o)[0] < 0.95


def test_distance_correlation_of_repeated_rows():
    o = np.repeat(outputs(), 3, axis=0)
    value, do = distance_correlation(o)
    near(do[0], do[1])
    assert np.isfinite(value)
    assert np.abs(do).max() < 1


@pytest.mark.parametrize("loss", [covariance, distance_correlation, vicreg])
def test_a_constant_more_for_each_unit_changes_nothing(loss):
    o = outputs()
    shifted = loss(o + np.random.default_rng(1).random((3, 4)))
    near(shifted[0], loss(o)[0], 1e-9)
    near(shifted[1], loss(o)[1], 1e-9)
    near(loss(o)[1].sum(axis=0), 0, 1e-9)


@pytest.mark.parametrize("loss", [covariance, distance_correlation])
def test_sampled_rows_are_the_loss_of_these_rows(loss):
    o, rows = outputs(), np.array([1, 2, 5, 8])
    value, do = loss(o, rows=rows)
    some, dsome = loss(o[rows])
    scale = 9 / 4 if loss is covariance else 1  # a sum over the rows keeps its size
    near(value, scale * some)
    near(do[rows], scale * dsome)
    assert not np.delete(do, rows, axis=0).any()


def test_importance_smallest_at_equal_use():
    """Equal use in the batch, not in each row."""
    value, _ = importance(np.eye(3))
    near(value, 0)
    near(importance(np.full((5, 4, 2), 0.25))[0], 0)


def test_importance_largest_where_one_expert_does_everything():
    near(importance(np.eye(4)[[2] * 6])[0], 3, 1e-9)  # M - 1


def test_importance_does_not_grow_with_the_batch():
    g = softmax(outputs())
    near(importance(np.concatenate([g, g]))[0], importance(g)[0], 1e-9)


def test_trans5_of_orthogonal_matrices():
    """There and back again is free, whatever the experts; with experts that are maps of each other all is."""
    o, rng = outputs(), np.random.default_rng(1)
    W = init_trans5(rng, 3, 4)["W"]
    near(np.swapaxes(W, 1, 2) @ W, np.broadcast_to(np.eye(4), (3, 4, 4)))
    near(trans5(o, W, eta=0.0)[0], 0)
    pair = np.stack([o[:, 0], o[:, 0] @ W[0]], axis=1)
    near(trans5(pair, W[:1])[0], 0)


def test_trans5_needs_two_experts():
    with pytest.raises(ValueError, match="at least 2"):
        init_trans5(np.random.default_rng(0), 1, 4)


def test_vicreg_smallest_where_units_do_not_vary_together():
    """Only the covariance between units counts, not their variance, and not the other experts."""
    z = np.array([[1.0, 1], [-1, 1], [1, -1], [-1, -1]])
    value, do = vicreg(np.stack([5 * z, z], axis=1))
    assert value == 0
    assert not do.any()


def test_unknown_form_of_ole():
    with pytest.raises(ValueError, match="soft"):
        ole(outputs(), form="fro")
