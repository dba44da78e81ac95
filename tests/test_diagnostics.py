"""Diagnostics by hand, under invariances, and against the chance level."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from croco_np.batch import make_batch
from croco_np.costs.budget import table_owners
from croco_np.datasets.splits import Rows, Schema, Splits
from croco_np.diagnostics import (
    Conflicts,
    abundance_by_domain,
    abundance_by_exposure,
    between_experts,
    chance_level,
    conflicts,
    covariance_map,
    diversity_index,
    every_row,
    expert_abundance,
    exposures,
    field_tables,
    gate_use,
    information_abundance,
    mean_abundance,
    of_every_domain,
    serving,
    singular_spectrum,
    spectra_by_domain,
    table_abundance,
    trained_rows,
)
from croco_np.gradcheck.cases import SCHEMA, at_blackboard, blackboard_sizes, draw_batch
from croco_np.models import MODELS

shapes = st.tuples(st.integers(1, 30), st.integers(1, 6), st.integers(0, 2**32 - 1))


def orthonormal(rng, n, k):
    return np.linalg.qr(rng.standard_normal((n, k)))[0]


# Spectra and information abundance


def test_abundance_by_hand():
    assert information_abundance(np.diag([4.0, 2.0, 1.0])).value == pytest.approx((4 + 2 + 1) / 4)
    np.testing.assert_allclose(singular_spectrum(np.diag([1.0, 4.0, 2.0])).value, [1, 0.5, 0.25])
    tall = np.array([[3.0, 0], [0, 0], [4, 0], [0, 1]])  # columns of length 5 and 1, at right angles
    assert information_abundance(tall).value == pytest.approx(1.2)


@settings(deadline=None)
@given(shapes, st.sampled_from([1e-300, 1e-6, -3.0, 1e300]))
def test_abundance_is_invariant(drawn, scale):
    """Under scale, rotation of the rows' space, and order of the rows; and between 1 and the smaller side."""
    n, k, seed = drawn
    rng = np.random.default_rng(seed)
    matrix = rng.standard_normal((n, k))
    value = information_abundance(matrix).value
    assert 1 - 1e-12 <= value <= min(n, k) + 1e-12
    assert information_abundance(scale * matrix).value == pytest.approx(value, rel=1e-12)
    assert information_abundance(matrix @ orthonormal(rng, k, k)).value == pytest.approx(value, rel=1e-10)
    assert information_abundance(rng.permutation(matrix)).value == pytest.approx(value, rel=1e-10)
    np.testing.assert_allclose(
        singular_spectrum(matrix).value, (sigma := np.linalg.svd(matrix)[1]) / sigma[0], atol=1e-13
    )


@given(st.integers(1, 8), st.integers(0, 20), st.integers(0, 2**32 - 1))
def test_orthogonal_is_n_and_rank_one_is_one(n, more, seed):
    rng = np.random.default_rng(seed)
    assert information_abundance(7 * orthonormal(rng, n + more, n)).value == pytest.approx(n)
    rank_one = np.outer(rng.uniform(1, 2, n + more), rng.uniform(1, 2, n))
    assert information_abundance(rank_one).value == pytest.approx(1, abs=1e-10)


def test_small_singular_values_survive():
    """The road over the Gram matrix would lose 1e-11 next to 1."""
    rng = np.random.default_rng(0)
    matrix = orthonormal(rng, 200, 3) @ np.diag([1, 1e-6, 1e-11]) @ orthonormal(rng, 3, 3)
    np.testing.assert_allclose(singular_spectrum(matrix).value, [1, 1e-6, 1e-11], rtol=1e-4)


def test_undefined_is_none_with_a_reason():
    assert information_abundance(np.zeros((5, 3))) == (None, "the matrix is zero")
    assert information_abundance(np.zeros((0, 3))) == (None, "no rows")
    assert singular_spectrum(np.zeros((3, 0))) == (None, "no columns")
    assert information_abundance(np.array([[np.nan, 1]])) == (None, "the matrix contains NaN or infinity")
    assert mean_abundance([]) == (None, "no tables")
    assert mean_abundance([np.zeros((2, 2)), np.eye(2)]).value == pytest.approx(2)
    assert mean_abundance([np.zeros((2, 2))] * 2) == (None, "the matrix is zero")


