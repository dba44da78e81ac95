"""All diagnostics of one trained model, as plain numbers for a JSON file and as text."""

from typing import Any

import numpy as np

from ..batch import domain_slices, make_batch
from ..config import Config
from ..datasets.splits import Splits
from ..errors import InputError
from ..models import Output
from ..predict import Predictor
from ..tree import not_finite
from .abundance import Measure, expert_abundance, mean_abundance
from .covariance import between_experts, covariance_map
from .diversity import LEVELS, chance_level, conflicts, diversity_index, every_row, of_every_domain
from .gates import gate_use
from .items import ItemTables, by_name, item_spectra, item_tables, plain

SAMPLE_ROWS = 65_536  # test rows, evenly spaced, on which outputs are kept whole: of all rows they take much memory


def diagnose(predictor: Predictor, splits: Splits, config: Config) -> dict[str, Any]:
    """Every diagnostic of a trained model -> dict for a JSON file.

    predictor  the model and its weights
    splits     the data that it was trained on
    config     of its run
    """
    if path := not_finite(predictor.params):
        raise InputError(f"the weights hold NaN or infinity ({path}): training diverged, and there is nothing to say")
    out, domains = _sample(predictor, splits)
    items = ItemTables.of(predictor.params, splits, config)
    return {
        "dataset": splits.name,
        "simulated": splits.simulated,
        "model": config.system,
        "seed": config.seed,
        "domains": list(splits.schema.domains),
        "item_tables": item_tables(items),
        "spectra": item_spectra(items),
        "experts": experts(out, domains, config.system),
        "diversity": diversity(predictor, splits, config.system, all_forward=out.experts is not None),
        "gates": gates(out, domains, splits.schema.domains, config.system),
    }


def experts(out: Output, domains: tuple[slice, ...], system: str) -> dict[str, Any]:
    """Information abundance of the expert outputs on test rows, and how they vary together."""
    o = out.experts
    if o is None:
        return {"value": None, "reason": f"{system} has no experts that every row runs through"}
    if domains[-1].stop == 0:
        return {"value": None, "reason": "no test rows"}
    n = o.shape[1]
    alone, together = expert_abundance(o)
    return {
        "rows": len(o),
        "width": o.shape[2],
        "abundance": [plain(m) for m in alone],
        "mean_abundance": plain(mean_abundance(o[:, m] for m in range(n))),
        "abundance_together": plain(together),
        **_between(covariance_map(o), n),
    }


def _between(cov, n_experts):
    """`between_experts` for JSON, with the dead units that its figures are to be read with."""
    if not np.isfinite(cov).all():
        nothing = {"value": None, "reason": "the outputs have NaN or infinity"}
        return dict.fromkeys(("dead_units", "dead_share", "mean_abs_covariance", "mean_abs_correlation"), nothing)
    found, why = between_experts(cov, n_experts), "there is one expert only"
    return {
        "dead_units": {"value": found.dead, "of": found.units},
        "dead_share": {"value": found.dead_share},
        "mean_abs_covariance": plain(Measure(found.covariance, why)),
        "mean_abs_correlation": plain(
            Measure(found.correlation, why if n_experts == 1 else "no two live units of different experts")
        ),
    }


def diversity(predictor: Predictor, splits: Splits, system: str, all_forward: bool) -> dict[str, Any]:
    """The diversity index on conflict rows and on all test rows, with each expert's quartiles and with pooled ones.

    At the level that `conflicts` chose and, where that is the coarse one, at the finer one too, under "finer": there
    the conflicts are few for most pairs, but the coarse level asks for several impressions.
    """
    if not all_forward and predictor.model.stand_in is None:
        return {"value": None, "reason": f"{system} has no experts, and no stand_in for them"}
    context = splits.schema.context
    category = context[0] if context else None
    found, norms = conflicts(splits, category), _norms(predictor, splits.test, all_forward)
    coarse, names = found.level != LEVELS[0], splits.schema.domains
    return {
        "form": "all-forward" if all_forward else "specific-forward",
        "experts": norms.shape[1] if all_forward else list(norms.shape[1:]),
        "chance": chance_level(*norms.shape[1:]),
        "category": category if coarse else None,
        **_indices(norms, found, names),
        "finer": _indices(norms, conflicts(splits), names) if coarse else None,
        "all_rows": {"rows": splits.test.n} | _indices(norms, every_row(splits), names),
    }


