"""The two halves of an AliCCP impression, joined: raw feature ids of the single-valued fields.

    common_features_*.csv   user's side, one row per context, shared by some 58 impressions   `Contexts`, in memory
    sample_skeleton_*.csv   item's side, one row per impression                               `Impressions`, by blocks

They meet in the common_feature_index, a hash that is unique within the training files and within the test files.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .oddities import Oddities
from .raw_files import Progress
from .tianchi import OTHER, UNKNOWN, Lines, blocks

USER_FIELDS = ("101", "121", "122", "124", "125", "126", "127", "128", "129")  # in the common features
ITEM_FIELDS = ("205", "206", "207", "216", "301", "508", "509", "702")  # in the skeleton
FIELDS = USER_FIELDS + ITEM_FIELDS  # the multi-valued ones, which follow, are left out
ITEM_OTHERS = ("210", "853")
HISTORIES = (b"109_14", b"110_14", b"127_14", b"150_14")
USER, ITEM, SHOP, DOMAIN = "101", "205", "207", "301"

MISSING = -1  # raw id where a row has no token of a field; no feature id is negative


class Contexts(NamedTuple):
    """The user's side of one split, C contexts.

    name    name of the file, for messages
    hashes  (C,)   uint64   common_feature_index, sorted
    ids     (C, 9) int64    raw ids of USER_FIELDS
    """

    name: str
    hashes: np.ndarray
    ids: np.ndarray


class Impressions(NamedTuple):
    """A block of B valid impressions of one skeleton file.

    ids      (B, F) int64   raw feature ids of FIELDS
    labels   (B,)   uint8   1 = click
    samples  (B,)   int64   sample id
    lines    (B,)   int64   line in the file, counted from 1
    dropped  row numbers in the file, counted from 0, of the invalid rows that were between them
    """

    ids: np.ndarray
    labels: np.ndarray
    samples: np.ndarray
    lines: np.ndarray
    dropped: list[int]


def read_contexts(path: Path, odd: Oddities, progress: Progress | None = None) -> Contexts:
    """All of one common features file as `Contexts`; of two rows with one index the later counts.

    odd  `Oddities`, for what must be said of the file
    """
    found = []
    for first, data in blocks(path, odd, progress):
        lines = Lines(path, first, data, columns=3)
        found.append((lines.column(0, "common_feature_index", base=16), _ids(lines, USER_FIELDS, (), odd)))
    hashes, ids = (np.concatenate(columns) for columns in zip(*found, strict=True))
    order = np.argsort(hashes, kind="stable")
    contexts = Contexts(path.name, hashes[order], ids[order])
    unlike = (np.diff(contexts.hashes) == 0) & (np.diff(contexts.ids, axis=0) != 0).any(axis=1)
    if unlike.any():
        line = order[1:][unlike].min() + 1
        odd.add("contexts with the index of another, but other contents; the later counts", unlike.sum(),
                f"{path.name}:{line}")  # fmt: skip
    return contexts


def impressions(
    path: Path,
    contexts: Contexts,
    odd: Oddities,
    progress: Progress | None = None,
    domains: np.ndarray | None = None,
) -> Iterator[Impressions]:
    """Yield one skeleton file as blocks of `Impressions`.

    odd      `Oddities`, for what must be said of the file
    domains  raw values that field 301 may take; None allows all

    Raises InputError, with file and line, for a label that is not 0 or 1, an index that is not among the contexts, and
    a domain that is missing or not allowed.
    """
    domain, last = FIELDS.index(DOMAIN), -1
    for first, data in blocks(path, odd, progress):
        lines = Lines(path, first, data, columns=6)
        samples, click = lines.column(0, "sample_id"), lines.column(1, "click")
        conversion = lines.column(2, "conversion")
        lines.check(click <= 1, "click is {}, want 0 or 1", click)
        lines.check(conversion <= 1, "conversion is {}, want 0 or 1", conversion)
        again = np.diff(samples, prepend=last) <= 0
        lines.report(odd, "rows with a sample_id not above the one before; some may be in the file twice", again)
        last = samples[-1]

        hashes = lines.column(3, "common_feature_index", base=16)
        at = np.searchsorted(contexts.hashes, hashes, side="right") - 1
        found = contexts.hashes[at] == hashes
        lines.check(found, f"common_feature_index {{:016x}} is not in {contexts.name}; are both of one split?", hashes)
        ids = np.concatenate([contexts.ids[at], _ids(lines, ITEM_FIELDS, ITEM_OTHERS, odd)], axis=1)

        lines.check(ids[:, domain] != MISSING, f"no token of field {DOMAIN}, the domain; the row cannot be used")
        if domains is not None:
            known = np.isin(ids[:, domain], domains)
            lines.check(known, f"domain {{}} (field {DOMAIN}) is not in the training file", ids[:, domain])

        valid = (click == 1) | (conversion == 0)
        number = first + np.arange(lines.n)
        dropped = (number[~valid] - 1).tolist()
        yield Impressions(ids[valid], click[valid].astype(np.uint8), samples[valid], number[valid], dropped)


def _ids(lines, fields, others, odd):
    """Raw ids (L, len(fields)) of the tokens of some fields, MISSING where a line has none; `others` are left out."""
    slots = np.full(1000, UNKNOWN)
    slots[[int(field) for field in others]] = OTHER
    slots[[int(field) for field in fields]] = range(len(fields))
    ids = np.full((lines.n, len(fields)), MISSING, np.int64)
    line, slot, value, unknown = lines.tokens(slots, HISTORIES)
    ids[line, slot] = value
    lines.report(odd, "lines with tokens of fields that have no place in the file; they are left out", unknown)
    twice = np.zeros(lines.n, bool)
    twice[line[ids[line, slot] != value]] = True
    lines.report(odd, "lines with two ids in a field that has one; the last counts", twice)
    return ids
