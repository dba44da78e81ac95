"""Table 1: what the data are, domain by domain."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..datasets.splits import RARE, Splits
from ..report import Section, Table
from . import published
from .experiment import Results
from .study import Study


def collect(study: Study) -> dict[str, pd.DataFrame]:
    """Count the rows of every part, users, items and clicks -> frame "domains", one row a domain and one for all."""
    splits = study.splits
    rows = [_counts(splits, name, s) for s, name in enumerate(splits.schema.domains)]
    return {"domains": pd.DataFrame([*rows, _counts(splits, "all")])}


def _counts(splits: Splits, name: str, s: int | None = None) -> dict:
    """The numbers of a domain; of all where none is given: a domain may be called "all"."""
    item = splits.schema.fields.index(splits.schema.item)
    row: dict = {"domain": name}
    users, items, clicks = [], [], 0
    for part in ("train", "valid", "test"):
        rows = getattr(splits, part)
        here = np.ones(rows.n, bool) if s is None else np.asarray(rows.domains) == s
        row[part] = int(here.sum())
        users.append(np.asarray(rows.users)[here])
        items.append(np.asarray(rows.ids[:, item])[here])
        clicks += int(np.asarray(rows.labels)[here].sum())
    total = row["train"] + row["valid"] + row["test"]
    known = np.unique(np.concatenate(users))
    values = np.unique(np.concatenate(items))
    return row | {
        "rows": total,
        "users": int((known >= 0).sum()),
        "items": int((values != RARE).sum()),
        "click_rate": clicks / total if total else np.nan,
    }


def present(results: Results) -> list[Section]:
    """The section of Table 1."""
    frame, about = results.frames["domains"], results.about
    total = frame.iloc[-1]["rows"]
    head = ["domain", "rows", "share", "train", "valid", "test", "users", "items", "click rate"]
    rows = [
        [r.domain, r.rows, r.rows / total, r.train, r.valid, r.test, r.users, r.items, r.click_rate]
        for r in frame.astype({"domain": str}).itertuples()
    ]
    forms = ["", ",d", ".1%", ",d", ",d", ",d", ",d", ",d", ".4f"]
    text = [
        "Items are those with an id of their own: rarer ones share one id, as the paper has it, and are not counted.",
        "The paper gives 11.6 million rows of KuaiRand-1K and 85.3 million of AliCCP, and no more that we could read."
        + (
            ""
            if published.is_the_papers(about["dataset"], about["rows"])
            else f" This is another data set: {about['data']}."
        ),
    ]
    return [
        Section(
            "Rows, users, items and clicks", text, [Table("Impressions of each domain.", head, rows, forms, foot=1)]
        )
    ]
