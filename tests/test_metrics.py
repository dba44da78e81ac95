"""AUC and gAUC against a count over all pairs, and what they say where they are undefined."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from croco_np.metrics import auc, evaluate, gauc


def auc_by_pairs(scores, labels):
    """The definition: over all pairs of a positive and a negative, 1 if it is ranked right, 1/2 for a tie."""
    pairs = [(p > n) + 0.5 * (p == n) for p in scores[labels == 1] for n in scores[labels == 0]]
    return sum(pairs) / len(pairs) if pairs else None


rows = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 1), st.integers(-2, 2)), min_size=1, max_size=40)


def test_auc_by_hand():
    # positives 3 and 1, negatives 2 and 1: 3>2, 3>1, 1<2, 1=1 -> (1 + 1 + 0 + 1/2) / 4
    assert auc(np.array([3.0, 1, 2, 1]), np.array([1, 1, 0, 0])).value == 0.625


def test_gauc_by_hand():
    # user 7: 2 rows, ranked right (AUC 1); user 8: 3 rows, ranked wrong (AUC 0); user 9: one class, left out
    scores, labels = np.array([2.0, 1, 1, 2, 3, 5]), np.array([1, 0, 1, 0, 0, 1])
    result = gauc(scores, labels, np.array([7, 7, 8, 8, 8, 9]))
    assert result.value == pytest.approx(2 / 5)
    assert result.share == pytest.approx(5 / 6)


@given(rows)
def test_auc_is_the_share_of_right_pairs(drawn):
    _, labels, scores = (np.array(column) for column in zip(*drawn, strict=True))
    expected = auc_by_pairs(scores, labels)
    result = auc(scores.astype(float), labels)
    if expected is None:
        assert result.value is None
        assert result.reason
    else:
        assert result.value == pytest.approx(expected, abs=1e-12)


@given(rows)
def test_gauc_is_the_weighted_mean_over_users(drawn):
    users, labels, scores = (np.array(column) for column in zip(*drawn, strict=True))
    total = weight = 0
    for user in set(users.tolist()):
        area = auc_by_pairs(scores[users == user], labels[users == user])
        if area is not None:
            n = int((users == user).sum())
            total, weight = total + n * area, weight + n
    result = gauc(scores.astype(float), labels, users)
    assert result.share == pytest.approx(weight / len(users))
    assert result.value == (None if weight == 0 else pytest.approx(total / weight, abs=1e-12))


@given(rows, st.floats(0.1, 10), st.floats(-5, 5))
def test_auc_only_sees_the_order(drawn, slope, shift):
    _, labels, scores = (np.array(column) for column in zip(*drawn, strict=True))
    assert auc(scores.astype(float), labels) == auc(np.exp(slope * scores + shift), labels)


def test_undefined_is_none_with_a_reason():
    empty = evaluate(np.zeros(0), np.zeros(0, int), np.zeros(0, int))
    assert empty["auc"] is None
    assert empty["logloss"] is None
    assert empty["reasons"] == {"auc": "no rows", "gauc": "no rows", "logloss": "no rows"}
    one_class = evaluate(np.array([0.3, -1]), np.array([0, 0]), np.array([1, 2]))
    assert one_class["auc"] is None
    assert one_class["reasons"]["auc"] == "no positive label"
    assert one_class["logloss"] > 0


def test_nan_scores_are_refused():
    assert auc(np.array([np.nan, 1.0]), np.array([0, 1])) == (None, "scores contain NaN or infinity", 0.0)
