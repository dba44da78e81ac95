"""Statistics of a few seeds, against numbers worked out by hand, tables of textbooks, and simulation."""

from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from croco_np.experiments.statistics import bootstrap_users, holm, mean, paired, smallest_difference
from croco_np.metrics import auc

REPETITIONS = 2000
P_VALUES = st.lists(st.floats(0, 1) | st.just(np.nan), min_size=1, max_size=8)
VALUES = st.lists(st.tuples(*[st.floats(-1, 1)] * 2), min_size=2, max_size=8)


def test_mean_by_hand():
    """2, 4, 6: deviation 2, and t(0.975, 2 degrees) = 4.303 in every table."""
    found = mean([2, 4, 6])
    assert (found.n, found.mean, found.deviation) == (3, 4, 2)
    assert found.half == pytest.approx(4.303 * 2 / sqrt(3), rel=1e-4)
    six = mean([1, 2, 3, 4, 5, 6])  # t(0.975, 5 degrees) = 2.5706
    assert six.half == pytest.approx(2.5706 * sqrt(3.5) / sqrt(6), rel=1e-4)


def test_mean_of_too_few():
    assert mean([7])[:2] == (1, 7)
    assert np.isnan(mean([7])[2:]).all()
    assert mean([7, np.nan])[:2] == (1, 7)
    assert mean([]).n == 0
    assert np.isnan(mean([])[1:]).all()


def test_paired_by_hand():
    """Differences 1, 2, 3: mean 2, deviation 1, error 1 / sqrt(3), t = 2 sqrt(3).

    With two degrees of freedom the tail has a closed form, p = 1 - t / sqrt(t^2 + 2) = 1 - sqrt(12 / 14).
    """
    found = paired([11, 22, 33], [10, 20, 30])
    assert (found.n, found.difference) == (3, 2)
    assert found.error == pytest.approx(1 / sqrt(3))
    assert found.half == pytest.approx(4.303 / sqrt(3), rel=1e-4)
    assert found.t == pytest.approx(2 * sqrt(3))
    assert found.p == pytest.approx(1 - sqrt(12 / 14))
    assert found.smallest == smallest_difference(1, 3)


def test_pairs_with_an_undefined_value_are_left_out():
    assert paired([11, np.nan, 22, 33, 5], [10, 1, 20, 30, np.nan]) == paired([11, 22, 33], [10, 20, 30])


@pytest.mark.parametrize(
    ("a", "b", "n", "difference"),
    [([0.5], [0.25], 1, 0.25), ([1, 2, 3], [1, 2, 3], 3, 0), ([2, 3, 4], [1, 2, 3], 3, 1)],
)
def test_where_nothing_can_be_tested(a, b, n, difference):
    found = paired(a, b)
    assert found[:2] == (n, difference)
    assert np.isnan(found[2:]).all()


@given(VALUES)
def test_paired_is_antisymmetric(values):
    a, b = zip(*values, strict=True)
    there, back = paired(a, b), paired(b, a)
    np.testing.assert_array_equal([there.difference, there.t], [-back.difference, -back.t])
    np.testing.assert_array_equal(there[2:4] + there[5:], back[2:4] + back[5:])


def test_holm_by_hand():
    """Four tests: 0.01 * 4, 0.02 * 3 raised to no less, 0.03 * 2 raised to 0.06, 0.04 raised to 0.06."""
    np.testing.assert_allclose(holm([0.04, 0.01, 0.03, 0.02]), [0.06, 0.04, 0.06, 0.06])
    np.testing.assert_allclose(holm([0.01, np.nan, 0.005, np.nan]), [0.01, np.nan, 0.01, np.nan])  # two tests, not four
    np.testing.assert_array_equal(holm([0.9, 0.8]), [1, 1])
    assert np.isnan(holm([np.nan])).all()
    assert holm([]).shape == (0,)


@given(P_VALUES)
def test_laws_of_holm(p):
    p = np.array(p)
    corrected, known = holm(p), np.isfinite(p)
    np.testing.assert_array_equal(np.isfinite(corrected), known)
    p, corrected = p[known], corrected[known]
    assert (corrected >= p).all()
    assert (corrected <= np.minimum(1, len(p) * p) + 1e-15).all()
    assert (np.diff(corrected[np.argsort(p)]) >= 0).all()


