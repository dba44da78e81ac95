"""PyTorch, in a process of its own, computes what we compute: an independent witness and a fair peer.

Runs where the tests' interpreter has torch, or with another one that has: CROCO_NP_PEER_PYTHON=PATH.
"""

import importlib.util
import os
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from croco_np.batch import make_batch
from croco_np.bench import client
from croco_np.bench.client import Peer, Refused
from croco_np.bench.ours import Ours
from croco_np.bench.workloads import WORKLOADS
from croco_np.models import MODELS

PYTHON = os.environ.get("CROCO_NP_PEER_PYTHON") or (importlib.util.find_spec("torch") and sys.executable)
pytestmark = pytest.mark.skipif(
    not PYTHON, reason="no torch here: name an interpreter that has it in CROCO_NP_PEER_PYTHON"
)

# The peer's own table, read as text: its module needs torch. A system that is new here may have no peer.
TABLE = Path(client.__file__).with_name("peer") / "systems.py"
PEERS = set(re.findall(r'^    "(\w+)": \w+,$', TABLE.read_text(), re.MULTILINE))
assert len(PEERS) >= 12

# Rows of each domain in the three batches: some domains are absent, some have a single row.
SIZES = (20, 9, 1, 0, 6), (0, 12, 8, 5, 1), (7, 0, 11, 3, 2)
FORMS = [
    *((name, {}) for name in MODELS if name in PEERS),
    ("crocodile", {"gate": "scalar", "reduction": "domain_mean", "l2": 0.1}),
    ("ple", {"n_levels": 2, "n_specific": 2}),
    ("ple", {"n_levels": 2, "n_shared": 2, "shared_gate": "shared_only"}),
    *((name, {"gate_sizes": (7, 5)}) for name in ("mmoe", "stem", "hinet")),
    ("ple", {"n_levels": 2, "gate_sizes": (7, 5)}),
    ("pepnet", {"gate_at": "output"}),
    ("pepnet", {"task_towers": "domain"}),
    ("pepnet", {"task_towers": "domain", "gate_at": "output"}),
    ("star", {"norm_epsilon": 0.1}),
    ("hinet", {"attention": "renorm"}),
    ("hinet", {"attention": "with_self"}),
    ("adasparse", {"prune_mode": "binarization", "prune_epsilon": 0.45}),
    ("adasparse", {"prune_mode": "scaling"}),
]


def start(model, optimiser, **options):
    """Ours on three small batches: embeddings and steps so large that every part matters."""
    loss = "covariance" if "experts" in MODELS[model].taps else "none"
    large = {"embedding_std": 0.5, "lr": 0.01, "alpha": 0.01, "loss": loss, "prune_epsilon": 0.9, "prune_epochs": 1.3}
    options = large | options
    ours = Ours(WORKLOADS["tiny"].with_options(model=model, optimiser=optimiser, **options))
    rows, schema = ours.trainer.splits.train, ours.workload.schema
    domains = np.asarray(rows.domains)
    ours.batches = [
        make_batch(
            rows,
            np.concatenate([np.flatnonzero(domains == s)[i : i + n] for s, n in enumerate(sizes)]),
            schema,
            np.float32,
        )[0]
        for i, sizes in enumerate(SIZES)
    ]
    return ours


def our_logits(ours, batch):
    return ours.trainer.model.forward(ours.state.params, batch._replace(training=False))[0].logits


