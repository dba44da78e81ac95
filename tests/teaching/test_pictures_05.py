"""The pictures of lesson 5 say what the small model and the weights of Eq. (7) are."""

import re

import numpy as np
import pytest

from croco_np.teaching.pictures.example import example
from croco_np.teaching.pictures.lesson05 import RARE, READINGS, ROWS, two_trees, weighted_rows
from croco_np.tree import flatten

from .test_pictures import at


@pytest.fixture(scope="module")
def trees():
    model, objective, params, batch = example()
    out, cache = model.forward(params, batch)
    grads = model.backward(cache, objective(out, batch)[1])
    return two_trees(params, grads), params, grads


def test_every_line_of_the_tree_says_how_the_part_is_reached(trees):
    scene, params, _ = trees
    paths = flatten(params)
    for said in scene.said:
        code, rest = re.match(r"(params\S*?\])(?:,| is|:)(.*)", said).groups()
        part = eval(code, {"params": params})
        if "the leaf" in rest:
            path = re.search(r'"(.+?)"', rest)[1]
            assert paths[path] is part
            assert f" {part.size} number{'' if part.size == 1 else 's'}." in rest
        else:
            assert isinstance(part, (dict, list))


def test_the_leaves_of_the_tree_are_those_of_the_model_up_to_copies(trees):
    scene, params, _ = trees
    told = {re.search(r'"(.+?)"', said)[1] for said in scene.said if "the leaf" in said}
    first = {path for path in flatten(params) if not path.startswith(("gates.1", "towers.1"))}
    assert told == first
    assert [said.split(":")[0] for said in scene.said if "one before" in said] == [
        "params['gates'][1]",
        "params['towers'][1]",
    ]


def test_the_gradient_of_a_table_is_told_by_its_rows(trees):
    scene, _, grads = trees
    rows = len(grads["embeddings"]["table"].rows)
    assert any(f"values for {rows} rows of it" in said for said in scene.said)


def said_at(scene, reading, rare):
    return scene.said[READINGS.index(reading) * len(RARE) + RARE.index(rare)]


def test_weights_of_rows_by_hand():
    scene = weighted_rows((900, 100))
    assert "A row of X weighs 0.016, a row of Y 0.016" in said_at(scene, "batch_mean", 4)
    assert f"A row of X weighs {1 / 60:.3f}, a row of Y {1 / 4:.3f}" in said_at(scene, "domain_mean", 4)
    own, other = 1000 / 64 / 900, 1000 / 64 / 100
    for rare in (3, 32):  # whatever the batch holds
        assert f"A row of X weighs {own:.3f}, a row of Y {other:.3f}" in said_at(scene, "dataset_mean", rare)
    assert "no row of Y" in said_at(scene, "domain_mean", 0)


def test_what_a_batch_is_worth_by_hand():
    scene = weighted_rows()
    n = 4 / (1 / 60 + 1 / 4)
    texts = [e.text for e in scene.still.root.iter("text")]  # domain_mean, 4 rows of Y
    assert f"{n:.0f} of {ROWS}" in texts
    assert texts.count("50%") == 2


def test_squares_have_the_weights_as_their_areas():
    squares = [e for e in weighted_rows().still.root.iter("rect") if "box" not in e.get("class")][:ROWS]
    areas = np.array([float(e.get("width")) ** 2 for e in squares])
    assert areas[-4:] / areas[0] == pytest.approx(15, rel=0.02)  # (1/4) / (1/60)
    assert [e.get("class") for e in squares].count("fill orange") == 4


def test_the_sum_of_the_weights_and_a_term_that_is_missing_are_said():
    scene = weighted_rows((900, 100))
    assert said_at(scene, "batch_mean", 9).endswith("All weights add up to 1.")
    assert said_at(scene, "domain_mean", 9).endswith("All weights add up to 2.")
    gone = said_at(scene, "domain_mean", 0)
    assert "its term of Eq. (7) is missing here, and nothing makes up for it" in gone
    assert gone.endswith("All weights add up to 1.")
    assert "missing" not in said_at(scene, "domain_mean", 3)


@pytest.mark.parametrize("rare", RARE)
def test_percentages_add_up_to_100(rare):
    scene = weighted_rows((900, 100))
    for reading in range(len(READINGS)):
        drawn = [text for _, _, text in at(scene, reading * len(RARE) + RARE.index(rare)) if text]
        assert sum(int(text[:-1]) for text in drawn if text.endswith("%")) == 100
