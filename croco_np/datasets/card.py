"""The data card: what a data set looks like, domain by domain, as lines to read before training on it."""

from collections.abc import Mapping

import numpy as np

from .splits import RARE, Rows, Schema

WIDTH = 100  # characters of a line, at most
MOST_DOMAINS = 40  # that get a line of their own
_DOMAIN, _FIELD = 20, 32  # characters of a domain's and of a field's name


def card(
    schema: Schema,
    parts: Mapping[str, Rows],
    items: Mapping[str, np.ndarray] | None = None,
    dropped: Mapping[str, int] | None = None,
) -> list[str]:
    """Rows, clicks, users and items of each domain and of all; rows dropped; and how much of a field is id 0.

    parts    the `Rows` of "train", "valid" and "test"
    items    for each part (n,) which item a row is of, equal for equal items, negative for none; without it an item is
             its id, and rare ones are not counted
    dropped  {why: rows} that are in none of the parts

    "shared" is the share of a domain's users, or items, that other domains have, too: what there is to transfer.
    """
    if items is None:
        column = schema.fields.index(schema.item)
        items = {name: np.where(rows.ids[:, column] == RARE, -1, rows.ids[:, column]) for name, rows in parts.items()}
    domains = np.concatenate([rows.domains for rows in parts.values()])
    users = _members(np.concatenate([rows.users for rows in parts.values()]), domains, len(schema.domains))
    wares = _members(np.concatenate([items[name] for name in parts]), domains, len(schema.domains))
    lines = _by_domain(schema, parts, users, wares)
    if dropped := {why: n for why, n in (dropped or {}).items() if n}:
        lines.append("rows dropped: " + ", ".join(f"{n:,} {why}" for why, n in dropped.items()))
    return lines + _defaults(schema, parts)


def _members(keys, domains, n_domains):
    """For each domain and then for all: how many different keys (N,), and how many of them other domains have, too."""
    import pandas as pd  # it hashes where NumPy sorts, ten times as fast

    there = keys >= 0
    at, found = pd.factorize(keys[there])
    met = pd.unique(at.astype(np.int64) * n_domains + domains[there])  # pairs of key and domain
    key, domain = met // n_domains, met % n_domains
    common = np.bincount(key, minlength=len(found)) > 1
    counts = np.bincount(domain, minlength=n_domains)
    shared = np.bincount(domain[common[key]], minlength=n_domains)
    return np.append(counts, len(found)), np.append(shared, common.sum())


def _by_domain(schema, parts, users, items):
    """The table of domains, largest first where not all of them have a line, and its last line of all rows."""
    n = len(schema.domains)
    rows = np.array([np.bincount(part.domains, minlength=n) for part in parts.values()])
    clicks = sum(np.bincount(part.domains[np.asarray(part.labels) == 1], minlength=n) for part in parts.values())
    rows, clicks = np.append(rows, rows.sum(axis=1)[:, None], axis=1), np.append(clicks, clicks.sum())
    head = [f"{name:>11}" for name in parts]
    lines = [f"{'rows':<{_DOMAIN}}{''.join(head)}  clicks{'users':>11} shared{'items':>11} shared"]
    shown = np.arange(n)
    if n > MOST_DOMAINS:
        shown = np.sort(np.argsort(-rows[:, :n].sum(axis=0), kind="stable")[: MOST_DOMAINS - 1])
    for s in [*shown.tolist(), n]:
        name = "all domains" if s == n else schema.domains[s]
        counts = "".join(f"{count:>11,}" for count in rows[:, s].tolist())
        crowd = "".join(f"{count[s]:>11,}{_percent(share[s], count[s])}" for count, share in (users, items))
        if s == n and len(shown) < n:
            lines.append(f"... and {n - len(shown)} smaller domains")
        lines.append(f"{_short(name, _DOMAIN)}{counts}{_percent(clicks[s], rows[:, s].sum(), 1)}{crowd}")
    return lines


def _percent(part, whole, digits=0):
    text = f"{100 * part / whole:.{digits}f} %" if whole else "-"
    return f"{text:>{7 + digits}}"


def _short(name, width):
    """A name on one line, cut or filled up to a width."""
    name = "".join(c if c.isprintable() else "?" for c in str(name))
    return f"{name if len(name) < width else name[: width - 4] + '...':<{width}}"


def _defaults(schema, parts):
    """For each field, the share of the rows of each part that have id 0 in it; as many fields on a line as fit."""
    counts = [np.count_nonzero(np.asarray(rows.ids) == RARE, axis=0) for rows in parts.values()]
    cells = []
    for f, name in enumerate(schema.fields):
        shares = [_rounded(count[f], rows.n) for count, rows in zip(counts, parts.values(), strict=True)]
        cells.append(f"{_short(name, _FIELD)}{''.join(f'{share:>4}' for share in shares)}")
    columns = WIDTH // (len(cells[0]) + 2)
    lines = ["  ".join(cells[i : i + columns]) for i in range(0, len(cells), columns)]
    return [f"per cent of the rows that have id 0 (rare, unseen, missing), by field: {', '.join(parts)}", *lines]


def _rounded(part, whole):
    """A share in per cent that is 0 only if it is nothing."""
    share = 100 * part / whole if whole else 0
    return "-" if not whole else "<1" if 0 < share < 1 else f"{share:.0f}"
