"""CovLoss on a few sampled rows: its value beside that of many rows, as Section 5.6 of the paper asks."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..config import Config
from ..datasets.splits import Splits
from ..diagnostics import between_experts, covariance_map
from ..predict import Predictor

MANY = 4096  # rows that stand for a whole batch of the paper
SIZES = (32, 64, 128, 256, 512, 1024, 2048)
DRAWS = 200
PAPERS_DRAWS = 6  # of the paper's test


def sampled(predictor: Predictor, splits: Splits, config: Config) -> dict[str, Any]:
    """The mean |covariance| between experts on n of the test rows, for each n of `SIZES`, drawn `DRAWS` times.

    It is CovLoss up to a factor, (K^2 pairs B) as `reduction="sum"` scales it, the same for all n. Plain dict for JSON:
    {"many": value on up to 4,096 rows, "draws": {n: [values]}, "again": [values on other draws of that many rows]}.
    """
    rng = np.random.default_rng(0)
    o = _experts(predictor, splits, rng.permutation(splits.test.n)[: 4 * MANY])
    if o is None:
        return {"many": None, "reason": f"{config.system} has no experts that every row runs through"}
    many = min(MANY, len(o) // 2)  # other draws of as many are other rows
    drawn = {str(n): [_value(o, rng, n) for _ in range(DRAWS)] for n in SIZES if n <= many}
    again = [_value(o, rng, many) for _ in range(PAPERS_DRAWS)]
    return {"many": _value(o, rng, many), "rows": many, "draws": drawn, "again": again}


def _experts(predictor, splits, at):
    taps = [block.output.experts for block in predictor.outputs(splits.test.part(np.sort(at)))]
    return None if not taps or taps[0] is None else np.concatenate(taps)


def _value(o, rng, n):
    rows = rng.choice(len(o), n, replace=False)
    return between_experts(covariance_map(o[rows]), o.shape[1])[0]
