"""Pictures of lesson 7 say what can be counted by hand."""

import numpy as np
import pytest

from croco_np.teaching.pictures.lesson07 import ellipse, growing_spectrum, hits, maps_of_covariance
from croco_np.teaching.pictures.lesson07.ellipse import SQUEEZES, TURNS, circle_table
from croco_np.teaching.pictures.lesson07.maps import shades


@pytest.mark.parametrize("squeeze", SQUEEZES)
@pytest.mark.parametrize("turn", TURNS)
def test_a_squeezed_circle_of_eight_rows_has_singular_values_2_and_twice_the_squeeze(squeeze, turn):
    X = circle_table(squeeze, turn)
    # X^T X = R^T diag(sum cos^2, squeeze^2 sum sin^2) R, and both sums over eight even angles are 4
    assert np.trace(X.T @ X) == pytest.approx(4 + 4 * squeeze**2)
    assert np.linalg.det(X.T @ X) == pytest.approx(16 * squeeze**2)


def test_the_ellipse_says_these_values_and_does_not_mind_a_turn():
    said = np.array(ellipse().said).reshape(len(SQUEEZES), len(TURNS), 2)
    for squeeze, words in zip(SQUEEZES, said[:, :, 0], strict=True):
        expected = f"\u03c3 = (2.00, {2 * squeeze:.2f}), so IA = (2.00 + {2 * squeeze:.2f}) / 2.00 = {1 + squeeze:.2f}."
        assert set(words) == {expected}


def test_the_arrows_are_half_as_long_as_the_singular_values():
    """The circle has radius 1 where sigma is 2: 66 units."""
    scene = ellipse()  # squeezed to 0.6, turned by 30 degrees
    arrows = [e.get("d").split("M")[1] for e in scene.still.root.iter("path") if "thick" in e.get("class")]
    lengths = [np.hypot(*np.subtract(*[np.array(end.split(), float) for end in d.split("L")])) for d in arrows]
    assert lengths == pytest.approx([66, 0.6 * 66], abs=0.1)


def test_a_number_added_to_all_rows_makes_one_direction_dominant():
    """The mean row (1/2, 1/2) adds 2 to every entry of X^T X: for a circle 4 + 4 along it, 4 across."""
    said = np.array(ellipse().said).reshape(len(SQUEEZES), len(TURNS), 2)
    assert said[0, 0, 1].startswith("\u03c3 = (2.83, 2.00)")


def test_the_spectrum_says_the_sum_of_its_values():
    scene = growing_spectrum([1, 5000], np.array([[1, 0.5, 0.25], [1, 1, 0.5]]), np.array([[1, 0.5, 0.2], [1, 1, 1.0]]))
    assert scene.said[0] == "1 exposure an item: IA 1.75 of 3 (discs; the formula says 1.70, dashed)."
    assert scene.said[1].startswith("5,000 exposures an item: IA 2.50 of 3")
    heights = [float(e.get("cy")) for e in scene.still.root.iter("circle")]
    assert np.diff(heights) == pytest.approx([heights[1] - heights[0]] * 2, abs=0.02)  # halves, on a logarithmic axis


def test_hits_are_rows_with_a_large_and_a_small_output():
    up = np.arange(1.0, 9)
    scene = hits({"opposite": np.c_[up, up[::-1]], "alike": np.c_[up, 100 * up]})
    assert "in rows 0, 1, 6, 7. DI = 4/8 = 0.5" in scene.said[0]  # lengths 1, 2 are small and 8, 7 large
    assert "in no row. DI = 0/8 = 0." in scene.said[2]
    # pooled, small are 1 to 4 of the first expert, in rows 0 to 3, and large 500 to 800 of the second, in rows 4 to 7
    assert "pooled" in scene.said[3]
    assert "in no row" in scene.said[3]


def test_shades_are_the_square_root_in_eighths():
    assert shades(np.array([[4.0, -1], [0.25, 16]]), top=4).tolist() == [[8, 4], [2, 8]]


def test_maps_share_a_scale_that_the_first_sets():
    cov = np.full((6, 6), 2.0)
    scene = maps_of_covariance({"loud": cov, "quiet": cov / 4}, {"loud": "l", "quiet": "q"}, n_experts=3)
    assert scene.said == ["loud: l", "quiet: q"]
    place = {at: values for at, name, values, _ in scene.changes if name == "d"}
    assert len(place) == 2  # all 36 squares go from the darkest shade to the half
    assert all({v.count("M") for v in values} == {0, 36} for values in place.values())