def test_expert_abundance():
    o = np.zeros((4, 2, 2))
    o[:2, 0] = np.eye(2)  # the first expert uses both dimensions, the second none
    alone, together = expert_abundance(o)
    assert [m.value for m in alone] == [pytest.approx(2), None]
    assert together.value == pytest.approx(2)


# Covariance between experts


def test_between_experts_by_hand():
    """Two experts of two units, four rows; the second unit of the second expert never varies."""
    o = np.array([[[1, 0], [2, 0.1]], [[-1, 0], [0, 0.1]], [[1, 2], [2, 0.1]], [[-1, 2], [0, 0.1]]])
    cov = covariance_map(o)
    np.testing.assert_allclose(cov, [[1, 0, 1, 0], [0, 1, 0, 0], [1, 0, 1, 0], [0, 0, 0, 0]], atol=1e-15)
    assert cov[3, 3] == 0  # exact: the mean of four times 0.1 is rounded
    found = between_experts(cov, 2)
    assert found.covariance == pytest.approx(1 / 4)  # of 1, 0 and two pairs with the dead unit
    assert found.correlation == pytest.approx(1 / 2)  # of 1 and 0
    assert (found.dead, found.units, found.dead_share) == (1, 4, 0.25)


def test_a_unit_that_dies_does_not_pass_for_one_that_differs():
    """Outputs of one rhythm in every unit: as units die the covariance falls, and the correlation stays 1."""
    o = np.random.default_rng(0).random((50, 1, 1)) * np.arange(1.0, 13).reshape(3, 4)
    before = between_experts(covariance_map(o), 3)
    o[:, 1:, 1:] = 0
    after = between_experts(covariance_map(o), 3)
    assert (before.dead, after.dead) == (0, 6)
    assert after.covariance < before.covariance
    assert before.correlation == pytest.approx(1)
    assert after.correlation == pytest.approx(1)
    shrunk = between_experts(covariance_map(o * 1e-8), 3)
    assert shrunk.correlation == pytest.approx(1)
    assert shrunk.dead == 6


def test_nothing_between_experts():
    assert between_experts(np.eye(4), 1) == (None, None, 0, 4)  # one expert
    assert between_experts(np.zeros((4, 4)), 2) == (0, None, 4, 4)  # no live pair
    assert between_experts(np.diag([1.0, 1, 0, 0]), 2) == (0, None, 2, 4)  # live units of one expert only


# Item tables: a world of five items, of which 4 is never seen and 3 in domain "b" only

TINY = Schema(("user", "item", "domain"), (3, 5, 3), "user", "item", "domain", ("a", "b"))


def tiny_rows():
    items, domains = np.array([1, 1, 1, 2, 2, 0, 3]), np.array([0, 0, 1, 0, 1, 0, 1])
    ids = np.stack([np.ones(7, int), items, domains + 1], axis=1)
    return Rows(ids, np.zeros(7, np.uint8), domains.astype(np.uint8), np.ones(7, np.int64))


def test_exposures_and_trained_rows():
    counts = exposures(tiny_rows(), TINY, "item")
    assert counts.tolist() == [[1, 2, 1, 0, 0], [0, 1, 1, 1, 0]]
    assert trained_rows(counts).tolist() == [False, True, True, True, False]
    assert trained_rows(counts, owner=0).tolist() == [False, True, True, False, False]


def test_abundance_leaves_out_rare_and_untrained_rows():
    counts = exposures(tiny_rows(), TINY, "item")
    table = np.array([[9.0, 0], [0, 1], [0, 2], [1, 0], [7, 7]])  # rows 0 and 4 would spoil it
    assert table_abundance([table], counts).value == pytest.approx((np.sqrt(5) + 1) / np.sqrt(5))
    assert table_abundance([table], counts, owners=[0]).value == pytest.approx(1)  # rows 1 and 2 are parallel


