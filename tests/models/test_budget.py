"""The list of systems: counts by hand, owners, sizes that match, and the command."""

import json
from dataclasses import asdict

import numpy as np
import pytest

from croco_np.config import ABLATIONS
from croco_np.costs.__main__ import main, whole_branches
from croco_np.costs.budget import budget, ownership, table_owners
from croco_np.costs.match import KNOBS, match_parameters
from croco_np.datasets.laboratory import World
from croco_np.gradcheck.cases import SCHEMA, SIZES, at_blackboard, blackboard_sizes
from croco_np.models import MODELS
from croco_np.models.assembly import count_trained, shape_tree, shapes_of
from croco_np.tree import count, flatten

# Four domains and fields, 19 values, E = 2: an input of 8. Experts 8 -> 5 -> 3, towers 3 -> 4 -> 1, M = 4.
EXPERT, TOWER = 8 * 5 + 5 * 3, 3 * 4 + 4
EXPERT_BIASES, TOWER_BIASES = 5 + 3, 4 + 1


def sizes(name, **change):
    return blackboard_sizes(MODELS[name], **change)


def cost(name, **change):
    return budget(MODELS[name], SCHEMA, sizes(name, **change))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("shared_bottom", EXPERT + TOWER),
        ("single_domain", EXPERT + TOWER),
        ("mmoe", 4 * EXPERT + 8 * 4 + TOWER),
        ("me_mmoe", 4 * EXPERT + 8 * 4 + TOWER),
        ("ple", 3 * EXPERT + 8 * 3 + TOWER),  # two of its own, one shared: routed, so not nine
        ("stem", 9 * EXPERT + 8 * 9 + TOWER),  # all-forward: nine
        ("crocodile", 4 * EXPERT + 6 * (4 * 3) + TOWER),  # three prior fields of width 2
    ],
)
def test_multiply_adds_by_hand(name, expected):
    assert cost(name).multiply_adds == expected


def test_parameters_by_hand():
    one = EXPERT + EXPERT_BIASES
    towers = 4 * (TOWER + TOWER_BIASES)
    assert cost("mmoe").parameters == 19 * 2 + 4 * one + 4 * (8 * 4 + 4) + towers
    assert cost("crocodile").parameters == 4 * 19 * 2 + 4 * one + 4 * 6 * 12 + towers + (6 + 5 + 5) * 2
    assert cost("crocodile").tables == 4 * 19 * 2 + (6 + 5 + 5) * 2


@pytest.mark.parametrize("name", MODELS)
def test_every_system_is_counted(name):
    """All leaves but running values, at sizes that are drawn for real."""
    model = at_blackboard(name)
    params = model.init(np.random.default_rng(0))
    assert shapes_of(model) == {path: w.shape for path, w in flatten(params).items()}
    c = cost(name)
    tracked = set(flatten(params)) - set(ownership(MODELS[name], SCHEMA, sizes(name)))
    assert c.parameters == count(params) - sum(flatten(params)[path].size for path in tracked)
    assert tracked == set(model.running)
    assert c.parameters == count_trained(model)
    assert 0 < c.tables < c.parameters
    assert c.multiply_adds > 0
    assert all(c.owned), "in every system some part belongs to each domain"
    assert len({sum(own.values()) for own in c.owned}) == 1, "domains are treated alike"


@pytest.mark.parametrize(("name", "trained", "stored"), [("star", 510, 574), ("adasparse", 171, 173)])
def test_running_values_are_no_parameters(name, trained, stored):
    """STAR keeps a mean and a variance of 8 columns for 4 domains, AdaSparse its step and the length of its ramp."""
    model = at_blackboard(name)
    assert count(model.init(np.random.default_rng(0))) == stored
    assert count_trained(model) == cost(name).parameters == trained


def owned_branches(name, domain, **change):
    tree = shape_tree(at_blackboard(name, **change))
    return whole_branches(tree, cost(name, **change).owned[domain])


