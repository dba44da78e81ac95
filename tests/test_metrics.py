"""AUC and gAUC against a count over all pairs and against scikit-learn, and what they say where they are undefined."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import log_loss, roc_auc_score

from croco_np.datasets.splits import Rows
from croco_np.kernels.twin import using
from croco_np.metrics import auc, evaluate, evaluate_domains, expected_auc, gauc, logloss


def auc_by_pairs(scores, labels):
    """The definition: over all pairs of a positive and a negative, 1 if it is ranked right, 1/2 for a tie."""
    pairs = [(p > n) + 0.5 * (p == n) for p in scores[labels == 1] for n in scores[labels == 0]]
    return sum(pairs) / len(pairs) if pairs else None


patient = settings(deadline=None)  # the first call may compile
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


def test_rows_without_a_user_are_no_user():
    # user 7: 2 rows, ranked right; user 8: 2 rows, ranked wrong; the rest, ranked wrong, is nobody's: -1 and -2
    scores, labels = np.array([2.0, 1, 1, 2, 1, 9, 1, 9]), np.array([1, 0, 1, 0, 1, 0, 1, 0])
    users = np.array([7, 7, 8, 8, -1, -1, -2, -2])
    assert gauc(scores, labels, users) == (0.5, "", 4 / 8)
    assert gauc(scores[:4], labels[:4], users[:4]) == (0.5, "", 1.0)
    assert gauc(scores[4:], labels[4:], users[4:]) == (None, "no row has a user", 0.0)
    assert evaluate(scores, labels, users)["gauc_rows_share"] == 0.5


def test_scores_of_any_dtype_keep_their_order():
    """2^53 and 2^53 + 1 are one number in float64."""
    scores, labels, users = np.array([2**53 + 1, 2**53]), np.array([1, 0]), np.array([0, 0])
    for kind in (np.int64, np.uint64):
        assert gauc(scores.astype(kind), labels, users).value == auc(scores.astype(kind), labels).value == 1.0


@pytest.mark.parametrize("kind", [np.int8, np.int64, np.uint64])
def test_users_at_the_ends_of_their_dtype(kind):
    top = np.iinfo(kind).max
    users = np.array([0, 0, top, top], kind)
    assert gauc(np.array([1.0, 0, 0, 1]), np.array([1, 0, 1, 0]), users).value == 0.5


def test_logits_that_are_no_numbers_have_no_log_loss():
    for wrong in (np.nan, np.inf):
        measures = evaluate(np.array([wrong, 1.0]), np.array([0, 1]), np.array([0, 0]))
        assert [measures[name] for name in ("auc", "gauc", "logloss")] == [None] * 3
        assert measures["reasons"]["logloss"] == "scores contain NaN or infinity"


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


@patient
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


def sklearn_auc(scores, labels):
    """scikit-learn's AUC, or None for a single class, where it has none."""
    return roc_auc_score(labels, scores) if 0 < labels.sum() < len(labels) else None


def sklearn_gauc(scores, labels, users):
    """A loop over users around scikit-learn: (gAUC or None, share of the rows in it)."""
    own = [np.flatnonzero(users == user) for user in np.unique(users[users >= 0])]
    both = [at for at in own if sklearn_auc(scores[at], labels[at]) is not None]
    n = np.array([len(at) for at in both])
    if len(both) == 0:
        return None, 0.0
    areas = np.array([sklearn_auc(scores[at], labels[at]) for at in both])
    return (n * areas).sum() / n.sum(), n.sum() / len(scores)


def near(value, expected):
    return value == (None if expected is None else pytest.approx(expected, abs=1e-12))


@settings(patient, max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 400),
    n_users=st.integers(1, 60),
    levels=st.sampled_from([1, 2, 5, 30, 10**9]),  # distinct scores: from all tied to hardly a tie
    rate=st.sampled_from([0.0, 0.03, 0.5, 1.0]),
    stride=st.sampled_from([1, -7, 10**12]),  # user ids in a row, negative, far apart
    kind=st.sampled_from([np.float64, np.float32]),
    side=st.sampled_from(["numpy", "numba"]),
)
def test_measures_are_those_of_scikit_learn(seed, n, n_users, levels, rate, stride, kind, side):
    rng = np.random.default_rng(seed)
    scores = (8 * rng.integers(0, levels, n) / levels - 4).astype(kind)
    labels = (rng.random(n) < rate).astype(np.uint8)
    users = rng.integers(0, n_users, n) * stride
    with using(side):
        assert near(auc(scores, labels).value, sklearn_auc(scores, labels))
        result, (expected, share) = gauc(scores, labels, users), sklearn_gauc(scores, labels, users)
    assert near(result.value, expected)
    assert near(result.share, share)
    assert (result.value is None) == bool(result.reason)
    p = 1 / (1 + np.exp(-scores.astype(float)))
    assert near(logloss(scores, labels), log_loss(labels, p, labels=[0, 1]))


