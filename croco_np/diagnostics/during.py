"""Information abundance while a model trains, at the end of each epoch: the curves of the paper's Figure 2."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..config import Config
from ..costs.budget import table_owners
from ..datasets.splits import Splits
from ..models import MODELS
from ..predict import Predictor
from .abundance import abundance_by_exposure, exposures, field_tables, mean_abundance, serving
from .items import plain

SAMPLE_ROWS = 2048  # of the experts' outputs: their IA is that of the whole test set to two digits


def abundance_during(splits: Splits, config: Config) -> Callable[[Predictor], dict[str, Any]]:
    """A measure for `train.loop.fit(each_epoch=...)`: IA of the expert outputs and of the item tables.

    splits  the data of the run; what depends on them alone is worked out once
    config  of the run

    The measure returns a dict for JSON, {"smallest": name of the domain with fewest rows, "experts": {"all",
    "smallest"}, "items": {"all", "smallest"}}:

    experts  mean IA over the experts of their outputs on up to 2048 evenly spaced test rows, of all domains or of the
             smallest; None with a reason for a system without experts
    items    mean IA over the item tables in five groups of items, from the least exposed to the most
             (`abundance_by_exposure`), as a list; of the smallest domain: the tables that serve it, and items grouped
             by their impressions there
    """
    schema, test = splits.schema, splits.test
    counts = exposures(splits.train, schema, schema.item)
    owners = table_owners(MODELS[config.model], schema, config.sizes)
    parts = np.concatenate([np.asarray(part.domains) for part in (splits.train, splits.valid, test)])
    smallest = int(np.bincount(parts, minlength=len(schema.domains)).argmin())
    samples = {
        "all": _sample(test, np.arange(test.n)),
        "smallest": _sample(test, np.flatnonzero(np.asarray(test.domains) == smallest)),
    }

    def measure(predictor: Predictor) -> dict[str, Any]:
        tables = field_tables(predictor.params, schema, schema.item)
        by_exposure = {
            "all": abundance_by_exposure(tables, counts, owners),
            "smallest": abundance_by_exposure(serving(smallest, tables, owners), counts[smallest : smallest + 1]),
        }
        return {
            "smallest": schema.domains[smallest],
            "experts": {name: _experts(predictor, rows, config.system) for name, rows in samples.items()},
            "items": {name: [plain(m) for m in groups] for name, groups in by_exposure.items()},
        }

    return measure


def _sample(rows, at):
    """Up to SAMPLE_ROWS of the rows at some positions, evenly spaced."""
    return rows.part(at[np.unique(np.linspace(0, len(at) - 1, min(len(at), SAMPLE_ROWS)).astype(np.int64))])


def _experts(predictor, rows, system):
    """Mean IA of the experts' outputs on some rows, for JSON."""
    taps = [block.output.experts for block in predictor.outputs(rows)]
    if not taps:
        return {"value": None, "reason": "no test rows"}
    if taps[0] is None:
        return {"value": None, "reason": f"{system} has no experts that every row runs through"}
    o = np.concatenate(taps)
    return plain(mean_abundance(o[:, m] for m in range(o.shape[1])))
