"""Tables 2 and 3: every system of the paper on one data set, in every domain and over all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from ..report import Cell, Section, Table
from . import published
from .compare import (
    UNIT,
    Comparison,
    cell_of_difference,
    cell_of_mean,
    compare,
    in_words,
    seeds_in,
    shown,
    table_of,
    untested,
)
from .experiment import Results
from .frames import by_seed, domains_of, runs_frame
from .statistics import LEVEL, bootstrap_users, holm, paired
from .study import Study
from .tuning import Candidate, tune

NAMES = {
    "single_domain": "Single Domain",
    "shared_bottom": "Shared Bottom",
    "mmoe": "MMoE",
    "ple": "PLE",
    "me_mmoe": "ME-MMoE",
    "me_ple": "ME-PLE",
    "stem": "STEM",
    "star": "STAR",
    "pepnet": "PEPNet",
    "hinet": "HiNet",
    "adasparse": "AdaSparse",
    "me": "ME",
    "me_pg": "ME + PG",
    "me_peg": "ME + PEG",
    "me_pg_cov": "ME + PG + CovLoss",
    "crocodile": "Crocodile",
}
SYSTEMS = tuple(name for name in NAMES if name not in ("me", "me_pg", "me_peg", "me_pg_cov"))  # of Tables 2 and 3
ALONE, OURS = "single_domain", "crocodile"
TITLES = {"auc": "AUC", "gauc": "gAUC"}


def collect(study: Study) -> dict[str, pd.DataFrame]:
    """Tune and train all systems -> frames "runs", "tuning" and, for the first seed, "bootstrap"."""
    frames = trained(study)
    runs = frames["runs"]
    first = runs[runs["seed"] == study.seeds[0]].reindex(columns=["system", "key"]).dropna()  # those that did not fail
    return frames | {"bootstrap": _bootstrap(study, dict(zip(first["system"], first["key"], strict=True)))}


def trained(study: Study, systems: Sequence[str] = SYSTEMS, what: str = "systems") -> dict[str, pd.DataFrame]:
    """Tune and train systems -> frames "runs" and "tuning"."""
    tuned = tune(study, {s: Candidate(s, {}, study.settings()) for s in systems}, f"{what}, tuning")
    runs = {(s, seed): study.run(s, seed, **tuned.settings[s]) for s in slowest_first(systems) for seed in study.seeds}
    records = study.make(runs.values(), what)
    entries = [({"system": s, "seed": seed}, records.get(runs[s, seed].key)) for s in systems for seed in study.seeds]
    return {"runs": runs_frame(entries), "tuning": tuned.tried}


def slowest_first(systems: Iterable[str]) -> list[str]:
    """The systems, those that train slowly before the others: the last runs of a grid are then short."""
    order = ("hinet", "me_peg", "crocodile", "stem", "me_mmoe", "pepnet", "me_pg", "me_pg_cov")
    return sorted(systems, key=lambda s: order.index(s) if s in order else len(order))


def _bootstrap(study, keys):
    """The AUC of each other system minus that of Crocodile in the first seed, with an interval over users."""
    ours = study.store.logits(keys[OURS]) if OURS in keys else None
    if ours is None or study.splits.test.n != len(ours):
        return pd.DataFrame(columns=["system", "difference", "low", "high", "p"])
    test, rows = study.splits.test, []
    for system, key in keys.items():
        theirs = study.store.logits(key)
        if system == OURS or theirs is None:
            continue
        found = bootstrap_users(theirs, ours, test.labels, test.users, np.random.default_rng(0), repeats=500)
        rows.append({"system": system, **found._asdict()})
    return pd.DataFrame(rows)


def present(results: Results) -> list[Section]:
    """The sections of Tables 2 and 3."""
    frame, about = results.frames["runs"], results.about
    systems = [s for s in NAMES if s in set(frame["system"])]
    reference = OURS if OURS in systems else systems[-1]
    compared = [compare(frame, "system", systems, reference, m) for m in TITLES]
    return [
        _overall(frame, compared, about),
        _domains(frame, systems, compared),
        *negative_transfer(frame, systems),
        *_users(results.frames.get("bootstrap")),
        tuning_section(results.frames["tuning"]),
    ]


def _overall(frame, compared, about):
    text = [in_words(c, NAMES, TITLES[c.measure]) for c in compared]
    text.append(star(compared))
    if ALONE in compared[0].values:
        text.append(
            f"The models of {NAMES[ALONE]} are trained apart, one a domain: over all domains their scores are ranked "
            "against each other though nothing made them comparable. Compare it in each domain."
        )
    text.append(of_the_paper(about))
    tables = [
        table_of(
            compared,
            list(TITLES.values()),
            "Test measures over all domains, and each system minus Crocodile.",
            "system",
            NAMES,
        )
    ]
    if "regret" in frame:
        regret = compare(frame, "system", list(compared[0].values), compared[0].reference, "regret")
        tables.append(
            table_of(
                [regret],
                ["regret"],
                "Regret, lower is better: expected AUC of the true click probabilities minus that of the model.",
                "system",
                NAMES,
            )
        )
    known = published.numbers(about["dataset"], about["rows"])
    if known:
        rows = [
            [NAMES[s], *(Cell(n.value, note=n.source) if (n := known.get((s, m))) else Cell(None) for m in TITLES)]
            for s in compared[0].values
        ]
        tables.append(
            Table("The paper's numbers, as far as they are known to us.", ["system", "AUC", "gAUC"], rows, ".5f")
        )
    return Section("All domains", text, tables)


def of_the_paper(about: dict) -> str:
    """Whether the paper's numbers may be put beside ours."""
    if published.is_the_papers(about["dataset"], about["rows"]):
        return "The data are the paper's; its split and fields are not published, so its numbers are near, not equal."
    claim = published.CLAIMS.get(about["experiment"])
    said = f" What the paper says of its own data: {claim}" if claim else ""
    return f"Another data set than the paper's ({about['data']}): its numbers are not put beside these.{said}"