@settings(patient, max_examples=30)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(0, 60))
def test_domains_are_measured_alone_and_pooled(seed, n):
    """Four domains; one never occurs, others may be empty by chance."""
    rng = np.random.default_rng(seed)
    scores, domains = rng.integers(-3, 4, n).astype(float), rng.choice([0, 1, 3], n)
    rows = Rows(np.zeros((n, 1), int), rng.integers(0, 2, n), domains, rng.integers(0, 5, n))
    measures = evaluate_domains(scores, rows, ("a", "b", "c", "d"))
    assert list(measures["domains"]) == ["a", "b", "c", "d"]
    for s, (name, m) in enumerate([*measures["domains"].items(), ("overall", measures["overall"])]):
        own = np.ones(n, bool) if name == "overall" else domains == s
        assert m["rows"] == own.sum()
        assert m["positives"] == rows.labels[own].sum()
        assert near(m["auc"], sklearn_auc(scores[own], rows.labels[own]))
        assert near(m["gauc"], sklearn_gauc(scores[own], rows.labels[own], rows.users[own])[0])
        assert set(m["reasons"]) == {measure for measure in ("auc", "gauc", "logloss") if m[measure] is None}
    assert measures["domains"]["c"]["reasons"] == {"auc": "no rows", "gauc": "no rows", "logloss": "no rows"}


def test_reasons():
    zeros = np.zeros(3)
    assert auc(zeros, np.array([1, 1, 1])).reason == "no negative label"
    assert gauc(zeros, np.array([1, 1, 1]), np.arange(3)).reason == "no negative label"
    assert gauc(zeros, np.array([1, 0, 1]), np.arange(3)) == (None, "no group holds both classes", 0.0)


def expected_by_pairs(scores, p):
    """The definition of the expected AUC: over all ordered pairs of different rows; None where no pair has weight."""
    n = len(p)
    pairs = [(p[i] * (1 - p[j]), scores[i], scores[j]) for i in range(n) for j in range(n) if i != j]
    total = sum(weight for weight, _, _ in pairs)
    return sum(weight * ((a > b) + 0.5 * (a == b)) for weight, a, b in pairs) / total if total else None


chances = st.lists(
    st.tuples(st.integers(-3, 3), st.one_of(st.sampled_from([0.0, 1.0, 0.5]), st.floats(1e-9, 1))),
    min_size=1,
    max_size=25,
)


def test_expected_auc_by_hand():
    # p = 1, 1/2, 0 with scores 1, 2, 2; pairs (click, non-click): (1,2) 1 * 1/2 wrong, (1,3) 1 * 1 wrong,
    # (2,1) 1/2 * 0, (2,3) 1/2 * 1 tie, (3,.) 0 -> (1/2 * 1/2) / (1/2 + 1 + 1/2)
    assert expected_auc(np.array([1, 2, 2]), np.array([1, 0.5, 0])).value == 0.125


@given(chances)
def test_expected_auc_is_its_definition(drawn):
    scores, p = (np.array(column, float) for column in zip(*drawn, strict=True))
    expected, result = expected_by_pairs(scores, p), expected_auc(scores, p)
    if expected is None:
        assert (result.value, result.share) == (None, 0.0)
        assert result.reason == "no pair of rows can be a click and a non-click"
    else:
        assert result.value == pytest.approx(expected, abs=1e-12)


@given(chances)
def test_no_scores_beat_the_probabilities_themselves(drawn):
    scores, p = (np.array(column, float) for column in zip(*drawn, strict=True))
    best = expected_auc(p, p).value
    if best is not None:
        assert expected_auc(scores, p).value <= best + 1e-12


@given(rows)
def test_expected_auc_of_certain_clicks_is_their_auc(drawn):
    _, labels, scores = (np.array(column) for column in zip(*drawn, strict=True))
    certain, drawn_auc = expected_auc(scores, labels).value, auc(scores, labels).value
    assert (certain is None) == (drawn_auc is None)
    assert certain is None or certain == pytest.approx(drawn_auc, abs=1e-12)


def test_expected_auc_is_the_mean_auc_of_drawn_labels():
    rng = np.random.default_rng(0)
    p, scores = rng.random(300), rng.random(300)
    scores += p
    areas = [auc(scores, rng.random(300) < p).value for _ in range(400)]
    error = np.std(areas) / np.sqrt(len(areas))  # the ratio of means is not the mean of ratios, but for 1 / n
    assert abs(np.mean(areas) - expected_auc(scores, p).value) < 4 * error


def test_expected_auc_refuses_what_is_no_probability():
    scores = np.array([1.0, 2.0])
    for wrong in ([0.5, 1.1], [-0.1, 0.5], [0.5, np.nan]):
        with pytest.raises(ValueError, match=r"^probabilities: must be from 0 to 1"):
            expected_auc(scores, np.array(wrong))
    with pytest.raises(ValueError, match="want one of each a row"):
        expected_auc(scores, np.array([0.5]))
    with pytest.raises(TypeError, match="probabilities are an array of bool, want real numbers"):
        expected_auc(scores, np.array([True, False]))
    assert expected_auc(np.array([np.nan, 1.0]), np.array([0.5, 0.5])).reason == "scores contain NaN or infinity"
    assert expected_auc(np.array([]), np.array([])).reason == "no rows"
