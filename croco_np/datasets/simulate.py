"""A simulated AliCCP: the four raw files in the genuine format, with clicks drawn from a truth that is kept.

Nothing that is written into the raw files depends on the clicks, except the conversions.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..storage.digest import of_array, of_file, write_json
from ..storage.files import made_once, not_written
from .aliccp import FILES, SIMULATED, TRUTH, present, read_marker
from .aliccp_world import N_CATEGORIES, PROFILE, draw, make_items, make_users, truth
from .aliccp_write import VALUES, random_tokens, text_of, token_table
from .hashing import coin
from .raw_files import Progress

TEST_SHARE = 0.25  # half in the genuine data; less here, to train on more
BLOCK_ROWS = 1 << 15
# Shares of rows without a token, besides those that `aliccp_world` decides.
MISSING = {"101": 0.0022, "109_14": 0.0095, "110_14": 0.0095, "127_14": 0.0101, "150_14": 0.0024, "205": 2e-6,
           "206": 2e-6, "207": 2e-6, "210": 1e-4, "508": 0.3036, "509": 0.7788, "702": 0.7764,
           "853": 0.5896}  # fmt: skip
INVALID, CONVERSION = 1e-4, 0.0055  # shares: of rows, a conversion without a click; of clicks, a conversion

# Raw ids, as [first, stop): the blocks seen in the genuine files; the last five fields, of which little is known, are
# placed where nothing else is.
IDS = {"121": (3438658, 3438755), "122": (3438755, 3438768), "124": (3438768, 3438770), "125": (3438770, 3438777),
       "126": (3438777, 3438780), "127": (3438780, 3438783), "128": (3864885, 3864887), "129": (3864887, 3864891),
       "205": (4186222, 6539513), "206": (8315405, 8317500), "207": (8416205, 8987329), "210": (9020410, 9109733),
       "216": (9154780, 9181079), "301": (9351665, 9351668), "508": (9353818, 9355324), "509": (9511769, 9686172),
       "702": (9687000, 9867763), "853": (9870000, 9907000), "109_14": (600000, 606000), "110_14": (700000, 900000),
       "127_14": (1000000, 1100000), "150_14": (1200000, 1290000)}  # fmt: skip


def simulate(
    folder: Path | str,
    rows: int = 400_000,
    seed: int = 0,
    progress: Progress | None = None,
    say: Callable[[str], Any] = print,
) -> None:
    """Write the four raw files, flat and plain, the truth of the test rows, and a marker that `read` reports.

    folder    made whole or not at all. If it holds such a simulation already, nothing is done; InputError if it holds
              anything else
    rows      impressions, a quarter of them in the test file; InputError below 2,000
    seed      the same rows and seed give the same files, to the byte
    progress  optional function(rows done, rows in all, what)
    say       gets a line if another process is simulating into the same folder

    The truth is a float64 array, one click probability for each line of the test skeleton. The marker holds checksums
    of all files. All draws are held in memory, some 300 bytes a row.
    """
    folder = Path(folder)
    if rows < 2000:
        raise InputError(f"{rows} rows are too few to simulate, want at least 2,000")

    def make(new, _):
        new.mkdir()
        _write(new, rows, seed, progress)

    try:
        waiting = f"{folder}: waiting for {{}}, which is simulating the same data"
        made_once(folder, make, lambda holder: say(waiting.format(holder)))
    except OSError as error:
        raise not_written(folder, error) from error
    made = read_marker(folder)
    if made is None:
        what = "genuine AliCCP files" if present(folder) else "files that the simulator did not write"
        raise InputError(f"{folder}: holds {what}; simulate into another folder")
    if (made["rows"], made["seed"]) != (rows, seed):
        raise InputError(
            f"{folder}: holds {made['rows']:,} simulated rows of seed {made['seed']}; simulate into another folder"
        )


def _write(folder, rows, seed, progress):
    rng = np.random.default_rng(seed)
    users, items = make_users(rng, rows), make_items(rng, rows)
    n_test = round(rows * TEST_SHARE)
    draws = [draw(rng, users, items, n) for n in (rows - n_test, n_test)]
    met = [_met_before(part, items) for part in draws]
    probability = truth(draws, users, items, [m["508"] + m["509"] for m in met])
    tokens = _tokens(rng, users, items)
    for k, part in enumerate(draws):
        common, skeleton = (folder / f"{name}.csv" for name in FILES[2 * k : 2 * k + 2])
        hashes = rng.integers(1 << 64, size=len(part.context_user), dtype=np.uint64)
        hashes = np.array([b"%016x" % h for h in hashes.tolist()])
        common.write_bytes(_common(rng, hashes, users.profile[part.context_user], part.context_user, tokens))
        with skeleton.open("wb") as file:
            for done, text in _skeleton(rng, hashes, part, items, met[k], probability[k], tokens):
                file.write(text)
                if progress:
                    progress(done, len(part.user), skeleton.name)
    np.save(folder / TRUTH, probability[1])
    marker = {"simulated": True, "seed": seed, "rows": rows, "test_rows": n_test, "truth": of_array(probability[1])}
    marker["files"] = {f"{name}.csv": of_file(folder / f"{name}.csv") for name in FILES}
    write_json(folder / SIMULATED, marker)


def _met_before(part, items):
    """By cross field, (N,) int: has the user met the item's category, shop, brand before? The same for every repeat."""
    met = {}
    for k, (field, level) in enumerate((("508", items.category), ("509", items.shop), ("702", items.brand))):
        level = level[part.item]
        share = (1 - MISSING[field]) / (level > 0).mean()
        met[field] = ((coin((part.user * 3 + k) * 1_000_003 + level) < share) & (level > 0)).astype(int)
    return met