def star(compared: Sequence[Comparison]) -> str:
    """Crocodile against the best of the others, the star of the paper's tables: earned, or not."""
    said, tests = [], []
    for c in compared:
        best = c.best_other()
        if best:
            tests.append((c, best, c.against[best]))
    if not tests:
        return "No star: there are no runs to compare."
    corrected = holm([p.p for *_, p in tests])
    for (c, best, p), q in zip(tests, corrected, strict=True):
        earned = "earns a star" if q < LEVEL and p.difference < 0 else "earns no star"
        tested = f", p = {q:.2g} by Holm over both measures" if np.isfinite(q) else ", not tested"
        size = shown(p.difference / UNIT, "+.1f") + ("e-4" if np.isfinite(p.difference) else "")
        behind = f"the best other, {NAMES[best]}, minus {NAMES[c.reference]}: {size}"
        said.append(f"{TITLES[c.measure]}: {NAMES[c.reference]} {earned} ({behind}{tested})")
    lead = "The paper stars Crocodile where it beats the best other system significantly. "
    return lead + "; ".join(said) + ". Choosing the best of the others by the same test rows favours it a little."


def _domains(frame, systems, compared):
    reference = compared[0].reference
    tables = []
    for measure, title in TITLES.items():
        names = domains_of(frame)
        columns = {d: compare(frame, "system", systems, reference, f"{measure} {d}") for d in names}
        top = {d: c.best_mean() for d, c in columns.items()}
        rows = [
            [NAMES[s], *(cell_of_mean(c.means[s], c.means[s].mean == top[d]) for d, c in columns.items())]
            for s in systems
        ]
        tables.append(Table(f"{title} in each domain: mean ± standard deviation over seeds.", ["system", *names], rows))
    return Section(
        "Each domain", "The best mean of a column stands out; that alone is no claim, see the tests.", tables
    )


def negative_transfer(frame: pd.DataFrame, systems: Sequence[str]) -> list[Section]:
    """Where sharing harms: domains in which a system is worse than models trained on that domain alone."""
    if ALONE not in systems or len(systems) < 2:
        return []
    seeds, domains = seeds_in(frame), domains_of(frame)
    others = [s for s in systems if s != ALONE]
    tests = {
        (s, d): paired(
            by_seed(frame, "system", s, f"auc {d}", seeds), by_seed(frame, "system", ALONE, f"auc {d}", seeds)
        )
        for s in others
        for d in domains
    }
    corrected = dict(zip(tests, holm([t.p for t in tests.values()]), strict=True))
    rows = [[NAMES[s], *(cell_of_difference(tests[s, d], corrected[s, d]) for d in domains)] for s in others]
    harmed = [f"{NAMES[s]} in {d}" for (s, d), t in tests.items() if corrected[s, d] < 0.05 and t.difference < 0]
    helped = sum(corrected[key] < 0.05 and t.difference > 0 for key, t in tests.items())
    text = (
        f"AUC minus that of Single Domain, paired over seeds, Holm over all {len(tests)} cells. Negative transfer is "
        f"found in {len(harmed)} of them{': ' + ', '.join(harmed) if harmed else ''}; a gain in {helped}."
        f"{untested(list(corrected.values()))}"
    )
    table = Table("AUC minus Single Domain in 1e-4, with its 95 % interval; * significant.", ["system", *domains], rows)
    return [Section("Negative transfer", text, [table])]


def _users(frame):
    if frame is None or not len(frame):
        return []
    corrected = holm(frame["p"])
    rows = [
        [
            NAMES[r.system],
            Cell(r.difference / UNIT, shown(r.difference / UNIT, "+.1f")),
            f"{r.low / UNIT:+.1f} to {r.high / UNIT:+.1f}" if np.isfinite([r.low, r.high]).all() else None,
            Cell(q, shown(q, ".2g")),
        ]
        for r, q in zip(frame.itertuples(), corrected, strict=True)
    ]
    text = (
        "What another sample of users could change, for the models of the first seed: users drawn with replacement, "
        "500 times. It says nothing of other seeds."
    )
    table = Table(
        "AUC of each system minus that of Crocodile, first seed, in 1e-4.",
        ["system", "difference", "95 % interval over users", "p by Holm"],
        rows,
    )
    return [Section("One seed, other users", text, [table])]


def tuning_section(
    tried: pd.DataFrame, names: dict[str, str] = NAMES, what: str = "Every row may try equally many settings"
) -> Section:
    """What each row was allowed to try, and what was chosen.

    what  who may try how much, as a sentence begins
    """
    settings = [c for c in tried.columns if c not in ("label", "seeds", "valid_auc", "chosen")]
    rows = []
    for label in tried["label"].unique():
        part = tried[tried["label"] == label]
        best = part[part["chosen"].astype(bool)].iloc[0]
        spread = part["valid_auc"].max() - part["valid_auc"].min()
        values = [Cell(None) if pd.isna(best[s]) else Cell(best[s], f"{best[s]:g}") for s in settings]
        rows.append(
            [
                names.get(label, label),
                *values,
                len(part),
                Cell(best["valid_auc"], shown(best["valid_auc"], ".4f")),
                Cell(spread, shown(spread, ".4f")),
            ]
        )
    text = (
        f"{what}; the mean validation AUC over the tuning seeds, which are none of the table's, chooses. Test rows "
        "have no say. All tries are in tuning.csv."
    )
    return Section(
        "Tuning",
        text,
        [Table("What was chosen.", ["row", *settings, "settings tried", "validation AUC", "best minus worst"], rows)],
    )