def test_abundance_by_group_and_domain():
    counts = exposures(tiny_rows(), TINY, "item")  # exposed 3, 2 and 1 times: items 1, 2, 3
    table = np.array([[9.0, 0], [0, 1], [0, 2], [1, 0], [7, 7]])
    groups = abundance_by_exposure([table], counts, n_groups=2)
    assert [g.value for g in groups] == [pytest.approx(1.5), pytest.approx(1)]  # items {3, 2}, then {1}
    assert [g.value for g in abundance_by_exposure([table], counts)][3:] == [None, None]  # three items, five groups
    shared = abundance_by_domain([table], counts)
    assert [m.value for m in shared] == [pytest.approx(1), pytest.approx((np.sqrt(5) + 1) / np.sqrt(5))]
    own = abundance_by_domain([np.eye(5, 2), table], counts, owners=[0, None])  # b has none of its own
    assert [m.value for m in own] == [pytest.approx(1), pytest.approx(shared[1].value)]


def test_spectra_by_domain_by_hand():
    counts = exposures(tiny_rows(), TINY, "item")  # "a" has the items 1 and 2, "b" 1, 2 and 3
    first, second = np.zeros((5, 2)), np.zeros((5, 2))
    first[1:3], second[1:3] = np.diag([4.0, 2.0]), np.diag([1.0, 1.0])
    first[[0, 4]] = 9  # rare and untrained: not counted
    assert spectra_by_domain([first, second], counts)[0].value.tolist() == [1, (2 / 4 + 1 / 1) / 2]
    second[3] = [0, 1]  # in "b", a second row along the second axis: lengths 1 and sqrt(2)
    assert spectra_by_domain([first, second], counts)[1].value == pytest.approx([1, (0.5 + 1 / np.sqrt(2)) / 2])
    own = spectra_by_domain([first, second], counts, owners=[0, None])
    assert own[0].value.tolist() == [1, 0.5]
    assert own[1].value == pytest.approx([1, 1 / np.sqrt(2)])
    assert spectra_by_domain([0 * first], counts) == [(None, "the matrix is zero")] * 2
    assert serving(1, [first, second], [0, None])[0] is second


@pytest.mark.parametrize("name", MODELS)
def test_spectra_add_up_to_the_abundance(name):
    rng = np.random.default_rng(0)
    tables = field_tables(at_blackboard(name).init(rng), SCHEMA, "item")
    owners = table_owners(MODELS[name], SCHEMA, blackboard_sizes(MODELS[name]))
    counts = rng.integers(1, 5, (len(SCHEMA.domains), 5))
    abundance = abundance_by_domain(tables, counts, owners)
    for spectrum, m in zip(spectra_by_domain(tables, counts, owners), abundance, strict=True):
        assert spectrum.value.sum() == pytest.approx(m.value)


@pytest.mark.parametrize("name", MODELS)
def test_item_tables_of_every_system(name):
    params = at_blackboard(name).init(np.random.default_rng(0))
    tables = field_tables(params, SCHEMA, "item")
    assert all(t.shape == (5, 2) for t in tables)
    n = {"single_domain": 4, "me_mmoe": 4, "crocodile": 4, "me_ple": 5, "stem": 5}.get(name, 1)
    assert len(tables) == n == len(table_owners(MODELS[name], SCHEMA, blackboard_sizes(MODELS[name])))
    whole = (params[0] if name == "single_domain" else params)["embeddings"]["table"]
    np.testing.assert_array_equal(tables[0], whole[6:11, 0])  # six users come first


# Gates