def _tokens(rng, users, items):
    """By field, the token of each level: (n + 1,) byte strings; of 210 and 853, the tokens of each item."""
    n_users, n_items = len(users.weight), len(items.weight)
    sizes = {"205": n_items, "206": N_CATEGORIES, "207": items.shop.max(), "216": items.brand.max()}
    user_ids = rng.choice(max(500_000, 4 * n_users), n_users, replace=False)
    tokens = {"101": token_table("101", user_ids)}
    tokens |= {field: token_table(field, np.arange(*IDS[field])) for field in (*PROFILE, "301")}
    for field, cross in ("205", None), ("206", "508"), ("207", "509"), ("216", "702"):
        tokens[field] = token_table(field, _some(rng, field, sizes[field]))
        if cross:
            tokens[cross] = token_table(cross, _some(rng, cross, sizes[field]), end=b"\x03")
    tokens["210"] = random_tokens(rng, "210", IDS["210"], n_items, most=3, values=(b"1.0",))
    tokens["853"] = random_tokens(rng, "853", IDS["853"], n_items, most=2)
    return tokens


def _some(rng, field, n):
    """So many different raw ids of a field, in no order."""
    first, stop = IDS[field]
    return first + rng.choice(stop - first, n, replace=False)


def _common(rng, hashes, profile, user, tokens):
    """Text of one common features file."""
    n = len(hashes)
    columns = [_unless_missing(rng, "101", tokens["101"][user + 1])]
    columns += [tokens[field][level] for field, level in zip(PROFILE, profile.T, strict=True)]
    for field in ("109_14", "110_14", "127_14", "150_14"):
        columns.append(_unless_missing(rng, field, random_tokens(rng, field, IDS[field], n, most=3)))
    return text_of([hashes], columns)


def _skeleton(rng, hashes, part, items, met, probability, tokens):
    """Yield one skeleton file as (rows so far, text)."""
    n = len(part.user)
    click = rng.random(n) < probability
    conversion = click & (rng.random(n) < CONVERSION)
    conversion[rng.choice(np.flatnonzero(~click), max(2, round(INVALID * n)), replace=False)] = True
    for start in range(0, n, BLOCK_ROWS):
        rows = slice(start, start + BLOCK_ROWS)
        item = part.item[rows]
        head = [np.arange(n)[rows] + 1, click[rows], conversion[rows]]
        head = [column.astype(int).astype("S10") for column in head] + [hashes[part.context[rows]]]
        levels = {"205": item + 1, "206": items.category[item], "207": items.shop[item], "216": items.brand[item]}
        body = [tokens["301"][part.domain[rows] + 1]]
        body += [_unless_missing(rng, field, tokens[field][level]) for field, level in levels.items()]
        for field, level in ("508", levels["206"]), ("509", levels["207"]), ("702", levels["216"]):
            here = met[field][rows]
            body += [tokens[field][level * here], VALUES[rng.integers(1, len(VALUES), len(item)) * here]]
        body += [_unless_missing(rng, field, tokens[field][item]) for field in ("210", "853")]
        yield min(start + BLOCK_ROWS, n), text_of(head, body)


def _unless_missing(rng, field, column):
    return np.where(rng.random(len(column)) < MISSING.get(field, 0), b"", column)
