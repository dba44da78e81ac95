"""The pictures of lesson 10: a guess is judged by what the checker finds, and the square by the law."""

import ast
import re
from pathlib import Path

import numpy as np
import pytest

from croco_np.layers import Linear
from croco_np.teaching.pictures.lesson10 import PUSHES, adjoint_square, broken_pass
from croco_np.teaching.pictures.passes import PASSES
from croco_np.teaching.pictures.svg import minus

LESSON = Path(__file__).parents[2] / "tutorials" / "10_teach_it.py"
W = np.array([[1.2, 0.9], [-0.4, 0.8]])
X, DY = np.array([[0.5, -1.0]]), np.array([[0.7, 1.0]])


def found():
    """{exercise: the leaves that `catches` is told to find in the cells before it}, from the lesson."""
    calls = re.findall(r'leaves=(\{.+?\})\)\n.*?grade\("(10\.\d)"', LESSON.read_text(encoding="utf-8"), re.DOTALL)
    return {number: ast.literal_eval(leaves) for leaves, number in calls}


def test_every_pass_of_the_lesson_has_its_graph():
    text = LESSON.read_text(encoding="utf-8")
    assert re.findall(r'broken_pass\("(10\.\d)"\)', text) == list(PASSES) == list(found())


@pytest.mark.parametrize("number", PASSES)
def test_the_wrong_road_leads_to_the_leaves_that_the_checker_finds(number):
    assert PASSES[number].wrong_leaves == found()[number]


@pytest.mark.parametrize("number", PASSES)
def test_only_the_wrong_roads_are_called_right(number):
    said = broken_pass(number).said
    assert [i for i, text in enumerate(said[1:]) if text.startswith("Right:")] == list(PASSES[number].wrong)
    assert sum(text.startswith("Not yet.") for text in said) == len(said) - 1 - len(PASSES[number].wrong)


@pytest.mark.parametrize("number", PASSES)
def test_every_road_joins_quantities_that_are_there(number):
    for flow in (PASSES[number].forward, PASSES[number].backward):
        assert {name for start, end, _ in flow.roads for name in (start, end)} == set(flow.places)
    assert set(PASSES[number].leaves) <= set(PASSES[number].backward.places)


def test_a_guess_is_told_what_speaks_against_it():
    said = broken_pass("10.3").said
    assert said[1] == "Not yet. Were dy to dt wrong, so would be W and b: the checker finds them right."
    assert broken_pass("10.2").said[3] == "Not yet. du to dW leads to W only; b and input 0 are wrong as well."


def test_nothing_is_red_before_a_guess():
    for number in PASSES:
        seen = [e.get("class", "") for e in broken_pass(number).still.root.iter()]
        assert not [c for c in seen if "hidden" not in c and ("red" in c or "wrong" in c)]


class Transposed(Linear):
    def backward(self, c, dy):
        return dy @ W, super().backward(c, dy)[1]


def test_the_square_holds_the_law_at_every_push_and_shows_where_it_is_broken():
    layers = {"right": Linear(2, 2), "wrong": Transposed(2, 2)}
    scene = adjoint_square(layers, {"W": W, "b": np.zeros(2)}, X, DY)
    for i in range(PUSHES):
        angle = 2 * np.pi * i / PUSHES
        v = np.array([np.cos(angle), np.sin(angle)])
        measured, claimed = DY[0] @ (v @ W), (DY @ W)[0] @ v
        assert scene.said[i] == minus(f"right: both products are {measured:.3f}.")
        assert scene.said[PUSHES + i] == minus(
            f"wrong: backward claims {claimed:.3f}, the forward measures {measured:.3f}. It is wrong."
        )
