"""The laboratory: its laws, its rows and its truth are what the dials say."""

from dataclasses import fields, replace

import numpy as np
import pytest

from croco_np.config import Config
from croco_np.config.flags import parse
from croco_np.datasets.laboratory import FIELDS, World
from croco_np.datasets.load import load
from croco_np.datasets.splits import RARE
from croco_np.errors import InputError, in_flags
from croco_np.metrics import auc, expected_auc

SMALL = {"world_rows": 5000, "n_users": 60, "n_items": 40}
WIDE = World(n_users=3000, n_items=3000, n_groups=500, n_categories=500, world_rows=1000)  # where laws of means hold


def preferences(world, n=40_000):
    """(S, n) logits of the same users and items in every domain."""
    rng = np.random.default_rng(1)
    user, item = rng.integers(world.n_users, size=n), rng.integers(world.n_items, size=n)
    return np.stack([world.logits(user, item, np.full(n, s)) for s in range(world.n_domains)])


def parts(splits):
    return {"train": splits.train, "valid": splits.valid, "test": splits.test}


def test_without_conflict_all_domains_prefer_the_same():
    z = preferences(replace(WIDE, conflict=0.0))
    assert (z == z[0]).all()


@pytest.mark.parametrize("conflict", [0.3, 0.5, 1.0])
def test_preferences_correlate_by_1_minus_the_conflict(conflict):
    found = np.corrcoef(preferences(replace(WIDE, conflict=conflict)))
    np.testing.assert_allclose(found[~np.eye(4, dtype=bool)], 1 - conflict, rtol=0, atol=0.06)


@pytest.mark.parametrize("dials", [{}, {"conflict": 0.5}, {"rank": 1}, {"rank": 20}, {"coherence": 0.0}])
def test_logits_spread_by_signal_and_appeal(dials):
    """Of independent normal factors, kappa / sqrt(r) <U, V> has the variance kappa^2 and mu a the variance mu^2."""
    world = replace(WIDE, signal=2.0, appeal=1.5, **dials)
    np.testing.assert_allclose(preferences(world).std(axis=1), 2.5, rtol=0.06)


def test_at_coherence_1_a_group_is_of_one_mind():
    tastes = World(**SMALL, coherence=1.0).tastes
    assert len(np.unique(tastes.wants, axis=0)) == len(np.unique(tastes.group)) > 10
    assert len(np.unique(tastes.has[0], axis=0)) == len(np.unique(tastes.category)) > 10
    assert len(np.unique(World(**SMALL).tastes.wants, axis=0)) == 60


@pytest.mark.parametrize(("tail", "expected"), [(0.0, [1250] * 4), (0.25, [1250] * 4), (0.02, [1634, 1633, 1633, 100])])
def test_the_last_domain_has_the_tails_share(tail, expected):
    splits = World(**SMALL, tail_share=tail).draw()
    counts = {name: np.bincount(rows.domains, minlength=4).tolist() for name, rows in parts(splits).items()}
    assert counts["train"] == expected
    assert counts["valid"][3] == expected[3] // 5
    assert sum(counts["valid"]) == 1000
    assert counts["test"] == [1000] * 4  # as many of the tail as of any


def test_the_smallest_tail_is_a_row():
    assert World(world_rows=1000, tail_share=1e-9).counts("train").tolist() == [333, 333, 333, 1]


@pytest.mark.parametrize("dials", [{"click_rate": 0.5}, {"click_rate": 0.05, "conflict": 1.0}, {"click_rate": 0.999}])
def test_every_domain_has_the_click_rate(dials):
    splits = World(world_rows=40_000, tail_share=0.1, **dials).draw()
    for s in range(4):
        here = splits.test.domains == s
        assert abs(splits.truth[here].mean() - dials["click_rate"]) < 0.01
        assert abs(splits.test.labels[here].mean() - dials["click_rate"]) < 0.02


@pytest.mark.parametrize(("field", "column"), [("user", 0), ("item", 1)])
@pytest.mark.parametrize("overlap", [0.0, 0.3, 1.0])
def test_so_many_occur_in_all_domains_and_the_others_in_one(field, column, overlap):
    world = World(world_rows=30_000, n_users=100, n_items=100, **{f"{field}_overlap": overlap})
    ids, domains = world.draw().train.ids[:, column], world.draw().train.domains
    homes = [len(np.unique(domains[ids == i])) for i in np.unique(ids)]
    assert sorted(homes) == [1] * round(100 * (1 - overlap)) + [4] * round(100 * overlap)
    others = len({"user": world.tastes.items, "item": world.tastes.users}[field][0])
    assert others == 100


