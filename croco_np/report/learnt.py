"""Sections of a run's page on what its model learnt: its experts, its item tables, its gates."""

from typing import Any

import numpy as np

from ..diagnostics import between_experts, covariance_map, singular_spectrum
from . import pictures
from .page import Cell, Figure, Section, Table


def experts(outputs: np.ndarray, early_map: tuple[np.ndarray, int] | None, found: dict[str, Any]) -> Section:
    """How the outputs of the experts vary together, and how many directions each of them uses.

    outputs    (B, M, K) on validation rows
    early_map  covariance map early in training and its step
    found      "experts" of `diagnose`
    """
    n, width = outputs.shape[1:]
    cov = covariance_map(outputs)
    figures = []
    if early_map is not None and len(early_map[0]) == len(cov):
        figures.append(_map(early_map[0], n, f"after {early_map[1]} steps"))
    figures += [_map(cov, n, "of the weights that were kept"), _correlation(cov, n)]
    spectra = {f"expert {m + 1}": singular_spectrum(outputs[:, m]) for m in range(n)}
    known = {name: np.asarray(m.value) for name, m in spectra.items() if m.value is not None}
    if known:
        caption = "Singular values of each expert's outputs, on validation rows. A steep curve is a collapsed expert."
        figures.append(Figure(caption, pictures.spectra(known)))
    text = f"Each of the {n} experts has {width} outputs. Blocks on the diagonal are experts with themselves; CovLoss"
    text += " (Eq. 6) makes the blocks off it small. The outputs of an expert stand in the order of their variance."
    return Section("Experts", text, [_experts_table(outputs, cov, found)], figures)


def _by_variance(cov, n):
    """The map with the outputs of each expert in descending order of their variance; dead units come last."""
    order = np.argsort(-np.diag(cov).reshape(n, -1), axis=1, kind="stable")
    at = (order + np.arange(n)[:, None] * order.shape[1]).reshape(-1)
    return cov[np.ix_(at, at)]


def _map(cov, n, when):
    found = between_experts(cov, n)
    covariance, correlation = (
        "undefined" if value is None else format(value, form)
        for value, form in ((found.covariance, ".2g"), (found.correlation, ".2f"))
    )
    caption = f"Covariance of the expert outputs, {when}: between experts {covariance} in the mean of absolute values;"
    return Figure(
        f"{caption} correlation {correlation} of live units. {found.dead} of {found.units} units are dead: never vary.",
        pictures.matrix(np.abs(_by_variance(cov, n)), n, "|covariance|"),
    )


def _correlation(cov, n):
    cov = _by_variance(cov, n)
    std = np.sqrt(np.diag(cov))
    scale = np.outer(std, std)
    size = np.divide(np.abs(cov), scale, out=np.full_like(cov, np.nan), where=scale > 0)
    dead = int((std == 0).sum())
    caption = f"The same as correlation. White: {dead} of {len(cov)} outputs never vary." if dead else ""
    caption = caption or "The same as correlation; all outputs vary."
    return Figure(caption, pictures.matrix(size, n, "|correlation|", top=1.0))


def _experts_table(outputs, cov, found):
    n, width = outputs.shape[1:]
    alive = (np.diag(cov) > 0).reshape(n, width).sum(axis=1)
    rows = [
        [f"expert {m + 1}", _cell(ia), int(width - dead)]
        for m, (ia, dead) in enumerate(zip(found["abundance"], alive, strict=True))
    ]
    rows += [["all side by side", _cell(found["abundance_together"]), int(n * width - alive.sum())]]
    caption = f"Information abundance on {found['rows']:,} test rows (1: collapsed; at most {width} for one expert), "
    caption += f"and units that never vary on {len(outputs):,} validation rows"
    return Table(caption, ["experts", "abundance", "dead units"], rows, ["", ".2f", "d"], foot=1)


def item_tables(found: dict[str, Any], spectra: dict[str, Any]) -> Section:
    """Information abundance and singular spectra of the tables of the item field, by domain and by exposure."""
    width = max((t["width"] for t in found["tables"]), default=0)
    by_domain = {name: m["value"] for name, m in found["by_domain"].items()}
    figures = [
        Figure(
            f"Information abundance of the tables that serve each domain, over the items seen there (at most {width}).",
            pictures.bars(by_domain, "information abundance (1: collapsed)"),
        )
    ]
    known = {name: m["value"] for name, m in spectra.items() if m["value"] is not None}
    if known:
        caption = "Singular values of those tables, in the mean over the tables of a domain."
        figures.append(Figure(caption, pictures.spectra(known)))
    groups = [m["value"] for m in found["by_exposure"]]
    if any(v is not None for v in groups):
        label = "group of items, fewest impressions first"
        picture = pictures.curves({"all domains": groups}, range(1, len(groups) + 1), label, "information abundance")
        figures.append(Figure("Information abundance of items in groups of equally many, by impressions.", picture))
    rows = [[f"table {i + 1}", t["owner"] or "all domains", t["rows"], t["width"], _cell(t)]
            for i, t in enumerate(found["tables"])]  # fmt: skip
    head = ["table", "trained by", "trained rows", "width", "abundance"]
    table = Table(f"Tables of {found['field']}", head, rows, ["", "", ",d", "d", ".2f"])
    return Section("Item tables", f"Embedding tables of the field {found['field']}.", [table], figures)


def gates(found: dict[str, Any]) -> Section:
    """Mean share of each expert in each domain."""
    if "reason" in found:
        return Section("Gates", f"Not shown: {found['reason']}.")
    known = {name: m["value"] for name, m in found.items() if m["value"] is not None}
    if not known:
        return Section("Gates", "Not shown: there are no test rows.")
    n = len(next(iter(known.values())))
    rows = [[name, *(m["value"] or [Cell(None, note=m.get("reason", ""))] * n)] for name, m in found.items()]
    table = Table("Mean share on the test rows", ["domain", *(f"expert {m + 1}" for m in range(n))], rows, ".3f")
    caption = "Mean share of each expert in each domain. White: the equal share; orange: more, purple: less."
    return Section("Gates", (), [table], [Figure(caption, pictures.gates(known))])


def diversity(found: dict[str, Any]) -> Section:
    """The diversity index at each level of conflicts and on all test rows, with both kinds of thresholds."""
    if "reason" in found:
        return Section("Diversity index", f"Not shown: {found['reason']}.")
    levels = [level for level in (found, found["finer"]) if level]
    parts = [(f"conflicts by {level['level']}", level["conflict_rows"], level) for level in levels]
    parts.append((found["all_rows"]["level"], found["all_rows"]["rows"], found["all_rows"]))
    rows = [[name, n, _cell(part["per_expert"]), _cell(part["pooled"]), found["chance"]] for name, n, part in parts]
    text = "Of the rows whose user has opposite preferences in two domains, the share for which some expert gives a "
    text += "large output and another a small one; beside it, the same of all test rows."
    text += " Compare models with equally many experts only."
    head = ["test rows", "rows", "quartiles of each expert", "pooled quartiles", "chance"]
    table = Table(f"Diversity index, {found['form']}", head, rows, ["", ",d", ".4f", ".4f", ".4f"], sortable=False)
    return Section("Diversity index", text, [table])


def _cell(measure):
    """A measure as a cell, which says why it is undefined."""
    return Cell(measure["value"], note=measure.get("reason", ""))
