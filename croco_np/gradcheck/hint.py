"""What kind of mistake a wrong gradient looks like."""

from collections.abc import Callable

import numpy as np

NOTHING_ARRIVES = "no gradient arrives: a road is missing, or a stop-gradient too many"
RARE = "right at all sampled entries: look for rare ones"
SAMPLE = 16  # entries of the leaf that are measured one by one


def hint(slope: Callable, g: np.ndarray, leaf: np.ndarray, rng: np.random.Generator, noise: float = 1e-9) -> str:
    """Compare single entries of a wrong gradient with measured ones and name the pattern.

    slope(direction) -> measured derivative in that direction; g the gradient in question, leaf what it belongs to
    noise, of the largest entry, is what measuring may add to any other
    """
    entries = _entries(g, rng)
    measured = np.empty(len(entries))
    for i, at in enumerate(entries):
        direction = np.zeros(leaf.shape)
        direction[at] = 1
        measured[i] = slope(direction)
    said = np.array([g[at] for at in entries])
    size = max(np.abs(measured).max(), np.abs(said).max())
    if not np.isfinite(size):
        return "not finite: NaN or infinity in the forward or the backward"
    if np.abs(said).max() <= noise * size:
        return NOTHING_ARRIVES
    if np.abs(measured).max() <= noise * size:
        return "the output does not depend on it: a gradient where none should be"
    live = np.maximum(np.abs(said), np.abs(measured)) > noise * size  # 0 against 0 says nothing
    entries, said, measured = [at for at, alive in zip(entries, live, strict=True) if alive], said[live], measured[live]
    right = np.abs(said - measured) <= 1e-5 * np.maximum(np.abs(said), np.abs(measured)) + noise * size
    if right.all():
        off = (np.abs(said - measured) / size).max()
        if off > 10 * noise:
            return f"right to {off:.0e} only: float32 on the way, an epsilon or a rounded constant"
        return RARE
    if right.any():
        places = ", ".join(str([int(i) for i in entries[j]]) for j in np.flatnonzero(~right)[:3])
        return (
            f"right at {right.sum()} of {len(right)} sampled entries, wrong at {places}: "
            "a mask, a lost duplicate, an index"
        )
    ratio = said / np.where(measured == 0, np.nan, measured)
    if np.nanmax(ratio) - np.nanmin(ratio) <= 1e-4 * np.nanmax(np.abs(ratio)):
        factor = float(np.nanmean(ratio))
        if abs(factor + 1) < 1e-4:
            return "the sign is flipped"
        return f"{factor:.6g} times the right value: a mean for a sum, a forgotten or doubled factor"
    return "wrong by no common factor: a term is missing or one too many, or a transposed or forgotten upstream"


def _entries(g, rng):
    """Indices to look at: the largest entries of g, and some at random."""
    n = min(SAMPLE // 2, g.size)
    largest = np.argsort(-np.abs(g), axis=None)[:n]
    some = rng.choice(g.size, n, replace=False)
    return [np.unravel_index(i, g.shape) for i in np.unique(np.r_[largest, some])]
