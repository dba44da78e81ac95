"""Pictures of lesson 1 say what two nested loops and functions with a known derivative say."""

import re

import numpy as np
import pytest

from croco_np.teaching.pictures.lesson01 import adjoint_square, jacobian
from croco_np.teaching.pictures.lesson01_nudge import NUDGES, nudge_a_weight
from croco_np.teaching.pictures.lesson01_slope import slope_by_steps

from .test_pictures import at

X = np.array([[1.0, 2, 0], [0, 1, 3]])
DY = np.array([[1.0, -2], [0, 1]])
V = np.array([[1.0, 0], [-1, 2], [2, 1]])


def number(text):
    return float(text.replace("\N{MINUS SIGN}", "-"))


def lit(scene, frame):
    return [e for e in at(scene, frame) if "lit" in e[1].get("class", "").split()]


def test_every_entry_of_J_is_the_slope_of_one_output_in_one_weight():
    said = jacobian(X, DY).said
    slopes = {}
    for k, j in np.ndindex(3, 2):
        nudge = np.zeros((3, 2))
        nudge[k, j] = 1  # y is linear in W: a nudge of 1 measures the slope
        for (i, out), slope in np.ndenumerate(X @ nudge):
            slopes[i, out, k, j] = slope
    told = {}
    for text in said:
        *where, why = re.search(r"y\[(\d), (\d)\] in W\[(\d), (\d)\] is (.+?)\. Column", text).groups()
        told[tuple(map(int, where))] = number(re.search(r"^0|(?<== )-?\d+$", why)[0])
    assert told == slopes


def test_a_column_of_J_times_dy_is_a_number_of_dW():
    for text in jacobian(X, DY).said:
        k, j, value = re.search(r"dW\[(\d), (\d)\] = .* = (\S+)\.$", text).groups()
        assert number(value) == sum(X[i, int(k)] * DY[i, int(j)] for i in range(2))


def test_the_column_of_J_all_of_dy_and_one_number_of_dW_are_lit():
    assert len(lit(jacobian(X, DY), 0)) == 4 + 4 + 1


def test_both_ways_through_the_square_give_one_number_and_a_wrong_backward_another():
    up = sum(DY[i, j] * X[i, k] * V[k, j] for i in range(2) for k in range(3) for j in range(2))
    right, divided, swapped = adjoint_square(X, DY, V).said[-3:]
    ends = [number(re.search(r"= (\S+)\. (?:The same|Not)", text)[1]) for text in (right, divided, swapped)]
    assert ends[0] == up == -4
    assert ends[1] == up / 2
    assert ends[2] not in (up, up / 2)
    assert right.endswith("The same: nothing is wrong.")
    assert all(text.endswith("Not \N{MINUS SIGN}4: this backward is wrong.") for text in (divided, swapped))


def test_the_square_is_filled_step_by_step():
    scene = adjoint_square(X, DY, V)
    shown = [
        {text for tag, attributes, text in at(scene, 3 * step) if text and "hidden" not in attributes.get("class", "")}
        for step in range(5)
    ]
    assert "J v" not in shown[0]
    assert "J v" in shown[1]
    assert "\u27e8dy, J v\u27e9" in shown[2] - shown[1]
    assert "J\u1d40 dy" in shown[3] - shown[2]
    assert "\u27e8J\u1d40 dy, v\u27e9" in shown[4] - shown[3]


@pytest.fixture(scope="module")
def exponential():
    """exp, whose central differences are sinh(s) / s and whose complex step is sin(s) / s."""
    steps = 10.0 ** np.arange(0, -16.1, -0.5)
    return steps, slope_by_steps(np.exp, 1.0, steps)


def test_a_long_chord_and_a_long_complex_step_have_the_errors_of_sinh_and_sin(exponential):
    first = exponential[1].said[0].replace("\N{MINUS SIGN}", "-")
    assert f"central differences give {np.sinh(1):.10f}" in first
    assert f"complex step gives {np.sin(1):.10f}" in first
    assert f"a relative error of {np.sinh(1) - 1:.0e}" in first


def test_central_differences_are_best_near_the_cube_root_of_rounding(exponential):
    steps, scene = exponential
    (best,) = [s for s, text in zip(steps, scene.said, strict=True) if "the least they reach" in text]
    assert 1e-7 < best < 1e-4
    for s, text in zip(steps, scene.said, strict=True):
        assert ("bends" in text) == (s > best)
        assert ("rounding" in text) == (s < best)


def test_the_complex_step_needs_no_large_step(exponential):
    assert exponential[1].said[-1].endswith("complex step gives 1.0000000000, one of 0e+00.")


def test_under_the_microscope_rounding_is_a_staircase(exponential):
    steps, scene = exponential

    def levels(frame):
        curve = next(e for e in at(scene, frame) if e[1].get("class") == "line ink" and e[1]["d"].count("L") > 50)
        return len({point.split()[1] for point in curve[1]["d"][1:].split("L")})

    assert levels(int(np.argmin(abs(steps - 1e-2)))) > 100
    assert levels(len(steps) - 1) <= 4


def test_a_small_nudge_finds_a_number_of_dW():
    W = np.array([[1.0, 0], [2, -1], [0, 1]])
    targets = X @ W - DY
    scene = nudge_a_weight(lambda moved: ((X @ moved - targets) ** 2).sum() / 2, W)
    for which, (k, j) in enumerate(np.ndindex(3, 2)):
        for at_nudge, nudge in enumerate(NUDGES):
            told = number(re.search(r"nudge: (\S+)\.$", scene.said[which * len(NUDGES) + at_nudge])[1])
            # L is a parabola in each weight: its slope, and half of its bend times the nudge
            assert told == pytest.approx(X[:, k] @ DY[:, j] + (X[:, k] ** 2).sum() * nudge / 2, rel=1e-3)
