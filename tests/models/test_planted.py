"""Planted truths that tell systems apart; the margins hold for each of ten seeds.

Inverted domain    what users of domain 1 click, users of domain 2 avoid. A model that does not know the domain is no
                   better than chance overall, and wrong in the smaller domain.
Narrow bottleneck  each of four domains depends on a field of its own. One shared bottom of width 1 has to carry four
                   unrelated signals in one number; four experts of width 1 carry one each.
"""

import numpy as np
import pytest

from croco_np.config import Config
from croco_np.datasets.splits import Rows, Schema, Splits
from croco_np.metrics import evaluate_domains
from croco_np.models import MODELS
from croco_np.train.trainer import Trainer

SEEDS = range(10)
SIZES = {"embedding_width": 4, "embedding_std": 0.3, "n_experts": 4, "prior_width": 4, "tower_sizes": (16,)}


def splits(ids, labels, domains, vocabulary, n_domains):
    """Two thirds to train on, the rest to test on; user is field 0, item field 1, the domain the last field."""
    ids = np.column_stack([ids, domains + 1]).astype(np.int32)
    names = (*(f"field {f}" for f in range(ids.shape[1] - 1)), "domain")
    schema = Schema(
        names, (*vocabulary, n_domains + 1), names[0], names[1], "domain", tuple(f"d{s}" for s in range(n_domains))
    )
    cut = 2 * len(ids) // 3
    rows = [
        Rows(ids[part], labels[part].astype(np.uint8), domains[part].astype(np.uint8), ids[part, 0].astype(np.int64))
        for part in (slice(0, cut), slice(cut, None))
    ]
    return Splits("planted", True, schema, rows[0], rows[1], rows[1])


def inverted(rng, n=3000):
    """User type times item type decides, the other way round in domain 2 (a third of the rows)."""
    user, item = rng.integers(0, 10, n), rng.integers(0, 10, n)
    domain = (rng.random(n) < 1 / 3).astype(int)
    likes = (user % 2 == item % 2) ^ (domain == 1)
    labels = rng.random(n) < np.where(likes, 0.9, 0.1)
    return splits(np.column_stack([user, item]), labels, domain, (10, 10), 2)


def blind(data):
    """The same rows for a model that does not know the domain: one domain, one value of the domain field."""

    def forget(rows):
        ids = rows.ids.copy()
        ids[:, -1] = 1
        return rows._replace(ids=ids, domains=np.zeros_like(rows.domains))

    schema = Schema(data.schema.fields, data.schema.vocabulary, "field 0", "field 1", "domain", ("d0",))
    return Splits("planted", True, schema, forget(data.train), forget(data.valid), forget(data.test))


def unrelated(rng, n=4000):
    """Four domains; the click in domain s depends on field s alone, by a random sign for each of its values."""
    ids, domain = rng.integers(0, 8, (n, 4)), rng.integers(0, 4, n)
    signs = rng.permuted(np.tile([-1, 1], (4, 4)), axis=1)
    logit = 3 * signs[domain, ids[np.arange(n), domain]]
    return splits(ids, rng.random(n) < 1 / (1 + np.exp(-logit)), domain, (8,) * 4, 4)


def trained_scores(model, data, seed, epochs, **sizes):
    """Logits of the test rows after training."""
    config = Config(dataset="kuairand", model=model, seed=seed, lr=0.01, batch_size=128, alpha=0.0, **SIZES | sizes)
    trainer = Trainer.from_config(config, data)
    state = trainer.start()
    for epoch in range(epochs):
        for batch in trainer.batches(epoch):
            trainer.step(state, batch)
    return trainer.predictor(state.params).logits(data.test)


def areas(scores, data):
    """AUC on the test rows for each domain."""
    measures = evaluate_domains(scores, data.test, data.schema.domains)
    return np.array([m["auc"] for m in measures["domains"].values()])


@pytest.mark.parametrize("seed", SEEDS)
def test_a_domain_blind_model_is_wrong_in_the_inverted_domain(seed):
    data = inverted(np.random.default_rng(seed))
    first, second = areas(trained_scores("shared_bottom", blind(data), seed, epochs=10, expert_sizes=(16,)), data)
    assert first > 0.65
    assert second < 0.35  # worse than chance: it recommends what these users avoid


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("model", MODELS)
def test_every_system_learns_the_inversion(model, seed):
    data = inverted(np.random.default_rng(seed))
    scores = trained_scores(model, data, seed, epochs=10, expert_sizes=(16,))
    assert areas(scores, data).min() > 0.8  # 0.9 is the best possible


@pytest.mark.parametrize("seed", SEEDS)
def test_experts_hold_what_a_shared_bottleneck_cannot(seed):
    data = unrelated(np.random.default_rng(seed))
    bottleneck = areas(trained_scores("shared_bottom", data, seed, epochs=12, expert_sizes=(1,)), data)
    for model in ("mmoe", "me_mmoe", "crocodile"):
        experts = areas(trained_scores(model, data, seed, epochs=12, expert_sizes=(1,)), data)
        assert experts.mean() > bottleneck.mean() + 0.1, model