def test_the_same_seed_draws_the_same_rows():
    one, again, other = World(**SMALL).draw(), World(**SMALL).draw(), World(**SMALL, world_seed=1).draw()
    assert one.fingerprint == again.fingerprint != other.fingerprint
    for a, b in zip(one.train, again.train, strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(one.truth, again.truth)


def test_worlds_that_differ_in_the_conflict_have_the_same_users_items_and_chances():
    """So their differences are paired: what is not the dial's is not drawn anew."""
    one, other = World(**SMALL).draw(), World(**SMALL, conflict=1.0).draw()
    for name, rows in parts(one).items():
        np.testing.assert_array_equal(rows.ids, parts(other)[name].ids)
    assert np.abs(one.truth - other.truth).max() > 0.1
    wants = [World(**SMALL, signal=signal, tail_share=0.1).tastes.wants for signal in (1.0, 2.0)]
    np.testing.assert_array_equal(*wants)


def test_ids():
    splits = World(**SMALL, tail_share=0.001).draw()
    assert splits.name == "laboratory"
    assert splits.simulated
    assert "SIMULATED" in splits.notes[0]
    assert splits.schema.fields == FIELDS
    assert splits.schema.vocabulary[2] == 5  # the smallest domain keeps its id, of five rows only
    for rows in parts(splits).values():
        assert rows.ids.dtype == np.int32
        np.testing.assert_array_equal(rows.ids[:, 2], rows.domains + 1)
        assert (rows.ids.max(axis=0) < splits.schema.vocabulary).all()
        for known, of in ((1, 3), (0, 4)):  # an item has one category, a user one group
            assert len(np.unique(rows.ids[:, [known, of]], axis=0)) == len(np.unique(rows.ids[:, known]))


def test_values_rarer_than_min_count_are_id_0():
    world = World(**SMALL | {"n_users": 2000})
    splits, counts = world.draw(min_count=4), np.bincount(world.draw().train.users, minlength=2000)
    frequent = counts[splits.train.users] >= 4
    assert 0.1 < frequent.mean() < 0.9
    np.testing.assert_array_equal(splits.train.ids[:, 0] != RARE, frequent)
    assert splits.schema.vocabulary[0] == np.count_nonzero(counts >= 4) + 1
    assert world.draw(min_count=10**6).schema.vocabulary == (1, 1, 5, 1, 1)


def test_the_truth_is_the_chance_of_a_click():
    splits = World(world_rows=40_000, conflict=0.5).draw()
    tenth = np.digitize(splits.truth, np.linspace(0, 1, 11)[1:-1])
    for k in range(10):
        p, y = splits.truth[tenth == k], splits.test.labels[tenth == k]
        assert abs(y.mean() - p.mean()) < 4 * np.sqrt((p * (1 - p)).mean() / len(p))


def test_the_truth_knows_best():
    """As in the pilot, some 0.89; the preferences of another domain are a guess where all conflict."""
    world = World(conflict=1.0)
    splits = world.draw()
    best = expected_auc(splits.truth, splits.truth).value
    assert 0.87 < best < 0.91
    assert abs(auc(splits.truth, splits.test.labels).value - best) < 0.005
    user, item, domain = (splits.test.ids[:, f].astype(int) - 1 for f in range(3))
    np.testing.assert_array_equal(user, splits.test.users)
    assert expected_auc(world.probabilities(user, item, domain), splits.truth).value == best
    assert abs(expected_auc(world.probabilities(user, item, (domain + 1) % 4), splits.truth).value - 0.5) < 0.05


@pytest.mark.parametrize(
    ("dials", "error"),
    [
        ({"conflict": 1.5}, "--conflict 1.5: must be at most 1"),
        ({"conflict": -0.1}, "--conflict -0.1: must be at least 0"),
        ({"tail_share": 0.3}, "--tail-share 0.3: must be at most 0.25, or the last of 4 domains is not the smallest"),
        ({"click_rate": 0.0}, "--click-rate 0.0: must be at least 0.001"),
        ({"click_rate": 1}, "--click-rate 1: must be at most 0.999"),
        ({"user_overlap": 2}, "--user-overlap 2: must be at most 1"),
        ({"signal": 21.0}, "--signal 21.0: must be at most 20"),
        ({"rank": 0}, "--rank 0: must be at least 1"),
        ({"n_domains": 1}, "--n-domains 1: must be at least 2"),
        ({"n_users": 3}, "--n-users 3: must be at least 4, the number of domains"),
        ({"n_items": 9, "n_domains": 10}, "--n-items 9: must be at least 10, the number of domains"),
        ({"world_rows": 10}, "--world-rows 10: must be at least 1000"),
        ({"conflict": "much"}, "--conflict 'much': must be a number"),
    ],
)
def test_limits_are_told_in_a_line(dials, error):
    for make in (World, lambda **dials: Config(dataset="laboratory", **dials)):
        with pytest.raises(InputError) as refused:
            make(**dials)
        assert in_flags(refused.value) == error


def test_a_config_holds_the_dials():
    """Their names, defaults and kinds are those of `World`; they are for this data set alone."""
    config = Config(dataset="laboratory", conflict=0.5, n_items=50, world_rows=2000)
    assert config.world == World(conflict=0.5, n_items=50, world_rows=2000)
    assert load(config).fingerprint == config.world.draw(config.min_count).fingerprint
    for f in fields(World):
        assert Config.__dataclass_fields__[f.name].metadata["only"] == ("laboratory",)
    asked = parse(["--dataset", "laboratory", "--conflict", "1", "--tail-share", "0.02"], "train", "").config
    assert (asked.world.conflict, asked.world.tail_share, asked.n_experts, asked.min_count) == (1.0, 0.02, 4, 1)
    with pytest.raises(InputError, match="--conflict: is for laboratory only"):
        parse(["--dataset", "kuairand", "--conflict", "1"], "train", "")
    with pytest.raises(InputError, match="drawn in memory"):
        load(Config(dataset="laboratory", data_dir="x"))
