"""Early stopping of models that share nothing: each domain by itself."""

import json
from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
from commands import SMALL, make_data
from safetensors.numpy import load_file

from croco_np.config.flags import parse
from croco_np.datasets.load import load
from croco_np.errors import InputError
from croco_np.metrics import auc
from croco_np.train.__main__ import main
from croco_np.train.loop import fit
from croco_np.train.trainer import Trainer
from croco_np.tree import flatten

FLAGS = [*SMALL, "--dataset", "kuairand", "--model", "single_domain", "--compare-steps", 0, "--dtype", "float64"]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return make_data(tmp_path_factory.mktemp("kuairand"))


def trained(data, *flags, patience, epochs=12, spoil=lambda splits: splits):
    """The trainer, its state at the end, and the parameters at the end of each epoch."""
    config = parse([str(flag) for flag in (*FLAGS, "--data-dir", data, *flags)], "train", "").config
    trainer = Trainer.from_config(config, spoil(load(config)))
    state, epochs_seen = trainer.start(), []

    def note(predictor):
        epochs_seen.append(deepcopy(predictor.params))
        return {}

    quiet = {"say": lambda line: None, "progress": False}
    fit(trainer, state, epochs=epochs, patience=patience, each_epoch=note, **quiet)
    return trainer, state, epochs_seen


def own_aucs(trainer, params):
    """{domain: AUC of its validation rows}."""
    valid = trainer.splits.valid
    z, y, domains = trainer.predictor(params).logits(valid), np.asarray(valid.labels), np.asarray(valid.domains)
    return {name: auc(z[domains == s], y[domains == s]).value for s, name in enumerate(trainer.splits.schema.domains)}


def same(one, two):
    one, two = flatten(one), flatten(two)
    return one.keys() == two.keys() and all(np.array_equal(one[path], two[path]) for path in one)


@pytest.mark.parametrize("patience", [1, 2])
def test_each_domain_keeps_its_own_best_epoch_and_stops_by_itself(data, patience):
    trainer, state, seen = trained(data, patience=patience)
    aucs, ends, bests = [own_aucs(trainer, params) for params in seen], [], []
    for s, name in enumerate(trainer.splits.schema.domains):
        best, waited, end = 0, 0, len(seen)
        for epoch in range(1, len(seen)):
            best, waited = (epoch, 0) if aucs[epoch][name] > aucs[best][name] else (best, waited + 1)
            if waited == patience:
                end = epoch + 1
                break
        assert same(state.best[s], seen[best][s])
        assert state.facts["best_of_domains"][name]["epoch"] == best + 1
        ends.append(end)
        bests.append(best)
    assert len(set(bests)) > 1, "all at one epoch: nothing is tested"
    assert len(seen) == max(ends) == len(state.facts["history"])


def test_pooled_keeps_one_epoch_for_all(data):
    _, state, seen = trained(data, "--stop-by", "pooled", patience=1)
    measured = [entry["valid"]["auc"] for entry in state.facts["history"]]
    assert same(state.best, seen[int(np.argmax(measured))])
    assert state.facts["best_of_domains"] == {}


def test_a_domain_without_an_auc_takes_its_latest_weights_and_decides_nothing(data):
    def spoil(splits):
        labels, domains = np.array(splits.valid.labels), np.asarray(splits.valid.domains)
        labels[domains == 1] = 1
        return replace(splits, valid=splits.valid._replace(labels=labels))

    _, state, seen = trained(data, patience=1, spoil=spoil)
    assert len(seen) < 12
    assert same(state.best[1], seen[-1][1])
    assert not same(state.best, seen[-1])


def test_a_resumed_run_is_the_same_bits(data, tmp_path, capsys):
    flags = [*FLAGS, "--patience", 2, "--data-dir", data]
    assert main([str(flag) for flag in (*flags, "--epochs", 9, "--out", tmp_path / "whole")]) == 0
    assert "(best so far of tab 0, tab 1, tab 2, tab 4, tab 6)" in capsys.readouterr().out
    for epochs in range(1, 10):
        again = ["--resume", tmp_path / "parts"] if epochs > 1 else [*flags, "--out", tmp_path / "parts"]
        assert main([str(flag) for flag in (*again, "--epochs", epochs)]) == 0
    for name in ("checkpoint.safetensors", "model.safetensors"):
        one, two = (load_file(tmp_path / run / name) for run in ("whole", "parts"))
        assert one.keys() == two.keys()
        assert all(np.array_equal(one[path], two[path]) for path in one), name
    whole, parts = (json.loads((tmp_path / name / "metrics.json").read_text()) for name in ("whole", "parts"))
    assert whole["best_epochs"] == parts["best_epochs"]
    assert len(set(whole["best_epochs"].values())) > 1
    assert whole["domains"] == parts["domains"]


def test_models_that_share_have_one_stop():
    with pytest.raises(InputError, match="stop-by: is for single_domain only"):
        parse(["--dataset", "kuairand", "--stop-by", "domain"], "train", "")
