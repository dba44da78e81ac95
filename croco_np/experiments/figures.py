"""Figures 1, 2, 4 and 5: abundance, diversity and spectra of the runs of Tables 2 and 4."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from ..report import Cell, Figure, Section, Table
from ..report.svg import CYCLE, drawing
from . import losses, systems
from .compare import compare, seeds_in, shown, shown_with_half, untested
from .experiment import Results
from .frames import by_seed
from .learnt import learnt_table
from .statistics import LEVEL, holm, mean, paired
from .study import Study
from .systems import NAMES, OURS

SHOWN = ("mmoe", "ple", "me_mmoe", "me_ple", "stem", OURS)  # of Figures 2 and 4: lines that can still be told apart
OWN_TABLES = ("stem", "me_ple")  # whose domains have tables of their own
GROUPS = 5


def collect_figure1(study: Study) -> dict[str, pd.DataFrame]:
    """The runs of Table 2, and how many rows each domain has."""
    frames, splits = systems.trained(study), study.splits
    domains = np.concatenate([np.asarray(part.domains) for part in (splits.train, splits.valid, splits.test)])
    rows = np.bincount(domains, minlength=len(splits.schema.domains))
    return frames | {"domains": pd.DataFrame({"domain": splits.schema.domains, "rows": rows})}


def present_figure1(results: Results) -> list[Section]:
    """DI against IA and performance, and whether the tail's tables have collapsed."""
    frame = results.frames["runs"]
    rows = [s for s in NAMES if s in set(frame["system"])]
    seeds = seeds_in(frame)
    points = pd.DataFrame(
        {m: [mean(by_seed(frame, "system", s, m, seeds)).mean for s in rows] for m in ("ia", "di", "auc", "gauc")}, rows
    )
    learnt = learnt_table(frame, "system", rows, NAMES, "Means over the seeds; compare DI only at equal chance.")
    first = Section("Abundance, diversity, performance", _correlations(points), [learnt], [_scatter(points)])
    return [first, collapse(frame, results.frames["domains"])]


def _correlations(points):
    said = []
    pairs = (("ia", "auc"), ("di", "auc"), ("ia", "gauc"), ("di", "gauc"), ("ia", "di"))
    tests = [_spearman(points[a], points[b]) for a, b in pairs]
    for (a, b), (rho, _, n), q in zip(pairs, tests, holm([p for _, p, _ in tests]), strict=True):
        verdict = "significant" if q < LEVEL else "not significant"
        tested = f"p by Holm {q:.2g}, {verdict}" if np.isfinite(q) else "not tested"
        said.append(f"{a.upper()} and {b.upper()} {shown(rho, '+.2f')} ({n} systems, {tested})")
    return f"Spearman's rank correlation over systems: {'; '.join(said)}."


def _spearman(a, b):
    known = a.notna() & b.notna()
    if known.sum() < 4:
        return np.nan, np.nan, int(known.sum())
    found = stats.spearmanr(a[known], b[known])
    return float(found.statistic), float(found.pvalue), int(known.sum())


def _scatter(points):
    axes_of = (
        ("ia", "di", "IA of item tables", "DI"),
        ("ia", "auc", "IA of item tables", "AUC"),
        ("di", "auc", "DI", "AUC"),
    )
    with drawing(9.5, 3.4) as new:
        for axes, (x, y, xlabel, ylabel) in zip(new.figure.subplots(1, 3), axes_of, strict=True):
            for name, p in points.iterrows():
                if np.isfinite(p[x]) and np.isfinite(p[y]):
                    colour = CYCLE[1] if name == OURS else CYCLE[0]
                    axes.plot(p[x], p[y], "o", color=colour)
                    axes.annotate(NAMES[name], (p[x], p[y]), (4, 3), textcoords="offset points", fontsize=7)
            axes.set_xlabel(xlabel)
            axes.set_ylabel(ylabel)
            axes.margins(0.2)
    return Figure(
        "Each system by information abundance, diversity index and test AUC, means over the seeds (Figure 1).", new.svg
    )


def collapse(frame: pd.DataFrame, domains: pd.DataFrame) -> Section:
    """Is the IA of the smallest domain's own table below that of the largest, and below Crocodile's there?"""
    order = domains.sort_values("rows")["domain"].astype(str).tolist()
    tail, head, seeds = order[0], order[-1], seeds_in(frame)
    tests, lines = [], []
    for system in (s for s in OWN_TABLES if s in set(frame["system"])):
        own = by_seed(frame, "system", system, f"ia {tail}", seeds)
        tests.append((system, f"its table of {head}", own, by_seed(frame, "system", system, f"ia {head}", seeds)))
        tests.append(
            (
                system,
                f"{NAMES[OURS]}'s tables, items of {tail}",
                own,
                by_seed(frame, "system", OURS, f"ia {tail}", seeds),
            )
        )
    found = [paired(a, b) for *_, a, b in tests]
    corrected = holm([t.p for t in found])
    said = []
    for (system, against, a, b), t, q in zip(tests, found, corrected, strict=True):
        lines.append(
            [
                NAMES[system],
                shown(mean(a).mean, ".2f"),
                against,
                shown(mean(b).mean, ".2f"),
                Cell(t.difference, shown_with_half(t.difference, t.half, "+.2f", ".2f")),
                Cell(q, shown(q, ".2g")),
            ]
        )
        if np.isfinite(q):
            verdict = "no difference found" if q >= LEVEL else "lower" if t.difference < 0 else "higher"
        else:
            verdict = "not tested"
        said.append(f"{NAMES[system]}'s table of {tail} against {against}: {verdict}")
    text = (
        f"{tail} has fewest rows, {head} most. IA is of the rows that the domain trained. {'; '.join(said)} (paired "
        "over seeds, Holm)."
    )
    table = Table(
        "Information abundance of the smallest domain's own item table.",
        ["system", f"IA in {tail}", "against", "IA there", "difference", "p by Holm"],
        lines,
    )
    return Section("Collapse in the smallest domain", text, [table])


