"""Pictures of lesson 8: what they show is what the systems do."""

import numpy as np
import pytest

from croco_np.gradcheck.cases import SCHEMA
from croco_np.models import STEM
from croco_np.teaching.pictures.lesson08 import ple_roads, star_product, stem_roads

OWN = np.c_[np.eye(3), np.ones(3)]


def said_at(scene, i, j):
    return scene.said[i * len(scene.controls[1].values) + j]


def test_stem_teaches_its_own_and_the_shared_expert():
    scene = stem_roads(OWN)
    assert said_at(scene, 1, 0).startswith("Forward: a row of domain B runs through all 4 experts")
    assert said_at(scene, 1, 1).startswith("Backward: it teaches B's and shared only. The roads to A's and C's are cut")


def test_a_stem_without_the_stop_has_no_cut_roads():
    red = [e for e in stem_roads(np.ones((3, 4))).still.root if "red" in e.get("class", "").split()]
    assert red
    assert all("hidden" in e.get("class") for e in red)
    cut = [e for e in stem_roads(OWN).still.root if "red" in e.get("class", "").split()]
    assert sum("hidden" not in e.get("class") for e in cut) == 2


def test_the_matrix_drawn_is_the_model_s():
    stem = STEM.build(SCHEMA)
    domains = SCHEMA.domains
    said = said_at(stem_roads(stem.teaches, domains), 2, 1)
    assert said.startswith(f"Backward: it teaches {domains[2]}'s and shared only.")


@pytest.mark.parametrize(("gate", "taught"), [(0, "A's, B's, C's, shared."), (1, "B's, shared.")])
def test_the_first_level_of_ple_is_taught_through_the_shared_path(gate, taught):
    assert said_at(ple_roads([np.ones((3, 4)), OWN], OWN), 1, gate).endswith(f"first level {taught}")


def test_the_shared_weight_of_star_gets_the_sum_of_the_own_factors():
    scene = star_product(shared=2, b=0.5)
    assert scene.said[scene.start].startswith("dW = 3 + 0.5 = 3.5")  # by hand in the lesson
    assert scene.said[0].startswith("dW = 0 + 0.5 = 0.5")
