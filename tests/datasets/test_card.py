"""The data card: counts by hand, and a page that stays narrow."""

import numpy as np
import pytest

from croco_np.datasets.card import WIDTH, card
from croco_np.datasets.splits import Rows, Schema


def part(*rows):
    """Rows of (user, item, domain, click); ids are the items', 0 for item 9."""
    users, items, domains, clicks = np.array(rows).reshape(-1, 4).T
    ids = np.stack([users + 1, np.where(items == 9, 0, items), domains + 1], axis=1).astype(np.int32)
    return Rows(ids, clicks.astype(np.uint8), domains.astype(np.uint8), users.astype(np.int64))


SCHEMA = Schema(("user", "item", "tab"), (9, 9, 3), "user", "item", "tab", ("home", "search"))
PARTS = {
    "train": part((0, 1, 0, 1), (0, 2, 0, 0), (1, 1, 0, 0), (1, 1, 1, 1), (2, 9, 1, 0)),
    "valid": part((-1, 3, 0, 0)),
    "test": part((2, 9, 1, 0), (0, 9, 1, 1)),
}


def test_by_hand():
    """Home: users 0 and 1, of whom both are in search, too; items 1, 2, 3. Search: users 0, 1, 2; item 1, and 9."""
    lines = card(SCHEMA, PARTS, dropped={"without click": 1200, "without tab": 0})
    words = [line.split() for line in lines]
    assert words[1] == ["home", "3", "1", "0", "25.0", "%", "2", "100", "%", "3", "33", "%"]
    assert words[2] == ["search", "2", "0", "2", "50.0", "%", "3", "67", "%", "1", "100", "%"]
    assert words[3] == ["all", "domains", "5", "1", "2", "37.5", "%", "3", "67", "%", "3", "33", "%"]
    assert lines[4] == "rows dropped: 1,200 without click"
    assert lines[6].split() == ["user", "0", "100", "0", "item", "20", "0", "100"]
    assert lines[7].split() == ["tab", "0", "0", "0"]
    items = {"train": np.array([1, 2, 1, 1, 9]), "valid": np.array([3]), "test": np.array([9, 9])}
    assert card(SCHEMA, PARTS, items)[2].split()[9:] == ["2", "50", "%"]


def test_parts_without_rows():
    empty = {name: part() for name in PARTS}
    lines = card(SCHEMA, empty)
    assert lines[1].split() == ["home", "0", "0", "0", "-", "0", "-", "0", "-"]
    assert lines[5].split() == ["user", "-", "-", "-", "item", "-", "-", "-"]


@pytest.mark.parametrize("n", [1, 2, 30, 255])
def test_the_page_is_narrow_and_short(n):
    rng = np.random.default_rng(n)
    rows = 4000
    names = tuple(f"a domain of a long name, in two lines\n number {s}" for s in range(n))
    fields = ("user", "item", "tab", *(f"{'field' * 9}{f}" for f in range(40)))
    schema = Schema(fields, (9,) * 2 + (n + 1,) + (9,) * 40, "user", "item", "tab", names)
    ids = rng.integers(0, 9, (rows, 43)).astype(np.int32)
    domains = np.minimum(rng.zipf(1.2, rows) - 1, n - 1).astype(np.uint8)
    some = Rows(ids, rng.integers(0, 2, rows).astype(np.uint8), domains, rng.integers(0, 2**60, rows))
    lines = card(schema, {"train": some, "valid": some, "test": some})
    assert max(map(len, lines)) <= WIDTH
    assert not any("\n" in line for line in lines)
    assert len(lines) <= 70
    assert sum(line.startswith("a domain") for line in lines) == (n if n <= 30 else 39)
    assert ("... and 216 smaller domains" in lines) == (n == 255)
    head = lines[0]
    assert all(len(line) == len(head) for line in lines[1 : n + 2] if n <= 30)