def _indices(norms, found, names):
    """The diversity index for one set of conflicts, with both kinds of thresholds."""
    result = {"level": found.level}
    if found.level in LEVELS:
        result["conflict_rows"] = sum(map(len, found.rows.values()))
    for key, pooled in (("per_expert", False), ("pooled", True)):
        index = diversity_index(norms, found, pooled)
        pairs = [{"domains": [names[s], names[t]], **pair} for (s, t), pair in index["pairs"].items()]
        result[key] = index["overall"] | {"pairs": pairs}
    return result


def gates(out: Output, domains: tuple[slice, ...], names: tuple[str, ...], system: str) -> dict[str, Any]:
    """Mean share of each expert in each domain, on test rows."""
    if out.gates is None:
        return {"value": None, "reason": f"{system} has no gates over experts"}
    if not np.isfinite(out.gates).all():
        return {"value": None, "reason": "the shares contain NaN or infinity"}
    use = gate_use(out.gates, domains)
    none = {"value": None, "reason": "no test rows"}
    return by_name(names, (none if shares is None else {"value": shares} for shares in use))


def _sample(predictor, splits):
    """The model's outputs on evenly spaced test rows, sorted by domain, and the slice of each domain."""
    test, n_domains = splits.test, len(splits.schema.domains)
    at = np.unique(np.linspace(0, test.n - 1, min(test.n, SAMPLE_ROWS)).astype(np.int64))
    at = at[np.argsort(np.asarray(test.domains[at]), kind="stable")]  # so the blocks follow on each other
    rows = test.part(at)
    parts = [block.output for block in predictor.outputs(rows)] or [_no_rows(predictor, test)[0]]

    def whole(tap):
        each = [getattr(part, tap) for part in parts]
        return None if each[0] is None else np.concatenate(each)

    return Output(whole("logits"), whole("experts"), whole("gates")), domain_slices(rows.domains, n_domains)


def _no_rows(predictor, rows):
    """The model's output and cache for no rows, for the shapes of its taps."""
    batch, _ = make_batch(rows, np.arange(0), predictor.schema, training=False)
    return predictor.model.forward(predictor.params, batch)


def _norms(predictor, test, all_forward):
    """Norms for `diversity_index`, on all test rows in their own order."""
    norms = None
    for block, at in _norm_blocks(predictor, test, all_forward):
        norms = np.empty((test.n, *block.shape[1:]), block.dtype) if norms is None else norms
        norms[at] = block
    if not np.isfinite(norms).all():
        raise InputError("outputs on test rows are NaN or infinite: the weights are too large, training diverged")
    return norms


def _norm_blocks(predictor, test, all_forward):
    """Yield norms (n, ...) and the positions (n,) of their rows, a block at a time; at least one block."""
    if all_forward:
        model = predictor.model
        for output, cache, at, _ in predictor.outputs(test):
            yield np.linalg.norm(model.compared(output, cache), axis=2), at
        if not test.n:
            yield np.linalg.norm(model.compared(*_no_rows(predictor, test)), axis=2), np.arange(0)
        return
    for start in range(0, max(test.n, 1), predictor.block):
        at = np.arange(start, min(start + predictor.block, test.n))
        batch, at = make_batch(test, at, predictor.schema, training=False)
        yield of_every_domain(predictor.model, predictor.params, batch, predictor.model.stand_in), at


