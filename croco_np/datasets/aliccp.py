"""AliCCP (Ma et al., SIGIR 2018): the four raw files of Tianchi data set 408, streamed, to `Splits`.

Memory holds one block of impressions, the user fields of the contexts of one file, and the counts of the raw values. It
does not grow with the number of impressions, of which there are 85 million.
"""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..storage import checkpoint
from ..storage.digest import of_file, of_json, of_sample, read_json
from .aliccp_census import Domains, Seen
from .aliccp_join import DOMAIN, FIELDS, ITEM, MISSING, SHOP, USER, impressions, read_contexts
from .encoder import Column, Encoder
from .hashing import coin
from .oddities import Oddities
from .prepared import Table, load_column, load_rows, prepare_once, row_blocks, rows_table
from .raw_files import Progress, is_there
from .splits import Schema, Splits, on_labels
from .vocabulary import Vocabulary

_USER, _DOMAIN = FIELDS.index(USER), FIELDS.index(DOMAIN)

FILES = ("common_features_train", "sample_skeleton_train", "common_features_test", "sample_skeleton_test")
SIMULATED = "simulated.json"  # lies next to files that `simulate` wrote
TRUTH = "truth_test.npy"
ENCODER = "encoder.safetensors"  # in the folder of prepared data
SIMULATE_ANEW = "restore it from a copy, or let another folder be simulated"
PARTS = ("train", "valid", "test")


def _candidates(folder, name):
    split = name.rpartition("_")[2]
    return [Path(folder, sub, name + end) for sub in ("", f"sample_{split}", split) for end in (".csv", ".csv.gz")]


def find(folder: Path | str) -> tuple[Path, ...]:
    """The paths of the four raw files, in the order of FILES.

    Each may lie in the folder itself, in sample_train/ and sample_test/, or in train/ and test/, plain or as .gz.
    Raises InputError if one is missing, is there more than once, or is no regular file.
    """
    paths = []
    for name in FILES:
        there = [path for path in _candidates(folder, name) if is_there(path)]
        if not there:
            raise InputError(
                f"{folder}: no {name}.csv or {name}.csv.gz, nor in its subfolders sample_train, sample_test, train or "
                "test; get it from https://tianchi.aliyun.com/dataset/408 (needs a login)"
            )
        if len(there) > 1:
            both = " and ".join(str(path.relative_to(folder)) for path in there[:2])
            raise InputError(f"{folder}: {both} are both there; keep the one that is complete")
        paths += there
    return tuple(paths)


def present(folder: Path | str) -> bool:
    """True if the folder holds genuine raw files. One is enough: an incomplete download is for `find` to report."""
    some = any(is_there(path) for name in FILES for path in _candidates(folder, name))
    return some and not Path(folder, SIMULATED).exists()


