"""The simulated AliCCP: deterministic, shaped like the genuine data, calibrated, and in conflict between domains."""

import json

import numpy as np
import pytest

from croco_np.datasets import aliccp
from croco_np.datasets.aliccp_world import RATES, SHARES
from croco_np.datasets.simulate import IDS, MISSING, simulate
from croco_np.errors import InputError

ROWS = 200_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("simulated")
    simulate(folder, ROWS, seed=1)
    return folder


@pytest.fixture(scope="module")
def splits(folder):
    return aliccp.read(folder)


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def column(splits, rows, field):
    return rows.ids[:, splits.schema.fields.index(field)]


def test_same_seed_same_bytes(tmp_path):
    for name, seed in ("a", 5), ("b", 5), ("c", 6):
        simulate(tmp_path / name, 4000, seed)
    a, b, c = (files(tmp_path / name) for name in "abc")
    assert a == b
    assert sorted(a) == sorted([*(f"{name}.csv" for name in aliccp.FILES), aliccp.SIMULATED, aliccp.TRUTH])
    assert all(a[name] != c[name] for name in a)


def test_says_that_it_is_simulated(folder, splits):
    assert json.loads((folder / "simulated.json").read_text())["simulated"] is True
    assert splits.simulated
    assert splits.name == "aliccp"
    assert "simulated" in splits.notes[0]
    assert not aliccp.present(folder)


def test_never_touches_genuine_files(tmp_path):
    (tmp_path / "common_features_test.csv").write_text("genuine")
    with pytest.raises(InputError, match="holds genuine AliCCP files"):
        simulate(tmp_path, 4000)
    assert files(tmp_path) == {"common_features_test.csv": b"genuine"}


def test_too_few_rows(tmp_path):
    with pytest.raises(InputError, match="1999 rows are too few"):
        simulate(tmp_path / "new", 1999)
    assert not (tmp_path / "new").exists()


def test_domain_shares_and_click_rates(splits):
    for rows in (splits.train, splits.test):
        for s, (share, rate) in enumerate(zip(SHARES, RATES, strict=True)):
            clicks = rows.labels[rows.domains == s]
            assert len(clicks) / rows.n == pytest.approx(share, abs=0.003)
            assert clicks.mean() == pytest.approx(rate, abs=4 * np.sqrt(rate / len(clicks)) + 0.002)


def test_truth_is_calibrated_and_aligned(folder, splits):
    truth, labels = splits.truth, splits.test.labels
    assert truth.shape == labels.shape
    assert truth.dtype == np.float64
    assert len(np.load(folder / aliccp.TRUTH)) > len(truth)  # the invalid rows are gone from it
    order = np.argsort(truth)  # in each tenth by truth, clicks come at the rate that the truth says
    for tenth in np.array_split(order, 10):
        expected = truth[tenth].mean()
        assert abs(labels[tenth].mean() - expected) < 4.5 * np.sqrt(expected / len(tenth))
    assert 0.70 < auc(labels, truth) < 0.80


def auc(labels, scores):
    rank = np.empty(len(scores))
    rank[np.argsort(scores)] = np.arange(1, len(scores) + 1)
    n = int(labels.sum())
    return (rank[labels == 1].sum() - n * (n + 1) / 2) / (n * (len(labels) - n))


def test_missing_values_at_the_genuine_rates(folder):
    splits = aliccp.read(folder, min_count=1)  # id 0 is then a missing value in the training rows
    expected = {"121": 0.1298, "124": 0.1298, "126": 0.5842, "129": 0.3631, "205": 0, "206": 0, "216": 0.2886}
    expected |= {field: MISSING[field] for field in ("101", "508", "509", "702")}
    shares = {field: float((column(splits, splits.train, field) == 0).mean()) for field in expected}
    assert shares == pytest.approx(expected, abs=0.07)


def test_long_tails_contexts_and_invalid_rows(folder, splits):
    counts = np.bincount(column(splits, splits.train, "205"))
    counts = np.sort(counts[1:])[::-1]
    assert counts[: len(counts) // 10].sum() > 0.3 * counts.sum()  # a tenth of the items has a third of the rows
    lines = (folder / "sample_skeleton_train.csv").read_bytes().splitlines()
    cells = [line.split(b",", 5) for line in lines]
    assert len(lines) == round(ROWS * 0.75)
    assert 50 < len(lines) / len({cell[3] for cell in cells}) < 80
    invalid, converted = (sum(cell[1:3] == [click, b"1"] for cell in cells) for click in (b"0", b"1"))
    assert 1 < invalid < 50
    assert 1 < converted < 100
    fields = {token.split(b"\x02")[0].decode() for cell in cells for token in cell[5].split(b"\x01")}
    assert fields == {*aliccp.FIELDS[9:], "210", "853"}


def test_raw_ids_lie_in_their_blocks(folder):
    for name in aliccp.FILES:
        for line in (folder / f"{name}.csv").read_text().splitlines()[:300]:
            tokens = [token.split("\x02") for token in line.split(",")[-1].split("\x01")]
            assert len(tokens) == int(line.split(",")[-2])
            for field, rest in tokens:
                number, value = rest.split("\x03")
                assert float(value) > 0
                assert field == "101" or IDS[field][0] <= int(number) < IDS[field][1]


def test_domains_contradict_each_other(splits):
    """The same profile group and category, liked in one domain and disliked in the other, by the truth."""
    group, category = column(splits, splits.test, "122"), column(splits, splits.test, "206")
    pair, taste = group.astype(int) * 1000 + category, []
    for s in (0, 2):
        rows = splits.test.domains == s
        relative = splits.truth[rows] / splits.truth[rows].mean()
        n = np.bincount(pair[rows], minlength=20_000)
        taste.append(np.bincount(pair[rows], relative, minlength=20_000) / np.where(n >= 20, n, np.nan))
    both = np.isfinite(taste[0]) & np.isfinite(taste[1])
    first, third = taste[0][both], taste[1][both]
    contrary = ((first > 1.3) & (third < 0.77)) | ((first < 0.77) & (third > 1.3))
    assert both.sum() > 50
    assert contrary.mean() > 0.1


def test_progress(tmp_path):
    calls = []
    simulate(tmp_path, 4000, progress=lambda *call: calls.append(call))
    assert calls == [(3000, 3000, "sample_skeleton_train.csv"), (1000, 1000, "sample_skeleton_test.csv")]