def collect_figure2(study: Study) -> dict[str, pd.DataFrame]:
    """The runs of Table 2, epoch by epoch -> frame "during"."""
    runs, rows = _runs(study), []
    for (system, seed), record in runs.items():
        for entry in record["history"]:
            measured = entry.get("measured")
            for where in ("all", "smallest") if measured else ():
                experts, items = measured["experts"][where], measured["items"][where]
                about = {"system": system, "seed": seed, "epoch": entry["epoch"], "where": where}
                rows.append(about | {"of": "experts", "group": 0, "ia": experts["value"]})
                rows += [about | {"of": "items", "group": g + 1, "ia": m["value"]} for g, m in enumerate(items)]
    return {"during": pd.DataFrame(rows)}


def _runs(study):
    """{(system, seed): record} of the runs of Table 2, made or found."""
    frame = systems.trained(study)["runs"]
    records = {(r.system, int(r.seed)): study.store.record(r.key) for r in frame.itertuples()}
    return {key: record for key, record in records.items() if key[0] in SHOWN and record}


def present_figure2(results: Results) -> list[Section]:
    """IA while models train, of experts and of items from the least to the most exposed."""
    frame = results.frames["during"]
    kinds = [("experts", 0, "experts")] + [("items", g, f"items, fifth {g}") for g in range(1, GROUPS + 1)]
    with drawing(11, 4.6) as new:
        grid = new.figure.subplots(2, len(kinds), sharex=True)
        for line, where in zip(grid, ("all", "smallest"), strict=True):
            for axes, (of, group, title) in zip(line, kinds, strict=True):
                part = frame[(frame["where"] == where) & (frame["of"] == of) & (frame["group"] == group)]
                _lines(axes, part, "epoch", "ia")
                axes.set_title(title if where == "all" else "")
            line[0].set_ylabel("IA, all domains" if where == "all" else "IA, smallest domain")
        for axes in grid[-1]:
            axes.set_xlabel("epoch")
        handles, names = grid[0, -1].get_legend_handles_labels()
        new.figure.legend(handles, names, loc="outside lower center", ncols=len(SHOWN), frameon=False)
    caption = (
        "Information abundance during training, mean over seeds (Figure 2). Fifth 1 holds the items with fewest "
        "impressions. A line ends where the first seed stopped."
    )
    text = "Runs stop at different epochs; an epoch is drawn while every seed is still training."
    return [Section("Abundance during training", text, [_first_and_last(frame)], [Figure(caption, new.svg)])]


def _lines(axes, part, x, y):
    for i, system in enumerate(s for s in SHOWN if s in set(part["system"])):
        mine = part[part["system"] == system]
        n = mine["seed"].nunique()
        whole = mine.groupby(x).filter(lambda at, n=n: at["seed"].nunique() == n)
        means = whole.groupby(x)[y].mean()
        axes.plot(means.index, means.to_numpy(), marker=".", color=CYCLE[i % len(CYCLE)], label=NAMES[system])


def _first_and_last(frame):
    """IA of the least and the most exposed items after the first and the last epoch."""
    rows = []
    for system in (s for s in SHOWN if s in set(frame["system"])):
        line = [NAMES[system]]
        for where in ("all", "smallest"):
            for of, group in (("experts", 0), ("items", 1), ("items", GROUPS)):
                part = frame[
                    (frame["system"] == system)
                    & (frame["where"] == where)
                    & (frame["of"] == of)
                    & (frame["group"] == group)
                ]
                ends = [
                    part.loc[part.groupby("seed")["epoch"].idxmin(), "ia"].mean(),
                    part.loc[part.groupby("seed")["epoch"].idxmax(), "ia"].mean(),
                ]
                line.append("–" if not np.isfinite(ends).all() else f"{ends[0]:.2f} to {ends[1]:.2f}")
        rows.append(line)
    head = [
        "system",
        *(
            f"{of}, {where}"
            for where in ("all domains", "smallest domain")
            for of in ("experts", "rarest items", "most shown items")
        ),
    ]
    return Table("IA after the first and the last epoch, mean over seeds.", head, rows)