def test_gate_use():
    g = np.array([[0.2, 0.8], [0.4, 0.6], [1.0, 0.0]])
    domains = (slice(0, 2), slice(2, 2), slice(2, 3))
    use = gate_use(g, domains)
    assert use == [pytest.approx([0.3, 0.7]), None, [1.0, 0.0]]
    assert gate_use(np.stack([g, g], axis=2), domains) == use
    assert gate_use(np.stack([g, g[:, ::-1]], axis=2), domains)[0] == pytest.approx([0.5, 0.5])


# Conflicts


def tiny_splits(rows, n_test):
    """Rows (user, item, category, domain, click); the last n_test are the test rows."""
    schema = Schema(("user", "item", "category"), (9, 300, 9), "user", "item", "item", ("a", "b", "c"))
    table = np.array(rows)

    def part(some):
        user, item, category, domain, click = some.T
        return Rows(np.stack([user, item, category], axis=1), click, domain.astype(np.uint8), user * 10**12)

    cut = len(table) - n_test
    return Splits("tiny", True, schema, part(table[:1]), part(table[1:cut]), part(table[cut:]))


def test_conflicts_by_hand():
    splits = tiny_splits(
        [
            (1, 5, 1, 0, 1),  # user 1 likes item 5 in a
            (1, 7, 1, 2, 1),
            (2, 5, 1, 0, 1),
            (2, 5, 1, 0, 0),  # half and half: neither
            # test
            (1, 5, 1, 1, 0),  # and not in b: 0
            (1, 5, 1, 2, 1),  # but in c, as in a: a conflict of b and c: 1
            (2, 5, 1, 1, 0),
            (3, 0, 1, 0, 1),  # rare items are not one item
            (3, 0, 1, 1, 0),
            (1, 7, 1, 2, 1),
        ],
        n_test=6,
    )
    found = conflicts(splits)
    assert found.level == "user and item"
    assert {pair: rows.tolist() for pair, rows in found.rows.items()} == {(0, 1): [0], (0, 2): [], (1, 2): [0, 1]}
    assert found.exact == {(0, 1): 1, (0, 2): 0, (1, 2): 2}


def test_coarse_conflicts_by_hand():
    """User 1 clicks category 1 in a always, in b never, five times each; user 2 makes both domains' rates 1/2."""
    rows = [(1, 10 + i, 1, 0, 1) for i in range(5)] + [(1, 20 + i, 1, 1, 0) for i in range(5)]
    rows += [(2, 30 + i, 2, 0, 0) for i in range(5)] + [(2, 40 + i, 2, 1, 1) for i in range(5)]
    found = conflicts(tiny_splits(rows, n_test=20 - 3), category="category")
    assert found.level == "user and category"
    assert found.exact == {(0, 1): 0, (0, 2): 0, (1, 2): 0}
    assert found.rows[0, 1].tolist() == list(range(17))
    # p = (5 + 5/2) / 10 = 3/4 is 1/4 from the mean. With four impressions in a, there is no conflict.
    found = conflicts(tiny_splits(rows[1:], n_test=16), category="category")
    assert set(found.rows[0, 1].tolist()) == {i for i, row in enumerate(rows[4:]) if row[0] == 2}


def test_the_fine_level_stays_where_it_is_rich_enough():
    rows = [(1, i, 1, s, int(s == 0)) for i in range(1, 101) for s in (0, 1)]  # 200 conflict rows of a and b
    rows += [(1, i, 1, 2, int(i % 2)) for i in range(1, 201)]  # c agrees with a on odd items and with b on even ones
    splits = tiny_splits([(8, 250, 1, 0, 0), (8, 251, 1, 0, 0), *rows], n_test=400)
    found = conflicts(splits, category="category")
    assert found.exact == {(0, 1): 200, (0, 2): 100, (1, 2): 100}
    assert found.level == "user and item"  # two of three pairs are poor, but the coarse key finds no row
    assert conflicts(splits).level == "user and item"  # no coarser key to go to