def text(report: dict[str, Any]) -> str:
    """The report to read."""
    simulated = " (SIMULATED data)" if report["simulated"] else ""
    return "\n".join(
        [
            f"{report['model']} on {report['dataset']}, seed {report['seed']}{simulated}",
            *_tables_text(report["item_tables"]),
            *_experts_text(report["experts"]),
            *_diversity_text(report["diversity"]),
            *_gates_text(report["gates"]),
        ]
    )


def _tables_text(r):
    lines = ["", f"Information abundance of the tables of {r['field']} (1 = collapsed; at most the width)"]
    for i, t in enumerate(r["tables"]):
        whose = f", trained by {t['owner']} alone" if t["owner"] else ""
        lines.append(f"  {f'table {i}':<14}{_show(t)}   of {t['width']}; {t['rows']:,} trained rows{whose}")
    lines.append(f"  {'mean':<14}{_show(r['mean'])}")
    ends = {0: " (values with fewest impressions)", len(r["by_exposure"]) - 1: " (values with most impressions)"}
    lines += [f"  {f'fifth {i + 1}':<14}{_show(m)}{ends.get(i, '')}" for i, m in enumerate(r["by_exposure"])]
    return lines + [f"  {name:<14}{_show(m)}" for name, m in r["by_domain"].items()]


def _experts_text(r):
    if "reason" in r:
        return ["", f"Expert outputs: - ({r['reason']})"]
    lines = ["", f"Information abundance of the expert outputs, {r['rows']:,} test rows (at most {r['width']} each)"]
    lines += [f"  {f'expert {i}':<14}{_show(m)}" for i, m in enumerate(r["abundance"])]
    lines += [f"  {'mean':<14}{_show(r['mean_abundance'])}", f"  {'together':<14}{_show(r['abundance_together'])}"]
    dead = r["dead_units"]
    lines += ["", "Between experts, mean over pairs of dimensions"]
    lines.append(f"  {'dead units':<14}{_show(dead, 'd')}   of {dead.get('of', '-')}: they never vary")
    lines.append(f"  {'|covariance|':<14}{_show(r['mean_abs_covariance'], '.3g')}   of all pairs, 0 for a dead unit")
    lines.append(f"  {'|correlation|':<14}{_show(r['mean_abs_correlation'], '.3g')}   of live pairs")
    return lines


def _diversity_text(r):
    if "reason" in r:
        return ["", f"Diversity index: - ({r['reason']})"]
    lines = ["", f"Diversity index, {r['form']}: rows whose experts give both large and small outputs"]
    for level in (r, r["finer"]):
        if level:
            what = f" = {r['category']}" if r["category"] and level is r else ""
            lines.append(f"  {level['conflict_rows']:,} conflict rows by ({level['level']}{what})")
            lines += _both_thresholds(level)
    lines.append(f"  all {r['all_rows']['rows']:,} test rows, in conflict or not")
    lines += _both_thresholds(r["all_rows"])
    lines.append(f"    {'chance':<12}{r['chance']:9.4f}   independent experts; compare models of equally many")
    return lines


def _both_thresholds(level):
    return [
        f"    {'per expert':<12}{_show(level['per_expert'], '.4f')}   large and small for each expert by itself",
        f"    {'pooled':<12}{_show(level['pooled'], '.4f')}   ... among all experts",
    ]


def _gates_text(r):
    if "reason" in r:
        return ["", f"Gates: - ({r['reason']})"]
    lines = ["", "Gates: mean share of each expert"]
    for name, m in r.items():
        shares = f"- ({m['reason']})" if m["value"] is None else " ".join(f"{share:.3f}" for share in m["value"])
        lines.append(f"  {name:<14}    {shares}")
    return lines


def _show(m, form=".2f"):
    """A measure in nine places, or the reason why there is none."""
    return f"{'-':>9} ({m['reason']})" if m["value"] is None else f"{m['value']:>9{form}}"