def collect_figure4(study: Study) -> dict[str, pd.DataFrame]:
    """The spectra of the item tables of Table 2's runs -> frame "spectra", mean over seeds."""
    rows = []
    for (system, seed), record in _runs(study).items():
        for domain, spectrum in record["learnt"]["spectra"].items():
            values = spectrum["value"] or []
            rows += [
                {"system": system, "seed": seed, "domain": domain, "rank": i + 1, "value": v}
                for i, v in enumerate(values)
            ]
    frame = pd.DataFrame(rows)
    return {
        "spectra": frame.groupby(["system", "domain", "rank"], sort=False)["value"]
        .agg(["mean", "std", "count"])
        .reset_index()
    }


def present_figure4(results: Results) -> list[Section]:
    """Singular values of the item tables that serve each domain."""
    frame = results.frames["spectra"]
    domains = list(dict.fromkeys(frame["domain"].astype(str)))
    with drawing(11, 3.2) as new:
        grid = np.atleast_1d(new.figure.subplots(1, len(domains), sharey=True))
        for axes, domain in zip(grid, domains, strict=True):
            for i, system in enumerate(s for s in SHOWN if s in set(frame["system"])):
                part = frame[(frame["domain"].astype(str) == domain) & (frame["system"] == system)]
                axes.semilogy(part["rank"], part["mean"], color=CYCLE[i % len(CYCLE)], label=NAMES[system])
            axes.set_title(domain)
            axes.set_xlabel("singular value")
        grid[0].set_ylabel("size, largest = 1")
        handles, names = grid[0].get_legend_handles_labels()
        new.figure.legend(handles, names, loc="outside lower center", ncols=len(SHOWN), frameon=False)
    smallest = frame.sort_values("rank").groupby(["system", "domain"], sort=False).tail(1)
    rows = [[NAMES[s], *(_value(smallest, s, d) for d in domains)] for s in SHOWN if s in set(frame["system"])]
    table = Table("The smallest singular value over the largest, mean over seeds.", ["system", *domains], rows)
    caption = (
        "Singular values of the item tables that serve a domain, over the largest, mean over tables and seeds "
        "(Figure 4). Of shared tables, rows of items shown in that domain."
    )
    return [Section("Singular spectra", "", [table], [Figure(caption, new.svg)])]


def _value(frame, system, domain):
    mine = frame[frame["system"] == system]
    part = mine[mine["domain"].astype(str) == domain]
    if len(part) and part["rank"].iloc[0] < mine["rank"].max():  # the last of them would pass for a flat spectrum
        return Cell(None, note="fewer items than the table is wide")
    return Cell(float(part["mean"].iloc[0]), f"{part['mean'].iloc[0]:.2g}") if len(part) else Cell(None)


def collect_figure5(study: Study) -> dict[str, pd.DataFrame]:
    """The runs of Tables 2 and 4."""
    return {"runs": systems.trained(study)["runs"], "losses": losses.collect(study)["runs"]}


def present_figure5(results: Results) -> list[Section]:
    """The diversity index of systems and of losses."""
    parts = (("runs", "system", NAMES, OURS), ("losses", "loss", losses.NAMES, losses.BASE))
    sections = []
    for name, label, names, reference in parts:
        frame = results.frames[name]
        rows = [
            row for row in names if row in set(frame[label]) and frame[frame[label] == row]["di_all_rows"].notna().any()
        ]
        found = compare(frame, label, rows, reference, "di_all_rows") if reference in rows else None
        with drawing(7.2, 0.32 * len(rows) + 0.9) as new:
            axes = new.figure.subplots()
            for column, colour, shift in (("di", CYCLE[0], -0.18), ("di_all_rows", CYCLE[1], 0.18)):
                means = [mean(by_seed(frame, label, row, column, seeds_in(frame))) for row in rows]
                axes.barh(
                    np.arange(len(rows)) + shift,
                    [m.mean for m in means],
                    0.34,
                    xerr=[np.nan_to_num(m.half) for m in means],
                    color=colour,
                    label={"di": "conflict rows", "di_all_rows": "all rows"}[column],
                )
            chance = [mean(by_seed(frame, label, row, "di_chance", seeds_in(frame))).mean for row in rows]
            axes.plot(chance, np.arange(len(rows)), "|", color=CYCLE[-1], markersize=14, label="chance")
            axes.set_yticks(range(len(rows)), [names[row] for row in rows])
            axes.invert_yaxis()
            axes.set_xlabel("diversity index")
            axes.legend(frameon=False, fontsize=8)
        apart = [names[r] for r in rows if found and found.significant(r)]
        text = (
            f"On all rows, different from {names[reference]} by paired t-tests and Holm: {', '.join(apart) or 'none'}."
            f"{untested(list(found.corrected.values())) if found else ''}"
        )
        text += " The index grows with the number of experts by itself: compare within equal chance."
        figure = Figure(
            "Diversity index, each expert with its own quartiles; bars are 95 % intervals (Figure 5).", new.svg
        )
        sections.append(
            Section(
                f"Diversity of {label}s" if label == "system" else "Diversity of losses",
                text,
                [learnt_table(frame, label, rows, names, "What was learnt.")],
                [figure],
            )
        )
    return sections
