"""The sentence after a right answer is true: what it claims in numbers."""

import numpy as np
import pytest

from croco_np.losses import covariance, row_weights
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


def test_a_squared_relu_has_no_kink():
    backward = worth("1.3", "no kink")
    for z in (-1e-9, 0.0, 1e-9):
        assert abs(backward((np.eye(1), np.ones((1, 1)), np.full((1, 1), z)), np.ones((1, 1)))[0].item()) < 1e-8


def test_float32_sees_four_digits():
    step, eps = worth("1.4", "2.5e-5"), np.finfo(np.float32).eps
    errors = {s: eps / s + s**2 / 6 for s in (step / 2, step, 2 * step)}
    assert min(errors, key=errors.get) == step
    assert abs(errors[step] - 2.5e-5) < 5e-7


def test_most_of_a_large_table_is_not_named():
    worth("2.1", "at most 8,192 of 467,298", "98 % zeros")
    assert 0.98 < 1 - 8192 / 467_298 < 0.985


def ends(turns):
    """All sums that two workers can end at, each reading and writing `turns` times, on any schedule."""
    seen, stack = set(), [(0, (0, 0), (0, 0))]  # the sum; of each worker how often it read or wrote, and what it read
    while stack:
        state = stack.pop()
        if state in seen:
            continue
        seen.add(state)
        total, *workers = state
        for i, (steps, read) in enumerate(workers):
            if steps < 2 * turns:
                after, now = list(workers), total if steps % 2 == 0 else read + 1
                after[i] = (steps + 1, now if steps % 2 == 0 else 0)
                stack.append((now, *after))
    return {total for total, *workers in seen if all(steps == 2 * turns for steps, _ in workers)}


@pytest.mark.parametrize("turns", [2, 3, 5])
def test_two_old_reads_undo_any_number_of_turns(turns):
    assert min(ends(turns)) == worth("2.4", "any number of turns from two up")
    assert max(ends(turns)) == 2 * turns
    assert ends(1) == {1, 2}


def test_cross_entropy_through_the_softmax(rng):
    backward = worth("3.1", "dg = -t / g", "da = g - t")
    g, t = rng.dirichlet(np.ones(4), 5), np.eye(4)[rng.integers(0, 4, 5)]
    assert np.allclose(backward(g, -t / g), g - t)


def test_an_expert_without_a_share_learns_nothing(rng):
    backward = worth("3.2", "share has gone to 0")
    g, o = np.zeros((2, 3, 4)), rng.standard_normal((2, 3, 4))
    g[:, 1:] = 0.5
    do, da = backward(g, o, (g * o).sum(axis=1), rng.standard_normal((2, 4)))
    assert not do[:, 0].any()
    assert not da[:, 0].any()


def test_a_and_T_that_grow_alike_change_no_share(rng):
    backward = worth("3.3", "add up to 0")
    a, dg = rng.standard_normal((2, 5, 4))
    da, dT = backward(a, 0.7, dg)
    assert abs(0.7 * dT + (a * da).sum()) < 1e-12


def test_covloss_forgets_constants_and_falls_with_the_outputs(rng):
    value = worth("4.1", "Add a constant", "to a quarter")
    o = rng.standard_normal((9, 3, 4))
    assert np.isclose(value(o + rng.standard_normal((3, 4))), value(o))
    assert np.isclose(value(o / 2), value(o) / 4)


def test_only_signs_push(rng):
    """An output that is made 1000 times smaller pushes the others less, and is pushed as hard as before."""
    backward = worth("4.2", "Of C only the signs")
    o = rng.standard_normal((9, 2, 1))
    small = o * np.array([1, 1e-3])[:, None]
    assert np.allclose(backward(small)[:, 1], backward(o)[:, 1])


def test_the_weight_of_the_mean():
    assert round(worth("4.3", "0.41") * 256, 2) == 0.41


def test_a_sample_of_independent_outputs_says_too_much(rng):
    sampled = worth("4.4", "11 times")
    o = rng.standard_normal((4096, 4, 8))
    drawn = [sampled(o, rng.choice(4096, 32, replace=False))[0] for _ in range(40)]
    assert abs(np.mean(drawn) / covariance(o)[0] - np.sqrt(128)) < 1


def test_a_rare_row_weighs_more():
    w = worth("5.2", "179 + 69 + 8", "22 times")((slice(0, 179), slice(179, 248), slice(248, 256)))
    assert round(w[-1] / w[0]) == 22


@pytest.mark.parametrize(("B", "n"), [(10, 1), (100, 1), (10_000, 1), (100, 15)])
def test_one_rare_row_makes_any_batch_worth_less_than_four(B, n):
    worth("5.3", "less than 4 rows", "4 n (B - n) / B")
    w = row_weights((slice(0, n), slice(n, B)), "domain_mean")
    rows = w.sum() ** 2 / (w**2).sum()
    assert rows == pytest.approx(4 * n * (B - n) / B)
    assert n > 1 or 3.5 < rows < 4


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