def test_smallest_difference_of_known_tables():
    """Cohen's d for a paired test at 5 % and 80 %: six pairs need 1.435, ten 0.996, twenty 0.660 (G*Power)."""
    assert smallest_difference(1, 6) == pytest.approx(1.435, abs=1e-3)
    assert smallest_difference(1, 10) == pytest.approx(0.996, abs=1e-3)
    assert smallest_difference(1, 20) == pytest.approx(0.660, abs=1e-3)
    assert smallest_difference(0.01, 6) == pytest.approx(0.01435, abs=1e-5)
    assert smallest_difference(1, 6, power=0.9) > smallest_difference(1, 6)
    assert np.isfinite(smallest_difference(1, 2))


def test_the_interval_covers_the_true_mean():
    """In 95 % of repetitions; the share itself has a standard error of half a percent."""
    rng = np.random.default_rng(0)
    found = [mean(rng.normal(3, 2, 5)) for _ in range(REPETITIONS)]
    covered = np.mean([abs(m.mean - 3) <= m.half for m in found])
    assert covered == pytest.approx(0.95, abs=0.015)


@pytest.mark.parametrize("n", [3, 6])
def test_the_smallest_difference_is_found_four_times_in_five(n):
    rng = np.random.default_rng(1)
    differences = rng.normal(smallest_difference(2, n), 2, (REPETITIONS, n))
    assert np.mean(stats.ttest_1samp(differences, 0, axis=1).pvalue < 0.05) == pytest.approx(0.8, abs=0.027)


def rows(n, seed=0, n_users=50):
    """Labels, users, and scores of a good and of a worthless model."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, n)
    return labels, rng.integers(0, n_users, n), labels + rng.standard_normal(n), rng.standard_normal(n)


def test_a_model_does_not_differ_from_itself():
    labels, users, good, _ = rows(200)
    assert bootstrap_users(good, good, labels, users, np.random.default_rng(0), 50) == (0, 0, 0, 1)


def test_a_better_model_is_better():
    labels, users, good, bad = rows(400)
    found = bootstrap_users(good, bad, labels, users, np.random.default_rng(0), 200)
    assert found.difference == pytest.approx(auc(good, labels).value - auc(bad, labels).value)
    assert 0 < found.low < found.difference < found.high
    assert found.p < 0.05
    back = bootstrap_users(bad, good, labels, users, np.random.default_rng(0), 200)
    assert back.p == found.p
    assert (back.low, back.high) == pytest.approx((-found.high, -found.low))


class Draws:
    """A generator that draws the users it was told to, and keeps what it was asked for."""

    def __init__(self, *draws):
        self.draws, self.asked = list(draws), []

    def integers(self, high, size):
        self.asked.append((high, size))
        return np.array(self.draws.pop(0))


@pytest.mark.parametrize("seed", range(5))
def test_a_draw_is_the_auc_of_repeated_rows(seed):
    """Scores are whole numbers, so most are tied. Users 0 to 3, of whom some are drawn several times, some never."""
    rng = np.random.default_rng(seed)
    labels, users, a, b = rng.integers(0, 2, 40), np.arange(40) % 4, rng.integers(0, 4, 40), rng.integers(0, 4, 40)
    drawn = rng.integers(0, 4, 4)
    found = bootstrap_users(a, b, labels, users, Draws(drawn), 1)
    repeated = np.concatenate([np.flatnonzero(users == user) for user in drawn])
    of_a, of_b = (auc(scores[repeated].astype(float), labels[repeated]).value for scores in (a, b))
    assert found.low == found.high == pytest.approx(of_a - of_b, abs=1e-14)


def test_rows_without_a_user_are_drawn_each_by_themselves():
    """Two users and three rows without one are five things to draw, and rows 1, 2, 4 can come without each other."""
    labels, users = np.array([0, 1, 1, 0, 0]), np.array([7, -1, -1, 9, -1])
    a, b = np.array([0.1, 0.9, 0.2, 0.3, 0.8]), np.array([0.1, 0.0, 0.2, 0.3, 0.8])
    draws = Draws([0, 0, 0, 0, 2])  # groups in order: users 7 and 9, then rows 1, 2, 4
    found = bootstrap_users(a, b, labels, users, draws, 1)
    assert draws.asked == [(5, 5)]
    assert found.low == 1 - 0  # row 1 against row 0: above it by scores a, below by scores b


def test_labels_of_one_class_have_no_interval():
    labels, users, good, bad = rows(50)
    found = bootstrap_users(good, bad, np.ones_like(labels), users, np.random.default_rng(0), 20)
    assert np.isnan(found).all()
