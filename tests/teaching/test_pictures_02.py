"""Pictures of lesson 2 end with the sums that can be done by hand, and lose what two workers lose."""

import numpy as np
import pytest

from croco_np.layers import Embeddings
from croco_np.teaching.pictures.lesson02 import fields_of_a_table, look_up, two_brackets
from croco_np.teaching.pictures.lesson02_race import race
from croco_np.teaching.pictures.lesson02_sums import add_in_place, sort_and_reduce

from .test_pictures import at

TABLE = np.array([[1.0, 10], [2, 20], [3, 30]])
IDS = np.array([2, 0, 2])
DX = np.array([[1.0, 1], [2, 2], [4, 4]])


def seen(elements):
    """The texts that are there."""
    return [e[2] for e in elements if e[0] == "text" and "hidden" not in e[1].get("class", "").split()]


def under(elements, name, count):
    """The first numbers after a grid's name."""
    texts = [(e[2], e[1].get("class", "")) for e in elements if e[0] == "text"]
    start = [text for text, _ in texts].index(name)
    return [float(text) for text, classes in texts[start + 1 :] if classes.split()[:1] == ["number"]][:count]


def test_gradients_fall_back_into_the_rows_that_were_looked_up():
    scene = look_up(TABLE, IDS, DX)
    assert len(scene.said) == 6
    assert "id 2" in scene.said[0]
    assert [under(at(scene, frame), "dT", 6) for frame in (2, 3, 4, 5)] == [
        [0, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 1, 1],
        [2, 2, 0, 0, 1, 1],
        [2, 2, 0, 0, 5, 5],
    ]
    assert ["both add up" in text for text in scene.said] == [False] * 5 + [True]


def test_the_row_of_the_table_the_row_of_x_and_the_id_are_lit():
    elements = at(look_up(TABLE, IDS, DX), 1)  # id 0
    assert sum("lit" in e[1].get("class", "").split() for e in elements) == 2 + 2 + 1


def test_adding_in_place_loses_what_numpy_loses():
    scene = add_in_place(IDS, DX, 3)
    lossy, right = np.zeros_like(TABLE), np.zeros_like(TABLE)
    lossy[IDS] += DX
    np.add.at(right, IDS, DX)
    assert under(at(scene, 6), "dT", 6) == lossy.ravel().tolist() == [2, 2, 0, 0, 4, 4]
    assert under(at(scene, 7), "dT", 6) == right.ravel().tolist() == [2, 2, 0, 0, 5, 5]
    assert scene.said[6] == "Place 2 read 0, adds 4 and writes 4 to row 2. It had held 1 by now, which is lost."
    assert scene.said[7] == "Place 2 read 1, adds 4 and writes 5 to row 2."
    assert sum("lost" in text for text in scene.said) == 1


def test_the_definition_s_two_ways_read_at_different_times():
    scene = add_in_place(IDS, DX, 3)
    assert "2" in seen(at(scene, 0))
    reads = [sum(t == "0" for t in seen(at(scene, frame))) for frame in (0, 1)]
    assert reads[0] > reads[1]  # before the first write: += has read three rows, add.at none


def test_sorted_places_are_summed_by_stretches():
    ids, d = np.array([2, 0, 5, 2, 0, 2]), np.array([1.0, 2, 4, 8, 16, 32])
    scene = sort_and_reduce(ids, d)
    sums = seen(at(scene, 2))[len(seen(at(scene, 1))) :]
    assert sums == ["18", "row 0", "41", "row 2", "4", "row 5", "sums"]  # 2 + 16, 1 + 8 + 32, 4
    places = {frame: [e[1]["x"] for e in at(scene, frame) if e[1].get("class") == "box"] for frame in (0, 1)}
    assert sorted(places[0]) == sorted(places[1])
    assert np.argsort([float(x) for x in places[1]]).tolist() == [1, 4, 0, 3, 5, 2]


def test_a_batch_goes_through_the_table_and_back():
    layer = Embeddings(vocabulary=(6, 4, 3), n_tables=2, width=3, std=1.0)
    ids = np.array([[5, 0, 1], [2, 0, 1], [2, 3, 1], [0, 0, 2], [2, 0, 2]])
    scene = fields_of_a_table(layer, layer.init(np.random.default_rng(0))["table"], ids)
    assert "name rows 0, 6, 12." in scene.said[6]
    used = [1, 0, 3, 0, 0, 1, 4, 0, 0, 1, 0, 3, 2]  # counted by hand
    counts = [t for t in seen(at(scene, 9)) if t.isdigit()][:13]
    assert [int(t) for t in counts] == used
    assert f"{used.count(0)} of 13 rows have no gradient" in scene.said[9]
    arrows = {way: [t for t in seen(at(scene, 6 + way)) if t in "\u2190\u2192"] for way in (0, 1)}
    assert arrows == {0: ["\u2192"] * 3, 1: ["\u2190"] * 3}


def worker(sums, places):
    for row, d in places:
        value = sums[row]
        yield
        sums[row] = value + d
        yield


@pytest.mark.parametrize(
    ("order", "end", "lost"),
    [("AABB", 5, False), ("BBAA", 5, False), ("ABAB", 4, True), ("BAAB", 4, True), ("ABBA", 1, True)],
)
def test_the_order_of_turns_decides_what_is_lost(order, end, lost):
    scene = race(worker, (1, 4), [order])
    assert f"the sum is {end}." in scene.said[4]
    assert ("lost" in scene.said[4]) == lost
    assert ("an update is lost" in seen(at(scene, 4))) == lost
    assert (f"sum {end}: right" in seen(at(scene, 4))) == (not lost)
    assert "an update is lost" not in seen(at(scene, 3))


def test_multiplying_first_takes_as_many_products_as_there_are_values():
    scene = two_brackets(batch=4096, width=16, outputs=64, vocabularies=(4, 128, 4096))
    products = [[t for t in seen(at(scene, frame)) if t.replace(",", "").isdigit()] for frame in range(3)]
    assert products == [["4,194,304", "4,096"], ["4,194,304", "131,072"], ["4,194,304", "4,194,304"]]
    assert "1,024 times less" in scene.said[0]
    assert "nothing is saved" in scene.said[2]
