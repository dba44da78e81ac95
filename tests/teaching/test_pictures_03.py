"""Pictures of lesson 3 say and draw what follows from the softmax by hand."""

import re

import numpy as np
import pytest

from croco_np.kernels.mix import mix_elements, mix_elements_backward
from croco_np.teaching.pictures.lesson03 import learning, reach, two_shares, two_tests

from .test_pictures import at

A, OUT, DH = np.array([[np.log(3), 0.0]]), np.array([[[4.0], [8.0]]]), np.array([[2.0]])  # of the lesson


def numbers(said):
    return [float(n) for n in re.findall(r"-?\d+\.\d+|-?\d+", said.replace("\N{MINUS SIGN}", "-"))]


def classes(scene, frame, word):
    """How many shapes of a scene at a setting have a class."""
    return sum(word in attributes.get("class", "").split() for _, attributes, _ in at(scene, frame))


def test_the_shares_start_with_the_numbers_of_the_blackboard():
    scene = two_shares(A, OUT, DH)
    said = scene.said[scene.start]
    assert said.startswith("Shares 0.75 and 0.25 mix 4 and 8 into h = 5.00.")
    assert "da = (\N{MINUS SIGN}1.50, 1.50)" in said


def test_shares_mixture_and_da_are_those_of_two_exponentials_at_every_setting():
    scene = two_shares(A, OUT, DH)
    for frame, said in enumerate(scene.said):
        i, j = divmod(frame, 13)
        first = 1 / (1 + 3 ** ((j - i) / 2))
        da = first * (1 - first) * 2 * (4 - 8)
        g1, g2, o1, o2, h, _, da1, da2 = numbers(said)[:8]
        assert [g1, g2, o1, o2, h] == pytest.approx([first, 1 - first, 4, 8, 4 * first + 8 * (1 - first)], abs=0.006)
        assert [da1, da2] == pytest.approx([da, -da], abs=0.006)


@pytest.mark.parametrize(("dh", "loser"), [(2.0, 1), (-2.0, 0)])
def test_descent_takes_weight_from_the_expert_that_raises_the_objective(dh, loser):
    scene = two_shares(A, OUT, np.array([[dh]]))
    assert all(f"takes weight from expert {loser}" in said for said in scene.said)


def test_the_arrows_of_da_are_equally_long_and_point_apart():
    shapes = at(two_shares(A, OUT, DH), 40)
    arrows = [a["d"] for _, a, _ in shapes if "thick" in a.get("class", "") and "ink" not in a["class"]]
    ends = [numbers(d.replace("M", " ").replace("L", " "))[:4] for d in arrows]
    (x1, _, x2, _), (x3, _, x4, _) = ends
    assert x1 == x3
    assert x2 - x1 == pytest.approx(-(x4 - x3), abs=0.02)
    assert x2 < x1


def test_equal_shares_stay_on_the_line_and_one_expert_a_dimension_meets_the_wish():
    scene = reach(np.array([[[1.0, 0], [0, 1]]]), np.ones(2))
    for frame, said in enumerate(scene.said):
        i, j = divmod(frame, 11)
        _, g0, g1, h0, h1, away = numbers(said)[:6]
        assert (g0, g1, h0, h1) == pytest.approx((i / 10, j / 10, i / 10, 1 - j / 10))
        assert away == pytest.approx(np.hypot(1 - i / 10, j / 10), abs=0.006)
        assert ("stays on the line" in said) == (i == j)
    assert "0.00 away" in scene.said[10 * 11]


def test_learning_shows_the_loss_and_the_shares_of_a_step_and_frames_what_is_wanted():
    wanted = np.array([[0, 1, 1]])  # one domain, two experts, three dimensions
    scalar = np.array([[[0.5, 0.5]], [[0.25, 0.75]]])
    element = np.array([[[[0.5] * 3] * 2], [[[0.9, 0.2, 0.2], [0.1, 0.8, 0.8]]]])
    losses = {"scalar": np.array([4.0, 3.0]), "element-wise": np.array([4.0, 1.0])}
    scene = learning([0, 1], losses, {"scalar": scalar, "element-wise": element}, wanted)
    assert scene.said[0].startswith("After 0 of 1 steps: loss 4.00 (scalar gate) and 4.00 (element-wise gate).")
    assert scene.said[1].startswith("After 1 of 1 steps: loss 3.00 (scalar gate) and 1.00 (element-wise gate).")
    assert classes(scene, 1, "lit") == 3
    assert {"0.25", "0.75", "0.90", "0.20", "0.10", "0.80"} <= {text for _, _, text in at(scene, 1)}


class Right:
    def forward(self, p, a, o):
        g, h = mix_elements(a, o)
        return h, (g, o, h)

    def backward(self, cache, dh):
        do, da = mix_elements_backward(*cache, dh)
        return (da, do), {}


class OneEntryOff(Right):
    def backward(self, cache, dh):
        (da, do), grads = super().backward(cache, dh)
        da = da.copy()
        da[0, 1, 0] += 1 * (dh[0, 0] != 1)  # nothing to be seen with ones
        return (da, do), grads


def test_what_differs_is_framed_and_the_sum_tells_it():
    a, o = np.random.default_rng(0).standard_normal((2, 4, 3, 2))
    scene = two_tests([OneEntryOff()], Right(), a, o, {"all ones": np.ones((4, 2)), "twos": np.full((4, 2), 2.0)})
    assert [classes(scene, frame, "lit") for frame in (0, 1)] == [0, 1]
    assert "equals the right one" in scene.said[0]
    assert "add up to 0 over" in scene.said[0]
    assert "wrong where framed" in scene.said[1]
    assert "do not add up to 0" in scene.said[1]