def read(
    folder: Path | str,
    min_count: int = 10,
    valid_share: float = 0.1,
    progress: Progress | None = None,
    say: Callable[[str], Any] = print,
) -> Splits:
    """Read AliCCP, genuine or simulated.

    folder       where the raw files are, see `find`; encoded data are kept in a subfolder prepared-... that is used
                 again while the raw files (their times and `digest.of_sample`), min_count and valid_share stay the same
    min_count    a value gets an id of its own if it occurs that often in the training rows, else it is RARE; the domain
                 field keeps all its values
    valid_share  share of the official training rows that become the validation rows, by a hash of their sample id
    progress     optional function(done, total, what), called often; counts the bytes of a file, then rows
    say          gets a line if another process is preparing the same data
    returns      `Splits`, memory-mapped. The test rows are the official test file. A user of -1 is a row without user
                 id (0.2 %): such rows do not belong to one person.

    Rows with a conversion but no click are invalid and dropped, as everybody does. Raises InputError for files that are
    missing, broken or not AliCCP.
    """
    folder = Path(folder)
    if not 0 <= valid_share < 1:
        raise InputError(f"valid_share is {valid_share}, want at least 0 and less than 1")
    paths = find(folder)
    files = [[str(path.relative_to(folder)), *_looks(path)] for path in paths]
    key = {
        "format": 5,
        "files": files,
        "min_count": min_count,
        "valid_share": valid_share,
    }
    made = read_marker(folder)

    def build(work, done):
        if made:
            _check_simulated(paths, made)
        return _prepare(paths, min_count, valid_share, progress, work, done)

    prepared, facts, checksums = prepare_once(folder, f"min{min_count}", key, build, say)
    try:
        domains = tuple(facts["domains"])
        schema = _schema(facts["vocabulary"], domains)
        rows = {name: load_rows(prepared, name, checksums, schema, progress) for name in PARTS}
        notes = [*facts["notes"], *on_labels(rows)]
        dropped = [int(line) for line in facts["dropped_test"]]
        encoder = _load_encoder(prepared, schema, facts["encoder"])
    except InputError:  # of a damaged column, in its own words
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"{prepared}: its manifest is not that of AliCCP ({error!s:.120}); delete {prepared}, and it is made anew"
        ) from error
    truth = _truth(folder, made, dropped, rows["test"].n) if made else None
    if made:
        notes.insert(0, f"simulated data (seed {made['seed']}): not one genuine click is in it")
    fingerprint = of_json({"schema": asdict(schema), "rows": checksums})
    return Splits(
        "aliccp",
        bool(made),
        schema,
        **rows,
        truth=truth,
        notes=tuple(notes),
        fingerprint=fingerprint,
        encoder=encoder,
    )


def _load_encoder(prepared, schema, checksum):
    """The encoder of prepared data, if it is the one whose checksum the manifest holds."""
    try:
        arrays, facts, found = checkpoint.load(prepared / ENCODER, "the vocabularies of prepared data")
        encoder = Encoder.from_state(arrays, facts)
    except InputError as error:
        raise InputError(f"{error}; or delete {prepared}, and it is made anew") from error
    if (found, encoder.schema) != (checksum, schema):
        raise InputError(f"{prepared / ENCODER}: is of other data; delete {prepared}, and it is made anew")
    return encoder


def _looks(path):
    """What tells a raw file from one that was changed."""
    try:
        return path.stat().st_mtime_ns, of_sample(path)
    except OSError as error:
        raise InputError(f"{path}: cannot read ({error.strerror})") from error


def read_marker(folder: Path | str) -> dict | None:
    """What `simulate` wrote down of the files in a folder, a dict; None if they are not simulated."""
    marker = Path(folder, SIMULATED)
    if not marker.exists():
        return None
    made = read_json(marker, "the marker of simulated data")
    if missing := [name for name in ("seed", "rows", "truth", "files") if name not in made]:
        raise InputError(f"{marker}: says nothing of {missing[0]}; {SIMULATE_ANEW}")
    return made


def _truth(folder, made, dropped, n):
    """The click probability of each of the n test rows that were kept."""
    truth = load_column(folder, Path(TRUTH).stem, made["truth"], advice=SIMULATE_ANEW)
    kept = np.ones(len(truth), bool)
    kept[[line for line in dropped if 0 <= line < len(truth)]] = False
    if kept.sum() != n:
        raise InputError(f"{folder / TRUTH}: speaks of {kept.sum():,} rows, there are {n:,}; {SIMULATE_ANEW}")
    return truth[kept]


def _check_simulated(paths, made):
    for path in paths:
        if of_file(path) != made["files"].get(path.name):
            raise InputError(f"{path}: is not as it was simulated; {SIMULATE_ANEW}")


