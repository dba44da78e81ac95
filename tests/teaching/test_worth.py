"""The sentence after a right answer is true: what those of tutorials 6 to 10 claim in numbers."""

import numpy as np
import pytest

from croco_np.losses.bce import sigmoid
from croco_np.teaching.solutions import every

SOLUTIONS = every()


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def worth(number, *said):
    """The right answer of an exercise whose sentence says all of `said`."""
    assert all(text in SOLUTIONS[number].worth for text in said), SOLUTIONS[number].worth
    return SOLUTIONS[number].answer


def test_even_probabilities_have_a_ceiling_of_five_sixths():
    best = worth("6.2", "5/6", "0.83")
    assert abs(best((np.arange(1500) + 0.5) / 1500) - 5 / 6) < 1e-3


def test_a_pairwise_loss_says_nothing_of_click_rates(rng):
    backward = worth("6.3", "adds up to 0")
    z, y = rng.standard_normal(20), rng.integers(0, 2, 20)
    assert abs(backward(z, y).sum()) < 1e-15
    assert np.allclose(backward(z + 3, y), backward(z, y), rtol=0, atol=1e-12)
    assert abs(sigmoid(z + 3).mean() - y.mean()) > 0.2


def test_the_first_term_of_abundance_has_singular_values_of_1(rng):
    worth("7.1", "every singular value set to 1")
    U, _, Vt = np.linalg.svd(rng.standard_normal((9, 4)), full_matrices=False)
    assert np.allclose(np.linalg.svd(U @ Vt, compute_uv=False), 1)


def test_sixteen_experts_are_diverse_by_chance():
    chance = worth("7.2", "sixteen", "0.98")
    assert round(chance(16, 0.25), 2) == 0.98


def test_no_step_on_a_correlation_makes_a_unit_shorter(rng):
    backward = worth("7.3", "makes the unit longer")
    x, y = rng.standard_normal((2, 12))
    a = x - x.mean()
    for step in (-0.1, 0.1, 5):
        moved = x + step * backward(x, y)
        assert np.linalg.norm(moved - moved.mean()) > np.linalg.norm(a)


def test_a_factor_of_rank_one_scales_inputs_and_outputs(rng):
    worth("8.2", "x (W * r q^T) is ((x * r) W) * q")
    x, W, r, q = rng.standard_normal((5, 4)), rng.standard_normal((4, 3)), rng.random(4), rng.random(3)
    assert np.allclose(x @ (W * np.outer(r, q)), ((x * r) @ W) * q)


def test_networks_that_do_not_meet_may_begin_to(rng):
    backward = worth("8.3", "A the identity", "du' * v")
    u, v, du2, dv2 = rng.standard_normal((4, 6, 3))
    assert np.isclose(backward(u, v, np.eye(2), du2, dv2)[2][0, 1], (du2 * v).sum())


def test_six_operations_for_each_weight_and_row():
    count = worth("9.1", "Six operations")
    assert count(7, 5, 3)[0] == 6 * (5 * 3) * 7


def test_any_number_of_workers_makes_the_same_bits(rng):
    add_mine = worth("9.2", "to the last bit")
    slots, d = rng.integers(0, 6, 200), rng.standard_normal((200, 3))
    sums = {}
    for n_workers in (1, 2, 5):
        sums[n_workers] = np.zeros((6, 3))
        for worker in range(n_workers):
            add_mine(sums[n_workers], slots, d, worker, n_workers)
    assert np.array_equal(sums[1], sums[2])
    assert np.array_equal(sums[1], sums[5])


def test_an_idle_row_goes_nine_steps_further():
    catch_up = worth("9.3", "nine full steps", "0.9")
    w, m = catch_up(np.zeros(3), np.ones(3), np.array([0, 10, 2000]), 0.1, 0.9)
    assert np.allclose(w[[0, 2]], [0, -9 * 0.1])
    assert -0.9 < w[1] < 0
    assert m[2] < 1e-90


def test_layer_normalisation_sees_no_shift_and_no_stretch(rng):
    worth("10.5", "adds up to 0", "orthogonal to x-hat")
    x, dxhat = rng.standard_normal((2, 5, 8))
    centred = x - x.mean(axis=1, keepdims=True)
    s = np.sqrt((centred**2).mean(axis=1, keepdims=True))
    xhat = centred / s
    stretch = (dxhat * xhat).mean(axis=1, keepdims=True)
    dx = (dxhat - dxhat.mean(axis=1, keepdims=True) - xhat * stretch) / s
    assert np.allclose(dx.sum(axis=1), 0)
    assert np.allclose((dx * xhat).sum(axis=1), 0)
