"""PEPNet and STAR in two forms each: as their papers have them, and as they are often built."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ..report import Section
from .compare import compare, in_words, table_of
from .experiment import Results
from .frames import runs_frame
from .study import Study
from .systems import TITLES

ROWS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "shared_bottom": ("Shared Bottom", "shared_bottom", {}),
    "pepnet": ("PEPNet, one tower for all domains", "pepnet", {}),
    "pepnet_towers": ("PEPNet, a tower for each domain", "pepnet", {"task_towers": "domain"}),
    "star": ("STAR, epsilon 1e-3", "star", {}),
    "star_small_epsilon": ("STAR, epsilon 1e-5", "star", {"norm_epsilon": 1e-5}),
    "star_small_draw": ("STAR, epsilon 1e-3, embeddings drawn with deviation 1e-4", "star", {"embedding_std": 1e-4}),
}
PAIRS = (("pepnet", ("pepnet_towers",)), ("star", ("star_small_epsilon", "star_small_draw")))
NAMES = {row: name for row, (name, *_) in ROWS.items()}


def collect(study: Study) -> dict[str, pd.DataFrame]:
    """Train every form with the data set's recipe, untuned -> frame "runs"."""
    runs = {
        (row, seed): study.run(system, seed, **settings)
        for row, (_, system, settings) in ROWS.items()
        for seed in study.seeds
    }
    records = study.make(runs.values(), "forms")
    entries = [({"row": row, "seed": seed}, records.get(run.key)) for (row, seed), run in runs.items()]
    return {"runs": runs_frame(entries)}


def present(results: Results) -> list[Section]:
    """A section for each of the two systems: its forms against each other, and Shared Bottom beside them."""
    frame = results.frames["runs"]
    sections = []
    for first, others in PAIRS:
        rows = ["shared_bottom", first, *others]
        compared = [compare(frame, "row", rows, first, measure) for measure in TITLES]
        text = [in_words(c, NAMES, TITLES[c.measure]) for c in compared]
        caption = (
            f"Test measures over all domains, and the difference to {NAMES[first]}; all with the data set's recipe."
        )
        sections.append(
            Section(
                NAMES[first].split(",")[0], text, [table_of(compared, list(TITLES.values()), caption, "form", NAMES)]
            )
        )
    return sections
