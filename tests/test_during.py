"""The measure at the end of each epoch: it says what `diagnose` would, and training does not feel it."""

import json

import numpy as np
import pytest

from croco_np.config import Config
from croco_np.datasets.splits import Rows, Schema, Splits
from croco_np.diagnostics import abundance_during, during, expert_abundance, information_abundance, item_tables
from croco_np.diagnostics.items import ItemTables
from croco_np.models import MODELS
from croco_np.train.loop import fit
from croco_np.train.trainer import Trainer
from croco_np.tree import flatten

SIZES = {"n_experts": 3, "embedding_width": 3, "expert_sizes": (4,), "tower_sizes": (4,), "prior_width": 2}


def splits(n=600):
    """Three domains, of which "b" is the smallest; items 0 to 29."""
    rng = np.random.default_rng(0)
    domains = rng.choice(3, n, p=[0.5, 0.1, 0.4]).astype(np.uint8)
    ids = np.column_stack([rng.integers(0, 20, n), rng.integers(0, 30, n), domains + 1]).astype(np.int32)
    rows = Rows(ids, rng.integers(0, 2, n).astype(np.uint8), domains, ids[:, 0].astype(np.int64))
    schema = Schema(("user", "item", "domain"), (20, 30, 4), "user", "item", "domain", ("a", "b", "c"))
    return Splits("drawn", True, schema, rows, rows.part(slice(200)), rows.part(slice(300)))


def trained(data, config, **more):
    trainer = Trainer.from_config(config, data)
    state = trainer.start()
    assert fit(trainer, state, epochs=2, patience=3, say=lambda line: None, progress=False, **more)
    return trainer, state


@pytest.mark.parametrize("name", MODELS)
def test_every_system_is_measured_and_trains_to_the_same_bit(name):
    data, config = splits(), Config(dataset="kuairand", model=name, batch_size=50, lr=0.01, **SIZES)
    (_, bare), (_, state) = trained(data, config), trained(data, config, each_epoch=abundance_during(data, config))
    for path, w in flatten(bare.params).items():
        assert np.array_equal(flatten(state.params)[path], w), path
    assert not any("measured" in entry for entry in bare.facts["history"])
    for entry in json.loads(json.dumps(state.facts["history"])):
        m = entry["measured"]
        assert m["smallest"] == "b"
        for where in ("all", "smallest"):
            assert [1 <= group["value"] <= 3 for group in m["items"][where]] == [True] * 5
            if "experts" in MODELS[name].taps:
                assert 1 <= m["experts"][where]["value"] <= 4
            else:
                said = f"{name} has no experts that every row runs through"
                assert m["experts"][where] == {"value": None, "reason": said}


@pytest.mark.parametrize("name", ["crocodile", "stem"])  # shared tables, and tables of each domain's own
def test_the_measure_of_the_last_epoch_is_that_of_the_weights(name):
    data, config = splits(), Config(dataset="kuairand", model=name, batch_size=50, lr=0.01, **SIZES)
    trainer, state = trained(data, config, each_epoch=abundance_during(data, config))
    measured = state.facts["history"][-1]["measured"]
    items = ItemTables.of(state.params, data, config)
    assert measured["items"]["all"] == item_tables(items)["by_exposure"]
    mine = [t for t, o in zip(items.tables, items.owners, strict=True) if o == (1 if name == "stem" else None)]
    assert len(mine) == (1 if name == "stem" else 3)
    seen = np.flatnonzero(items.counts[1])
    seen = seen[seen != 0]
    order = seen[np.argsort(items.counts[1, seen], kind="stable")]
    for group, m in zip(np.array_split(order, 5), measured["items"]["smallest"], strict=True):
        assert m["value"] == pytest.approx(np.mean([information_abundance(t[group]).value for t in mine]))
    rows = data.test.part(np.flatnonzero(data.test.domains == 1))
    out = next(trainer.predictor(state.params).outputs(rows)).output
    alone = [m.value for m in expert_abundance(out.experts)[0] if m.value is not None]
    assert measured["experts"]["smallest"]["value"] == pytest.approx(np.mean(alone), rel=1e-5)


def test_the_sample_is_evenly_spaced(monkeypatch):
    monkeypatch.setattr(during, "SAMPLE_ROWS", 4)
    rows = splits().test
    assert np.array_equal(during._sample(rows, np.arange(10)).ids, rows.ids[[0, 3, 6, 9]])
    assert during._sample(rows, np.arange(0)).n == 0