def _prepare(paths, min_count, valid_share, progress, work, done):
    """Raw files to tables of encoded rows in `done`; returns the facts that `read` needs besides, and checksums."""
    contexts_train, skeleton_train, contexts_test, skeleton_test = paths
    raw = {name: Table(work / name, ids=(np.int64, len(FIELDS)), labels=(np.uint8,)) for name in ("train", "valid")}
    odd, domains = Oddities(), Domains(skeleton_train)
    seen = {"train": Seen(skeleton_train), "test": Seen(skeleton_test)}
    with raw["train"], raw["valid"]:  # vocabularies need all training rows, so these wait on disk
        for part in impressions(skeleton_train, read_contexts(contexts_train, odd, progress), odd, progress):
            domains.add(part)
            seen["train"].add(part)
            held_out = coin(part.samples) < valid_share
            for name, rows in ("train", ~held_out), ("valid", held_out):
                raw[name].append(ids=part.ids[rows], labels=part.labels[rows])
    values = domains.values()

    vocabularies = _learn(row_blocks(work / "train" / "ids.npy", progress, "counting values"), min_count)
    vocabularies[_DOMAIN] = Vocabulary(values)
    encoded = {}
    for name in raw:
        with rows_table(done / name, len(FIELDS)) as table:
            encoded[name] = table.digests
            blocks = row_blocks(work / name / "ids.npy", progress, f"encoding {name}")
            for ids, labels in zip(blocks, row_blocks(work / name / "labels.npy"), strict=True):
                table.append(**_encode(ids, labels, vocabularies))
    with rows_table(done / "test", len(FIELDS)) as table:
        encoded["test"] = table.digests
        contexts = read_contexts(contexts_test, odd, progress)
        for part in impressions(skeleton_test, contexts, odd, progress, values):
            seen["test"].add(part)
            table.append(**_encode(part.ids, part.labels, vocabularies))

    columns = tuple(Column(name, "integer", v) for name, v in zip(FIELDS, vocabularies, strict=True))
    domains = [f"domain {s + 1}" for s in range(len(values))]
    schema = _schema([v.size for v in vocabularies], domains)
    lost = {name: f"{len(s.dropped):,} rows of {name}" for name, s in seen.items()}
    facts = {
        "vocabulary": list(schema.vocabulary),
        "domains": domains,
        "encoder": checkpoint.save(done / ENCODER, *Encoder(schema, columns, label="click").state()),
        "dropped_test": seen["test"].dropped,
        "notes": [
            f"dropped {lost['train']} and {lost['test']} with a conversion but no click",
            f"domains by value of field {DOMAIN}: {', '.join(map(str, values))}",
            *(f"{name} file: {line}" for name, s in seen.items() for line in s.lacks()),
            *odd.notes(),
        ],
    }
    return facts, {f"{name}/{c}": d.text() for name, digests in encoded.items() for c, d in digests.items()}


def _schema(vocabulary, domains):
    return Schema(FIELDS, tuple(vocabulary), USER, ITEM, DOMAIN, tuple(domains), context=(SHOP,))


def _learn(blocks, min_count):
    """One vocabulary a field, counted over blocks of raw ids (B, F)."""
    counts = [(np.array([], np.int64), np.array([], np.int64)) for _ in FIELDS]
    for ids in blocks:
        for f, column in enumerate(ids.T):
            counts[f] = _merge(*counts[f], *np.unique(column[column != MISSING], return_counts=True))
    return [Vocabulary.from_counts(*count, min_count) for count in counts]


def _merge(values, counts, more_values, more_counts):
    """Two tallies, each of sorted unique values, into one."""
    values, counts = np.concatenate([values, more_values]), np.concatenate([counts, more_counts])
    order = np.argsort(values, kind="stable")  # two sorted runs: a single merge
    values, counts = values[order], counts[order]
    first = np.flatnonzero(np.diff(values, prepend=MISSING))
    return values[first], np.add.reduceat(counts, first) if len(first) else counts


def _encode(ids, labels, vocabularies):
    """Raw ids (B, F) to the columns of `Rows`."""
    encoded = np.stack([v.encode(column) for v, column in zip(vocabularies, ids.T, strict=True)], axis=1)
    return {"ids": encoded, "labels": labels, "domains": encoded[:, _DOMAIN] - 1, "users": ids[:, _USER]}