def test_owners():
    assert owned_branches("shared_bottom", 2) == ["towers.2"]
    assert owned_branches("single_domain", 1) == ["1"]
    assert owned_branches("crocodile", 0) == ["gates.0", "towers.0"]
    assert owned_branches("me_ple", 3) == ["embeddings.table[:, 3]", "specific.3", "gates.3", "towers.3"]
    experts = [f"experts.{layer}.{leaf}[2:4]" for layer in (0, 1) for leaf in "Wb"]  # two experts a domain
    assert owned_branches("stem", 1) == ["embeddings.table[:, 1]", *experts, "gates.1", "towers.1"]
    assert cost("stem").owned[1]["embeddings.table[:, 1]"] == 19 * 2


def test_what_leaks_is_not_owned():
    """In HiNet, and in PLE with two levels, rows of any domain train every domain's early experts."""
    assert not any("experts" in path for path in cost("hinet").owned[0])
    assert not any("experts" in path for path in cost("ple", n_levels=2).owned[0] if path.startswith("levels"))
    assert "specific.0" in owned_branches("ple", 0, n_levels=2)


def test_table_owners():
    found = {
        name: table_owners(MODELS[name], SCHEMA, sizes(name)) for name in ("mmoe", "stem", "me_ple", "single_domain")
    }
    assert found == {
        "mmoe": [None],
        "stem": [0, 1, 2, 3, None],
        "me_ple": [0, 1, 2, 3, None],
        "single_domain": [*range(4)],
    }


@pytest.mark.parametrize(
    ("name", "knob"),
    [(name, knob) for name, system in MODELS.items() for knob in KNOBS if KNOBS[knob] in system.keywords()],
)
def test_match_is_the_closest_width(name, knob):
    target = 5_000
    found = match_parameters(MODELS[name], SCHEMA, sizes(name), target, knob)

    def parameters(value):
        change = (
            {"embedding_width": value} if knob == "embedding_width" else {"expert_sizes": (round(5 * value / 3), value)}
        )
        return cost(name, **change).parameters

    assert found.parameters == parameters(found.value)
    around = [parameters(v) for v in (found.value - 1, found.value + 1) if v > 0]
    assert all(abs(found.parameters - target) <= abs(n - target) for n in around)


def test_matching_itself_changes_nothing():
    target = cost("crocodile").parameters
    found = match_parameters(MODELS["crocodile"], SCHEMA, sizes("crocodile"), target)
    assert (found.value, found.parameters) == (SIZES["embedding_width"], target)


def test_command(tmp_path, capsys):
    path = tmp_path / "schema.json"
    path.write_text(json.dumps(asdict(SCHEMA)))
    assert main(["--schema", str(path), "--expert-sizes", "5,3", "--match-parameters", "crocodile"]) == 0
    shown = capsys.readouterr().out
    assert all(f"\n{name} " in shown for name in (*MODELS, *ABLATIONS))
    assert "own: gates.s, towers.s" in shown
    assert "embedding_width 8 -> 8: 1.000 of the target" in shown
    assert "me_mmoe         not at these sizes" in shown  # three experts for four domains


def test_command_on_a_built_in_schema(capsys):
    assert main(["--dataset", "kuairand", "--model", "crocodile"]) == 0
    assert "38 fields" in capsys.readouterr().out
    assert main(["--dataset", "laboratory", "--model", "crocodile", "--n-items", "30", "--world-rows", "20000"]) == 0
    n_values = sum(World(n_items=30, world_rows=20000).draw().schema.vocabulary)
    assert f"5 fields, {n_values} values, 4 domains (like laboratory)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--match-parameters", "croco"], "--match-parameters croco: choose one of single_domain"),
        (["--knob", "depth"], "--knob depth: choose one of embedding_width, expert_width"),
        (["--schema", "nowhere.json"], "nowhere.json: no such file"),
        (["--resume", "x"], "nothing is trained here"),
        (["--dataset", "movielens"], "--dataset movielens: its columns are in its files; give them by --schema FILE"),
    ],
)
def test_mistakes_are_one_line(argv, message, capsys):
    assert main(argv) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
