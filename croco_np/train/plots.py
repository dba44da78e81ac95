"""Figures from arrays. Colour-blind readers can tell the colours apart; every axis has a name and a unit."""

import io
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from ..canvas import BLUE, GREEN, GREY, ORANGE, PowerNorm, canvas
from ..metrics import auc_error
from ..storage.files import replacing


@contextmanager
def _picture(path, simulated, width, height):
    """A figure to draw on, in inches, written to `path` as PNG when the block ends well."""
    with canvas(width, height) as figure:
        yield figure
        if simulated:
            figure.suptitle("SIMULATED DATA", x=0.005, ha="left", color=ORANGE, fontsize=9)
        image = io.BytesIO()
        figure.savefig(image, dpi=130, format="png")
    with replacing(path, "wb") as file:
        file.write(image.getvalue())


def learning(history: list[dict], path: Path | str, simulated: bool = False) -> None:
    """Learning curves of a run: training loss and validation AUC by epoch, from the entries of history.jsonl."""
    epochs = [h["epoch"] for h in history]
    with _picture(path, simulated, 9, 3.4) as figure:
        left, right = figure.subplots(1, 2)
        left.plot(epochs, [h["bce"] for h in history], "o-", color=BLUE, label="training")
        left.plot(epochs, [h["valid"]["logloss"] for h in history], "s--", color=ORANGE, label="validation")
        left.set(xlabel="epoch", ylabel="cross-entropy (nats a row)", title="Loss")
        left.legend(frameon=False)
        areas = [np.nan if h["valid"]["auc"] is None else h["valid"]["auc"] for h in history]
        right.plot(epochs, areas, "s--", color=ORANGE, label="validation")
        if np.isfinite(areas).any():
            best = int(np.nanargmax(areas))
            right.plot(
                epochs[best], areas[best], "o", ms=13, mfc="none", color=GREEN, label="best: its weights are kept"
            )
        right.set(xlabel="epoch", ylabel="AUC, all domains", title="Ranking")
        right.legend(frameon=False)
        for axis in (left, right):
            axis.xaxis.get_major_locator().set_params(integer=True)
            axis.spines[["top", "right"]].set_visible(False)


def domains(metrics: dict, path: Path | str, simulated: bool = False) -> None:
    """Test AUC per domain as points with 95 % intervals, from metrics.json; best possible where known."""
    rows = {"overall": metrics["overall"], **metrics["domains"]}
    known = {name: m for name, m in rows.items() if m["auc"] is not None}
    with _picture(path, simulated, 7, 1.6 + 0.45 * len(rows)) as figure:
        axis = figure.subplots()
        for y, m in enumerate(known.values()):
            half = 1.96 * auc_error(m["auc"], m["positives"], m["rows"] - m["positives"])
            ends = [[min(half, m["auc"])], [min(half, 1 - m["auc"])]]
            axis.errorbar(m["auc"], y, xerr=ends, fmt="o", color=BLUE, capsize=3, label=None if y else "test AUC, 95 %")
            if m.get("best_possible_auc") is not None:
                best = m["best_possible_auc"]
                axis.plot(best, y, "|", ms=14, mew=2.5, color=ORANGE, label=None if y else "best possible")
        axis.axvline(0.5, color=GREY, lw=1, ls=":", label="chance")
        axis.set_yticks(range(len(known)), [f"{name}\n{m['rows']:,} rows" for name, m in known.items()])
        axis.set_ylim(len(known) - 0.4, -0.6)
        axis.set(xlabel="AUC on the test rows", title=f"{metrics['model']} on {metrics['dataset']}")
        axis.spines[["top", "right"]].set_visible(False)
        figure.legend(loc="outside lower center", ncols=3, frameon=False)


def covariance(maps: dict[str, np.ndarray], n_experts: int, path: Path | str, simulated: bool = False) -> None:
    """|Covariance| of the expert outputs side by side on one colour scale, from {title: (M K, M K)}.

    The blocks on the diagonal are experts with themselves; the blocks off it are what CovLoss (Eq. 6) makes small. A
    dark stripe is a unit that is off for all rows.
    """
    sizes = {title: np.abs(cov) for title, cov in maps.items()}
    top = np.quantile(np.stack(list(sizes.values())), 0.99) or 1.0
    with _picture(path, simulated, 3.2 * len(maps) + 0.8, 4.0) as figure:
        axes = figure.subplots(1, len(maps), squeeze=False, sharey=True)
        for axis, (title, size) in zip(axes[0], sizes.items(), strict=True):
            image = axis.imshow(size, cmap="cividis", norm=PowerNorm(0.5, vmin=0, vmax=top))
            width = len(size) // n_experts
            for edge in range(1, n_experts):
                axis.axhline(edge * width - 0.5, color="white", lw=1)
                axis.axvline(edge * width - 0.5, color="white", lw=1)
            middles = [(m + 0.5) * width - 0.5 for m in range(n_experts)]
            axis.set_xticks(middles, [m + 1 for m in range(n_experts)])
            axis.set_yticks(middles, [m + 1 for m in range(n_experts)])
            axis.set_xlabel("expert")
            axis.set_title(title, fontsize=10)
        axes[0, 0].set_ylabel("expert")
        figure.colorbar(image, ax=axes[0], label="|covariance| of two outputs (square-root scale)", shrink=0.85)
