"""Pictures of lesson 4 say of the four rows of the blackboard what is computed by hand."""

import re

import numpy as np
import pytest

from croco_np.losses import covariance
from croco_np.teaching.pictures.lesson04 import blocks, fading, samples

from .test_pictures import at

SMALL = np.stack([[[0.0, 0], [2, 0], [0, 2], [2, 2]], [[0.0, 3], [4, 1], [0, 0], [4, 0]]], axis=1)
Z = np.array([[-1, -1, -2, 2], [1, -1, 2, 0], [-1, 1, -2, -1], [1, 1, 2, -1]])
C = np.array([[4, 0, 8, -2], [0, 4, 0, -4], [8, 0, 16, -4], [-2, -4, -4, 6]])
VIEWS = {"C": 0, "signs": 1, "mask": 2, "gradient": 3}


def said(scene, a, b, view, within=False):
    return scene.said[(4 * a + b) * 8 + 2 * VIEWS[view] + within].replace("\N{MINUS SIGN}", "-")


def test_an_entry_of_C_is_the_product_of_two_columns_of_Z():
    scene = blocks(SMALL)
    for (a, b), value in np.ndenumerate(C):
        told = said(scene, a, b, "C")
        assert told.endswith(f"= {value}.")
        assert f"output {a % 2 + 1} of expert {a // 2 + 1} with output {b % 2 + 1} of expert {b // 2 + 1}" in told
        terms = re.findall(r"(-?\d+) \u00b7 (-?\d+)", told)
        assert [(int(x), int(y)) for x, y in terms] == [(x, y) for x, y in zip(Z[:, a], Z[:, b], strict=True)]


def test_the_mask_counts_pairs_twice_and_an_expert_with_itself_never_or_once():
    scene = blocks(SMALL)
    assert "(1, 4)" in said(scene, 3, 0, "mask")
    assert "the mask is 1" in said(scene, 3, 0, "mask", within=True)
    assert "the mask is 0" in said(scene, 3, 2, "mask")
    assert "the mask is 2" in said(scene, 3, 2, "mask", within=True)


def test_the_corner_of_the_absolute_value_is_named():
    scene = blocks(SMALL)
    assert "corner" in said(scene, 1, 2, "signs")
    assert "slope -1" in said(scene, 3, 0, "signs")


@pytest.mark.parametrize("within", [False, True])
def test_what_the_entries_say_of_the_gradient_adds_up_to_it(within):
    scene, dZ = blocks(SMALL), np.zeros((4, 4))
    for a in range(4):
        for b in range(4):
            found = re.search(
                r"column (\d) of dZ gets (-?\d)/4 of column (\d) of Z", said(scene, a, b, "gradient", within)
            )
            if found:
                to, share, of = (int(n) for n in found.groups())
                dZ[:, to - 1] += share / 4 * Z[:, of - 1]
    assert np.allclose(dZ, covariance(SMALL, within=within)[1].reshape(4, 4))


def test_the_loss_is_written_beside_its_gradient():
    scene = blocks(SMALL)
    for within, loss in ((False, "loss L = 3.5"), (True, "loss L = 13")):
        texts = [text for _, _, text in at(scene, 8 * 12 + within)]
        assert loss in texts
        numbers = [text for text in texts if re.fullmatch(r"\N{MINUS SIGN}?\d(\.\d\d)?", text)]
        gradient = [float(text.replace("\N{MINUS SIGN}", "-")) for text in numbers[-16:]]  # drawn last
        assert np.allclose(gradient, covariance(SMALL, within=within)[1].ravel())


@pytest.mark.parametrize("view", VIEWS)
def test_pointing_at_an_entry_frames_it_and_its_two_columns(view):
    shapes = at(blocks(SMALL), 8 * 12 + 2 * VIEWS[view])
    lit = [a for _, a, _ in shapes if "lit" in a.get("class", "").split()]
    assert [a["data-goes"] for a in lit if "data-goes" in a] == ["entry=12"]
    assert len(lit) == 1 + 2 * 4
    assert len({a["x"] for a in lit if "data-goes" not in a}) == 2
    assert len({a["y"] for a in lit if "data-goes" not in a}) == (8 if view == "gradient" else 4)  # of dZ, too


def test_experts_that_fade_have_the_blackboard_s_covariances():
    apart = SMALL.copy()
    apart[:, 1] = [[1, 1], [-1, 1], [-1, 1], [1, 1]]  # times the centred outputs of expert 1: all 0
    scene = fading([0, 1], {"p > q": [SMALL, apart]}, n_points=4)
    first, last = scene.said
    assert first.startswith("After 0 steps with p > q: between experts mean |covariance| 0.87500")  # 14 / 4 / 4
    correlations = [8 / 8, 2 / 24**0.5, 0, 4 / 24**0.5]
    assert f"|correlation| {np.mean(correlations):.3f}; variance of an output {30 / 4 / 4:.3f}" in first
    assert "has correlation 1.00" in first  # of the largest entry, 8
    assert "mean |covariance| 0.00000 and |correlation| 0.000" in last


def test_a_constant_output_has_no_correlation():
    still = np.zeros_like(SMALL)
    assert "constant" in fading([0, 1], {"p > q": [SMALL, still]}, n_points=4).said[1]


def test_samples_scatter_and_their_absolute_values_do_not_average_out():
    square = np.array([[1.0, 1], [1, -1], [-1, 1], [-1, -1]])  # covariance 0; of two rows 0, 1 or -1
    scene = samples(
        {"0": np.tile(square, (8, 1)), "1": np.tile(square[:, :1], (8, 2))}, [8, 32], np.random.default_rng(0)
    )
    few, all_rows, same_few, same_all = scene.said
    means = [float(n) for n in re.findall(r"\|covariance\|[a-z ]* (\d\.\d+)", few)]
    assert means[0] > 0.1
    assert means[1] == 0
    assert "the mean |covariance| 0.000" in all_rows
    assert "mean |covariance| 1.000" in same_all
    assert "True correlation 1, samples of 8 of 32 rows" in same_few