def test_the_coarse_level_is_taken_where_it_has_more_rows():
    """The 20 coarse rows of `test_coarse_conflicts_by_hand`, beside fewer and as many rows of items in conflict."""
    rows = [(1, 10 + i, 1, 0, 1) for i in range(5)] + [(1, 20 + i, 1, 1, 0) for i in range(5)]
    rows += [(2, 30 + i, 2, 0, 0) for i in range(5)] + [(2, 40 + i, 2, 1, 1) for i in range(5)]
    # Users 3, 4, 5 click an item in b and not in a: four items each, so that a category has four impressions in both.
    items = [(3 + i // 8, 50 + i // 2, 3, i % 2, i % 2) for i in range(20)]
    for n, level in ((16, "user and category"), (20, "user and item")):
        found = conflicts(tiny_splits([(8, 9, 1, 0, 0), *rows, *items[:n]], n_test=20 + n), category="category")
        assert (found.level, found.exact[0, 1]) == (level, n)


def test_every_row_by_hand():
    splits = tiny_splits([(1, 5, 1, 0, 1)] * 2 + [(1, 5, 1, s, 0) for s in (2, 0, 1, 0)], n_test=4)
    found = every_row(splits)
    assert {pair: rows.tolist() for pair, rows in found.rows.items()} == {
        (0, 1): [1, 2, 3],
        (0, 2): [0, 1, 3],
        (1, 2): [0, 2],
    }
    assert found.level == "all test rows"
    # Each row counts in S - 1 = 2 pairs, so the index is the share of rows. Quartiles 0.75 and 2.25: rows 0 and 1 hit.
    norms = np.array([[0, 3], [3, 0], [1, 1], [2, 2.0]])
    assert diversity_index(norms, found)["overall"] == {"rows": 8, "hits": 4, "value": 0.5}


# Diversity index


def everything(n, pairs=((0, 1),)):
    return Conflicts("user and item", {pair: np.arange(n) for pair in pairs}, dict.fromkeys(pairs, n))


def test_all_forward_index_by_hand():
    # 16 norms: the quartiles are 3.75 and 11.25, so small: 0..3, large: 12..15
    norms = np.array([[0, 15], [1, 2], [12, 13], [4, 5], [6, 7], [8, 9], [14, 3], [10, 11]])
    found = Conflicts("user and item", {(0, 1): np.arange(4), (0, 2): np.array([6]), (1, 2): np.array([], int)}, {})
    result = diversity_index(norms, found, pooled=True)
    assert result["pairs"][0, 1] == {"rows": 4, "hits": 1, "value": 0.25}
    assert result["pairs"][0, 2] == {"rows": 1, "hits": 1, "value": 1.0}
    assert result["pairs"][1, 2] == {"rows": 0, "hits": 0, "value": None, "reason": "no conflict rows"}
    assert result["overall"] == {"rows": 5, "hits": 2, "value": 0.4}
    assert result["level"] == "user and item"
    assert result["thresholds"] == "pooled"
    # Of each expert: small are 0, 1 and 2, 3; large 12, 14 and 13, 15. Rows 0 and 6 hit, as before.
    own = diversity_index(norms, found)
    assert own["overall"] == {"rows": 5, "hits": 2, "value": 0.4}
    assert own["thresholds"] == "per expert"
    # An expert twice as long is large more often among all, and as often as ever by itself.
    louder = norms * [1, 100]
    assert diversity_index(louder, found)["pairs"] == own["pairs"]
    assert diversity_index(louder, found, pooled=True)["pairs"] != result["pairs"]


def test_specific_forward_index_by_hand():
    # one expert in each of three domains; pooled norms 0..11: quartiles 2.75 and 8.25
    norms = np.array([[0, 9, 5], [1, 2, 10], [11, 8, 3], [4, 6, 7]], float)[:, :, None]
    result = diversity_index(norms, everything(4, ((0, 1), (0, 2), (1, 2))), pooled=True)
    assert {pair: r["hits"] for pair, r in result["pairs"].items()} == {(0, 1): 1, (0, 2): 1, (1, 2): 1}
    two_kinds_in_one_domain = np.array([[[0, 9], [4, 5]], [[3, 8], [6, 7]]], float)
    assert diversity_index(two_kinds_in_one_domain, everything(2), pooled=True)["overall"]["hits"] == 0


def test_thresholds_per_expert_see_through_a_loud_expert():
    """A loud and a quiet one among five experts that rise and fall together: pooled, all rows are hits."""
    rhythm = np.random.default_rng(0).random(400)
    norms = rhythm[:, None] + np.array([100, 50, 50, 50, 0])
    assert diversity_index(norms, everything(400), pooled=True)["overall"]["value"] == 1
    assert diversity_index(norms, everything(400))["overall"]["value"] == 0
    opposed = np.stack([rhythm, 1 - rhythm], axis=1)
    assert diversity_index(opposed, everything(400))["overall"]["value"] == pytest.approx(0.5)


def test_scale_does_not_matter():
    norms = np.random.default_rng(0).random((300, 3))
    for pooled in (False, True):
        first, second = (diversity_index(c * norms, everything(300), pooled) for c in (1, 8))
        assert first == second
    assert diversity_index(norms * [1, 16, 1 / 64], everything(300)) == diversity_index(norms, everything(300))


@pytest.mark.parametrize(("experts", "expected"), [((2,), 0.125), ((3,), 0.28125), ((5,), 0.5566), ((8,), 0.8037)])
def test_chance_levels_by_hand(experts, expected):
    assert chance_level(*experts) == pytest.approx(expected, abs=1e-4)
    assert chance_level(1) == 0


@pytest.mark.parametrize("experts", [(1,), (2,), (3,), (5,), (2, 1), (3, 2), (5, 4)])
@pytest.mark.parametrize("pooled", [False, True])
def test_independent_experts_reach_the_chance_level(experts, pooled):
    n = 40_000
    norms = np.random.default_rng(3).exponential(size=(n, *experts))
    result = diversity_index(norms, everything(n), pooled)
    sigma = np.sqrt(0.25 / n)
    assert result["chance"] == chance_level(*experts)
    assert result["overall"]["value"] == pytest.approx(result["chance"], abs=5 * sigma)


def test_no_conflicts_at_all():
    result = diversity_index(np.zeros((0, 3)), everything(0))
    assert result["overall"] == {"rows": 0, "hits": 0, "value": None, "reason": "no conflict rows"}


READ = {
    "ple": lambda c, s: c.specific.parts[s][-1].y,
    "shared_bottom": lambda c, s: c.towers.parts[s].hidden[-1].y,
}


@pytest.mark.parametrize("name", READ)
def test_running_every_domain(name):
    """Where a row's own domain is asked, the norms are those of the ordinary forward pass."""
    rng = np.random.default_rng(0)
    model, batch = at_blackboard(name), draw_batch(rng)
    params = model.init(rng)
    norms = of_every_domain(model, params, batch, READ[name])
    assert norms.shape == (12, 4, 2 if name == "ple" else 1)
    _, cache = model.forward(params, batch)
    for s, rows in enumerate(batch.domains):
        o = READ[name](cache, s)
        own = np.linalg.norm(o if o.ndim == 3 else o[:, None], axis=2)
        np.testing.assert_allclose(norms[rows, s], own, rtol=1e-12)


def test_conflicts_fit_the_rows_of_a_batch():
    """Positions are those of the test rows, which `make_batch` tells for the rows of its batch."""
    splits = tiny_splits([(8, 9, 1, 0, 0)] * 2 + [(1, 5, 1, 1, 0), (2, 5, 1, 0, 0), (1, 5, 1, 0, 1)], n_test=3)
    schema = Schema(("user", "item", "category"), (9, 300, 9), "user", "item", "item", ("a", "b", "c"))
    batch, at = make_batch(splits.test, np.arange(3), schema)
    norms = np.empty((3, 2))
    norms[at] = batch.ids[:, :1] * [1.0, 10.0]
    assert norms[:, 0].tolist() == [1, 2, 1]
    assert conflicts(splits).rows[0, 1].tolist() == [0, 2]
