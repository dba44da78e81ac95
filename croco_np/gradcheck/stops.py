"""Are the stop-gradients closed? Exact zeros where nothing may arrive.

A stopped backward is not the derivative of its forward, so the numeric checks run with the stops open (`stop=False`).
Here they are closed, in a setting in which all roads to some leaves lead through a stop: the gradient there must be
exactly 0, and must not be 0 with the stops open, or else the setting proves nothing.
"""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np

from ..models import MODELS
from ..tree import flatten, tree_map
from .cases import SCHEMA, SIZES, _bend, draw_batch
from .forms import random_like
from .gradients import dense, fault
from .measure import Check

METHOD = "exact zeros"
EVERYTHING = np.s_[:]


def stem(model, p, batch):
    """Rows of one domain alone do not teach the others' experts and tables, though they run through all of them."""
    rows, n_domains = batch.domains[0], len(batch.domains)
    batch = batch.only(rows)._replace(domains=(rows, *[slice(rows.stop, rows.stop)] * (n_domains - 1)))
    foreign = np.s_[model.n_specific : n_domains * model.n_specific]
    places = {f"experts.{leaf}": foreign for leaf in flatten(p["experts"])}
    yield "foreign experts", p, batch, places | {"embeddings.table": np.s_[:, 1:n_domains]}


def pepnet(model, p, batch):
    """Whatever the towers do not read is read by gates only, and those do not teach it."""
    blind = tree_map(np.copy, p)
    for w in blind["layers"][0]:
        w["W"][:] = 0
        w["b"][:] = 1  # alive, so that there is something to scale
    places = dict.fromkeys(["embeddings.table", "domain.table"], EVERYTHING)
    places |= {f"epnet.{leaf}": EVERYTHING for leaf in flatten(p["epnet"])}
    yield "PPNet's gates", blind, batch, places

    blind = tree_map(np.copy, p)
    item, width = SCHEMA.fields.index(SCHEMA.item), model.embeddings.width
    start = model.embeddings.offsets[item]
    for w in blind["layers"][0]:
        w["W"][item * width : (item + 1) * width] = 0
    yield "EPNet's gate", blind, batch, {"embeddings.table": np.s_[start : start + SCHEMA.vocabulary[item]]}


STOPPED = {"stem": [(stem, {})], "pepnet": [(pepnet, {}), (pepnet, {"gate_at": "output"})]}


def stop_checks(name, seed):
    """The rows of one model, a list of `Check`; empty if it has no stop-gradient. The error is relative to the open."""
    checks = []
    for settings, change in STOPPED.get(name, []):
        model = MODELS[name](SCHEMA, SimpleNamespace(**SIZES | change))
        label = "".join(f", {key} {value}" for key, value in change.items())
        rng = np.random.default_rng(seed)
        for what, p, batch, places in settings(model, _bend(model.init(rng), rng), draw_batch(rng)):
            out, cache = model.forward(p, batch)
            d = random_like(out, rng)
            closed, opened = (flatten(m.backward(cache, d)) for m in (model, replace(model, stop=False)))
            for path, where in places.items():
                leaf = flatten(p)[path]
                error, why = _closed(closed.get(path), opened.get(path), leaf, where)
                checks.append(Check(f"{name}{label}, {what} closed: {path}", METHOD, error, 0.0, error == 0, hint=why))
    return checks


def _closed(closed, opened, leaf, where):
    """(the closed gradient relative to the open one, what is wrong), at `where` of a leaf."""
    if why := fault(closed, leaf) or fault(opened, leaf):
        return np.inf, why
    stopped, live = (float(np.abs(dense(g, leaf)[where]).max(initial=0)) for g in (closed, opened))
    if not live:
        return np.inf, "nothing arrives, open or closed"
    return stopped / live, "a road leads around the stop" if stopped else ""
