"""The page of a run: its measures on the test rows, its training, and what its model learnt."""

import json
import platform
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .. import __version__
from ..config import Config
from ..config.flags import command_line
from ..datasets.splits import Splits
from ..diagnostics.report import diagnose
from ..errors import InputError
from ..objective import Objective
from ..predict import Predictor
from ..runs.folder import HISTORY, RunFolder
from ..storage.files import require_file
from . import learnt, measured
from .page import Page

METRICS, REPORT = "metrics.json", "report.html"
MAP_ROWS = 4096  # validation rows of the maps between experts, as in covariance.png


class Outcome(NamedTuple):
    """All that the page of a run tells of.

    metrics      of metrics.json
    history      of history.jsonl, an entry an epoch
    diagnostics  of `diagnose`
    outputs      (B, M, K) of the experts on validation rows, with the weights that were kept; None without experts
    early_map    covariance map of the experts early in training and its step, or None
    """

    config: Config
    splits: Splits
    metrics: dict[str, Any]
    history: list[dict[str, Any]]
    diagnostics: dict[str, Any]
    outputs: np.ndarray | None
    early_map: tuple[np.ndarray, int] | None


def outcome(folder: RunFolder, predictor: Predictor, splits: Splits, config: Config) -> Outcome:
    """What is in the folder of a finished run and what its model, run on the data, adds to that."""
    metrics = read_results(folder.path)
    history = [json.loads(line) for line in (folder.path / HISTORY).read_text().splitlines()]
    found = diagnose(predictor, splits, config)
    blocks = [block.output.experts for block in predictor.outputs(splits.valid.part(slice(0, MAP_ROWS)))]
    taps = [tap for tap in blocks if tap is not None]
    return Outcome(config, splits, metrics, history, found, np.concatenate(taps) if taps else None, folder.load_map())


def write(folder: RunFolder, predictor: Predictor, splits: Splits, config: Config, out: Path | str = "") -> Path:
    """Write the page of a finished run -> the file: `out`, or report.html in the folder."""
    file = Path(out) if out else folder.path / REPORT
    page(outcome(folder, predictor, splits, config)).write(file)
    return file


def read_results(path: Path) -> dict[str, Any]:
    """metrics.json of a run; InputError for a run that has not ended."""
    file = path / METRICS
    if not file.exists():
        raise InputError(f"{path}: no {METRICS} there, so the run has not ended; train it to its end with --resume")
    require_file(file, "the results of a run")
    try:
        return json.loads(file.read_text())
    except ValueError as error:
        raise InputError(f"{file}: not the results of a run ({error!s:.120})") from error


def page(run: Outcome) -> Page:
    """The page of a run."""
    config, metrics, found = run.config, run.metrics, run.diagnostics
    objective = Objective(alpha=config.resolved_alpha, loss=config.resolved_loss)
    loss = objective.title if objective.active else ""
    sections = [
        measured.test_rows(metrics),
        measured.training(run.history, metrics["best_epoch"], loss),
        *([] if run.outputs is None else [learnt.experts(run.outputs, run.early_map, found["experts"])]),
        learnt.gates(found["gates"]),
        learnt.item_tables(found["item_tables"], found["spectra"]),
        learnt.diversity(found["diversity"]),
    ]
    return Page(
        f"{metrics['model']} on {metrics['dataset']}, seed {metrics['seed']}",
        _lead(run, loss),
        sections,
        command_line(config),
        config.json(),
        _notes(run),
        measured.headline(metrics),
        metrics["simulated"],
    )


def _lead(run, loss):
    splits, metrics = run.splits, run.metrics
    parts = zip(("training", "validation", "test"), (splits.train, splits.valid, splits.test), strict=True)
    rows = ", ".join(f"{part.n:,} {name}" for name, part in parts)
    trained = f" and {loss} (alpha = {run.config.resolved_alpha:g})" if loss else ""
    text = f"Trained with cross-entropy{trained} on clicks in {len(splits.schema.domains)} domains: {rows} rows."
    return f"{text} The weights of epoch {metrics['best_epoch']} of {len(run.history)} were kept."


def _notes(run):
    return [
        f"This page: croco_np {__version__}, NumPy {np.__version__}, Python {platform.python_version()}, "
        f"{platform.system()} {platform.machine()}.",
        f"Fingerprint of the rows: {run.splits.fingerprint}.",
        f"Training and measuring took {run.metrics['seconds']:,.0f} s.",
    ]
