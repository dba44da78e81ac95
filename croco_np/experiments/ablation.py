"""Table 5: Crocodile with its parts added one by one."""

from __future__ import annotations

import pandas as pd

from ..report import Section, Table
from .compare import cell_of_difference, compare, in_words, seeds_in, table_of, untested
from .experiment import Results
from .frames import by_seed
from .learnt import learnt_table
from .statistics import holm, paired
from .study import Study
from .systems import NAMES, OURS, TITLES, of_the_paper, trained, tuning_section

ROWS = ("mmoe", "me", "me_pg", "me_peg", "me_pg_cov", "crocodile")
STEPS = (
    ("mmoe", "me", "several embedding tables"),
    ("me", "me_pg", "the prior-informed gate"),
    ("me_pg", "me_peg", "a gate for each dimension"),
    ("me_pg", "me_pg_cov", "CovLoss under a gate for each expert"),
    ("me_peg", "crocodile", "CovLoss under a gate for each dimension"),
)


def collect(study: Study) -> dict[str, pd.DataFrame]:
    """Tune and train the rows of Table 5 -> frames "runs" and "tuning"."""
    return trained(study, ROWS, "ablation")


def present(results: Results) -> list[Section]:
    """The sections of Table 5."""
    frame = results.frames["runs"]
    rows = [row for row in ROWS if row in set(frame["system"])]
    names = NAMES | {"mmoe": "Base (MMoE)"}
    compared = [compare(frame, "system", rows, OURS, measure) for measure in TITLES]
    text = [in_words(c, names, TITLES[c.measure]) for c in compared] + [of_the_paper(results.about)]
    caption = "Test measures over all domains, and each row minus Crocodile."
    return [
        Section("Rows", text, [table_of(compared, list(TITLES.values()), caption, "row", names)]),
        _steps(frame),
        Section("What they learnt", "", [learnt_table(frame, "system", rows, names, "Means over the seeds.")]),
        tuning_section(results.frames["tuning"]),
    ]


def _steps(frame):
    """Each part by itself: the row with it minus the row without."""
    seeds, lines = seeds_in(frame), []
    columns, p = [], []
    for measure in TITLES:
        tests = [
            paired(by_seed(frame, "system", b, measure, seeds), by_seed(frame, "system", a, measure, seeds))
            for a, b, _ in STEPS
        ]
        p += [t.p for t in tests]
        columns.append([cell_of_difference(t, q) for t, q in zip(tests, holm([t.p for t in tests]), strict=True)])
    for i, (a, b, part) in enumerate(STEPS):
        lines.append([part, f"{NAMES[b]} minus {NAMES.get(a, a)}", *(column[i] for column in columns)])
    helps = [line[0] for line in lines if any(cell.text.endswith("*") and cell.value > 0 for cell in line[2:])]
    harms = [line[0] for line in lines if any(cell.text.endswith("*") and cell.value < 0 for cell in line[2:])]
    said = f"Parts that help significantly: {', '.join(helps) or 'none'}; that cost: {', '.join(harms) or 'none'}."
    said += untested(p)
    table = Table(
        "Difference in 1e-4 with its 95 % interval; * significant by Holm over the steps.",
        ["part", "rows", *TITLES.values()],
        lines,
    )
    return Section("Each part by itself", said, [table])