@pytest.mark.parametrize(("model", "options"), FORMS, ids=lambda x: x if isinstance(x, str) else "-".join(map(str, x)))
def test_logits_and_losses_are_ours(model, options):
    """Before training, loss by loss, and after three steps, where the optimisers have had their say.

    Touched rows only (`lazy_adam`) against SparseAdam, all rows (`adam`) against Adam.
    """
    settings = {"lazy_adam": "torch-fp32", "adam": "torch-fp32-dense"}
    ours = {optimiser: start(model, optimiser, **options) for optimiser in settings}
    with Peer(PYTHON, ours["adam"], threads=1) as peer:
        for optimiser, setting in settings.items():
            mine = ours[optimiser]
            for i, batch in enumerate(mine.batches):
                theirs = peer.ask("logits", setting=setting, batch=i)["logits"]
                np.testing.assert_allclose(our_logits(mine, batch), theirs, rtol=1e-4, atol=1e-5)
            for i, batch in enumerate(mine.batches):
                loss = peer.ask("train", setting=setting, batch=i)["loss"]
                assert loss == pytest.approx(float(mine.trainer.step(mine.state, batch)["total"]), rel=1e-4), optimiser
            theirs = peer.ask("logits", setting=setting, batch=0)["logits"]
            np.testing.assert_allclose(our_logits(mine, mine.batches[0]), theirs, rtol=1e-3, atol=1e-4)


def test_eps_stands_where_ours_does():
    """Where eps is added shows if gradients of tables are as small as it: the towers' last weights make them so."""
    ours = start("crocodile", "lazy_adam", alpha=0.0, lr=0.1)
    for tower in ours.state.params["towers"]:
        tower["logit"]["W"] *= 1e-7
    batch = ours.batches[0]
    with Peer(PYTHON, ours, threads=1) as peer:
        peer.ask("train", setting="torch-fp32", batch=0)
        theirs = peer.ask("logits", setting="torch-fp32", batch=0)["logits"]
    ours.trainer.step(ours.state, batch)
    np.testing.assert_allclose(our_logits(ours, batch), theirs, rtol=1e-4, atol=1e-5)


def test_optimisers_differ():
    """Else the test above could not tell them apart."""
    after = []
    for optimiser in ("adam", "lazy_adam"):
        ours = start("crocodile", optimiser)
        for batch in ours.batches:
            ours.trainer.step(ours.state, batch)
        after.append(our_logits(ours, ours.batches[0]))
    assert abs(after[0] - after[1]).max() > 1e-3


def test_bfloat16_is_close():
    ours = start("crocodile", "lazy_adam")
    with Peer(PYTHON, ours, threads=1) as peer:
        theirs = peer.ask("logits", setting="torch-bf16", batch=0)["logits"]
    mine = our_logits(ours, ours.batches[0])
    assert 0 < abs(mine - theirs).max() < 0.05 * abs(mine).max()


def test_conversation():
    """The rest of the protocol; what fails is one line, after which the process goes on."""
    ours = start("crocodile", "lazy_adam")
    with Peer(PYTHON, ours, threads=1) as peer:
        told = peer.ask("settings")
        assert told["settings"] == ["torch-fp32", "torch-fp32-dense", "torch-compile", "torch-bf16"]
        assert told["threads"] == 1
        first = peer.ask("train", setting="torch-fp32", batch=0)
        assert first["seconds"] > 0
        assert first["build_seconds"] > 0
        assert "build_seconds" not in peer.ask("train", setting="torch-fp32", batch=0)
        for question in ({"setting": "torch-fp64", "batch": 0}, {"setting": "torch-fp32", "batch": 9}):
            with pytest.raises(Refused) as error:
                peer.ask("train", **question)
            assert "\n" not in str(error.value)
        probability = np.mean(1 / (1 + np.exp(-our_logits(ours, ours.batches[1]))))
        assert peer.ask("predict", setting="torch-fp32-dense", batch=1)["mean"] == pytest.approx(probability, rel=1e-4)
        assert peer.ask("memory")["peak_rss_mb"] > 100
        peer.ask("drop", setting="torch-fp32")
        again = peer.ask("train", setting="torch-fp32", batch=0)
        assert again["loss"] == first["loss"]
        assert again["build_seconds"] > 0


def test_other_losses_are_refused():
    ours = start("crocodile", "lazy_adam", loss="cosine")
    ours.batches = ours.batches[:1]
    with Peer(PYTHON, ours, threads=1) as peer, pytest.raises(Refused, match="cosine"):
        peer.ask("settings")
