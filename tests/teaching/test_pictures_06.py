"""Pictures of lesson 6 say what can be counted by hand."""

import numpy as np
import pytest

from croco_np.teaching.pictures.lesson06 import areas, pairs_that_flip, shifted_user

LABELS = (1, 0, 1, 0)


def of_four(row, tenths):
    """What is said of the blackboard's rows a 0.9, b 0.6, c 0.5, d 0.5 when one of them has another score."""
    return pairs_that_flip("abcd", (9, 6, 5, 5), LABELS).said["abcd".index(row) * 11 + tenths]


@pytest.mark.parametrize(
    ("row", "tenths", "said"),
    [
        ("c", 5, "(1 + 1 + 0 + \u00bd) / 4 = 0.625"),  # a > b, a > d, c < b, c = d
        ("c", 6, "(1 + 1 + \u00bd + 1) / 4 = 0.875"),
        ("c", 7, "(1 + 1 + 1 + 1) / 4 = 1"),
        ("c", 0, "(1 + 1 + 0 + 0) / 4 = 0.5"),
        ("a", 0, "(0 + 0 + 0 + \u00bd) / 4 = 0.125"),
        ("b", 9, "(\u00bd + 1 + 0 + \u00bd) / 4 = 0.5"),
        ("d", 10, "(1 + 0 + 0 + 0) / 4 = 0.25"),
    ],
)
def test_a_score_that_moves_flips_these_pairs(row, tenths, said):
    assert said in of_four(row, tenths)


def test_the_still_is_the_blackboard():
    scene = pairs_that_flip("abcd", (9, 6, 5, 5), LABELS)
    assert scene.said[scene.start].startswith("Row c has the score 0.5")
    words = [element.text for element in scene.still.root.iter("text")]
    assert [w for w in words if ":" in w] == ["right: 1", "right: 1", "wrong: 0", "tie: \u00bd"]


def users_scene():
    scores = np.array([0.9, 0.1, 0.6, 0.5, 0.3, 0.2, 0.4])
    return shifted_user(scores, np.array([1, 0, 0, 1, 0, 0, 1]), np.array([7, 7, 8, 8, 8, 9, 10]), shifted=8)


def test_a_users_shift_changes_auc_and_never_gauc():
    said = users_scene().said
    assert all("gAUC 0.700, of 71% of the rows" in words for words in said)  # (2 * 1 + 3 * 1/2) / 5, 5 of 7 rows
    # clicks 0.9, 0.5, 0.4 over 0.1, 0.6, 0.3, 0.2: 4 + 3 + 3; with 0.4 more for user 8: 3 + 3 + 2
    assert "Shift 0: AUC 0.833 (10 of 12 pairs right)" in said[2 * 6]
    assert "Shift 0.4: AUC 0.667 (8 of 12 pairs right)" in said[-1]


def test_inside_users_three_pairs_are_joined():
    scene = users_scene()
    lines = [e for e in scene.still.root.iter("path") if "line faint" not in e.get("class")]
    assert len(lines) == 12
    place = list(scene.still.root.iter()).index
    hides = {at: (values, which) for at, name, values, which in scene.changes if name == "class"}
    inside = [at for at in map(place, lines) if at not in hides or "hidden" not in hides[at][0][hides[at][1][1]]]
    assert len(inside) == 3  # one of user 7, two of user 8


def test_the_filled_area_is_the_pooled_auc():
    weight, A = np.array([[3, 9], [1, 3]]) / 16, np.array([[1.0, 0], [1, 1]])  # nine of 16 pairs, all lost
    scene = areas("model", [("1", weight, A)], "AB", "choice")
    assert scene.said[0].startswith(
        "Model 1: inside A 1.00, inside B 1.00; pooled 0.44. Inside a domain (green) lie 38%"
    )
    filled = [e for e in scene.still.root.iter("rect") if e.get("fill-opacity")]
    area = sum(float(e.get("width")) * float(e.get("height")) for e in filled)
    assert area / 220**2 == pytest.approx(7 / 16, abs=1e-3)
