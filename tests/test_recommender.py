"""The front door: columns in, probabilities out."""

import os
import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from croco_np import backend
from croco_np.kernels.twin import using
from croco_np.models import MODELS
from croco_np.recommender import Recommender, load
from croco_np.tree import flatten

SIZES = {"n_experts": 3, "embedding_width": 4, "expert_sizes": (8,), "tower_sizes": (4,), "prior_width": 4}
ROLES = {"user": "uid", "item": "iid", "domain": "tab"}
TRAINING = {"lr": 0.02, "batch_size": 128, "epochs": 2, "verbose": False, "embedding_std": 0.1}


def make_clicks(n=4000, seed=0):
    """Clicks that depend on user, item and tab; users, items and tabs are texts, and the index is anything."""
    rng = np.random.default_rng(seed)
    user, item, tab = rng.integers(0, 40, n), rng.integers(0, 30, n), rng.integers(0, 3, n)
    logit = (user % 3 - 1) + (item % 2 * 3 - 1.5) * np.where(tab == 2, -1, 1) - 0.3
    return pd.DataFrame(
        {
            "uid": [f"user {u}" for u in user],
            "iid": [f"item-{i}" for i in item],
            "tab": np.array(["feed", "search", "live"])[tab],
            "age": rng.choice([18.0, 25.0, np.nan], n),
            "click": (rng.random(n) < 1 / (1 + np.exp(-logit))).astype(int),
        },
        index=rng.permutation(n) + 7,
    )


@pytest.fixture(scope="module")
def clicks():
    return make_clicks()


@pytest.fixture(scope="module")
def model(clicks):
    return Recommender(**ROLES, **SIZES, **TRAINING | {"epochs": 6}).fit(clicks, "click")


def test_it_learns(model):
    measures = model.evaluate(make_clicks(seed=1), "click")
    assert measures["overall"]["auc"] > 0.7
    assert list(measures["domains"]) == ["feed", "live", "search"]
    assert model.score(make_clicks(seed=1), "click") == measures["overall"]["auc"]


def test_probabilities(model, clicks):
    p = model.predict_proba(clicks)
    assert p.shape == (len(clicks), 2)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    assert np.array_equal(model.predict(clicks), (p[:, 1] > 0.5).astype(int))
    assert model.classes_.tolist() == [0, 1]


def test_a_dict_of_lists_is_a_table(model, clicks):
    columns = {name: clicks[name].tolist() for name in clicks}
    assert np.array_equal(model.predict_proba(columns), model.predict_proba(clicks))


@pytest.mark.parametrize("system", MODELS)
def test_every_system(system, clicks):
    model = Recommender(system, **ROLES, **SIZES, **TRAINING).fit(clicks[:600], "click")
    assert np.isfinite(model.decision_function(clicks[600:700])).all()


def test_saved_and_loaded_elsewhere(model, clicks, tmp_path):
    """In a fresh process, from another folder, to the bit."""
    (tmp_path / "here").mkdir()
    model.save(tmp_path / "here" / "model.croco")
    clicks.to_csv(tmp_path / "here" / "rows.csv", index=False)
    (tmp_path / "here").rename(tmp_path / "there")
    script = (
        "import numpy, pandas, croco_np\n"
        "p = croco_np.load('model.croco').predict_proba(pandas.read_csv('rows.csv'))[:, 1]\n"
        "numpy.save('p.npy', p)"
    )
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path / "there", check=True, env=os.environ)
    assert np.array_equal(np.load(tmp_path / "there" / "p.npy"), model.predict_proba(clicks)[:, 1])


def test_what_is_loaded_can_be_trained_anew(model, clicks, tmp_path):
    model.save(tmp_path / "model")
    again = load(tmp_path / "model")
    assert again.get_params() | {"verbose": False, "fields": None} == model.get_params() | {"fields": None}
    assert np.array_equal(again.fit(clicks, "click").predict_proba(clicks), model.predict_proba(clicks))


def test_trained_on_a_device(clicks, tmp_path, monkeypatch):
    """On the stand-in for a GPU: the same scores, a file that any machine reads, and parameters to look at."""
    monkeypatch.setenv(backend.CHOSEN, "standin")
    with using("numpy"):
        here, there = (
            Recommender(**ROLES, **SIZES, **TRAINING, backend=name).fit(clicks[:600], "click") for name in backend.NAMES
        )
        scores = here.predict_proba(clicks)
        assert np.array_equal(there.predict_proba(clicks), scores)
        there.save(tmp_path / "model")
        loaded = load(tmp_path / "model")
        assert loaded.backend == "cupy"
        unpickled = pickle.loads(pickle.dumps(there))
        for other in (loaded, unpickled):
            assert np.array_equal(other.predict_proba(clicks), scores)
            assert type(other._predictor.params["embeddings"]["table"]) is np.ndarray
    for model in (there, loaded):
        assert all(type(w) is np.ndarray for w in flatten(model.params_).values())


def test_unknown_values_are_fine_and_unknown_domains_are_not(model, clicks):
    row = {"uid": ["nobody"], "iid": [None], "tab": ["feed"], "age": [99]}
    assert 0 < model.predict_proba(row)[0, 1] < 1
    with pytest.raises(ValueError, match=r"row 0: tab is 'moon', none of the domains feed, live, search"):
        model.predict_proba(row | {"tab": ["moon"]})
    with pytest.raises(ValueError, match="no column 'age'"):
        model.predict_proba({name: row[name] for name in ("uid", "iid", "tab")})


def test_cross_validation(clicks):
    """scikit-learn clones it, splits the frame, asks for scores: AUC as of its own metrics."""
    from sklearn.base import clone, is_classifier
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import GridSearchCV, cross_val_score

    model = Recommender(**ROLES, **SIZES, **TRAINING | {"epochs": 4})
    assert is_classifier(model)
    assert clone(model).get_params() == model.get_params()
    X, y = clicks.drop(columns="click"), clicks["click"]
    scores = cross_val_score(model, X, y, cv=3, scoring="roc_auc", error_score="raise")
    assert (scores > 0.6).all()
    again = cross_val_score(model, X, y, cv=3, error_score="raise")  # the model's own `score`
    np.testing.assert_allclose(scores, again, rtol=1e-12)
    search = GridSearchCV(model, {"n_experts": [3, 4], "alpha": [1e-3]}, cv=2, error_score="raise").fit(X, y)
    assert search.best_params_["n_experts"] in (3, 4)
    assert roc_auc_score(y, search.predict_proba(X)[:, 1]) > 0.6


def test_labels_among_the_columns(clicks, model):
    """The column of a Series of labels is no field; one that merely equals them is refused."""
    named = Recommender(**ROLES, **SIZES, **TRAINING | {"epochs": 6}).fit(clicks, clicks["click"])
    assert "click" not in named.schema_.fields
    assert np.array_equal(named.predict_proba(clicks), model.predict_proba(clicks))
    with pytest.raises(ValueError, match="column 'click' says the same as the labels"):
        Recommender(**ROLES, **TRAINING).fit(clicks, clicks["click"].to_numpy())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_experts": 0}, "n_experts 0: must be at least 1"),
        ({"expert_sizes": ()}, "expert_sizes"),
        ({"system": "crocodil"}, "crocodile"),
        ({"lr": -1.0}, "lr -1.0: must be at least 0"),
        ({"user": "nobody"}, "nobody"),
        ({"gate_at": "output"}, "gate_at: is for pepnet only"),
        ({"loss": "covarianc"}, "covariance"),
        ({"valid_share": 1.5}, "valid_share"),
    ],
)
def test_wrong_settings(changes, message, clicks):
    settings = {"system": "crocodile"} | ROLES | TRAINING | changes
    with pytest.raises(ValueError, match=message) as refused:
        Recommender(settings.pop("system"), **settings).fit(clicks, "click")
    assert "--" not in str(refused.value)  # flags are of commands


def test_unknown_parameters():
    with pytest.raises(TypeError, match="n_expertz"):
        Recommender(n_expertz=3)
    with pytest.raises(ValueError, match="n_expertz"):
        Recommender().set_params(n_expertz=3)


@pytest.mark.parametrize(
    ("y", "message"),
    [("clack", "no column 'clack'"), ([0, 1], "2 labels"), (np.zeros((4, 2)), r"shape \(4, 2\)")],
)
def test_wrong_labels(y, message, clicks):
    with pytest.raises(ValueError, match=message):
        Recommender(**ROLES, **TRAINING).fit(clicks, y)


def test_not_fitted(clicks):
    with pytest.raises(ValueError, match="not fitted"):
        Recommender(**ROLES).predict(clicks)


def test_repr(model):
    assert repr(Recommender("mmoe", user="uid")) == "Recommender('mmoe', user='uid')"
    shown = repr(model)
    assert "domains: feed, live, search" in shown
    assert "validation AUC 0." in shown


def test_quiet(clicks, capfd):
    Recommender(**ROLES, **SIZES, **TRAINING).fit(clicks, "click")
    assert capfd.readouterr() == ("", "")
    Recommender(**ROLES, **SIZES, **TRAINING | {"verbose": True}).fit(clicks, "click")
    assert "epoch 1: training loss" in capfd.readouterr().out


def test_without_validation(clicks):
    """All rows train, for all epochs; the last weights count."""
    model = Recommender(**ROLES, **SIZES, **TRAINING, valid_share=0.0).fit(clicks, "click")
    assert len(model.history_) == 2


def test_rows_of_table_5_are_names(clicks):
    model = Recommender("me_peg", **ROLES, **SIZES, **TRAINING).fit(clicks[:600], "click")
    assert model._fitted_config.system == "me_peg"
    with pytest.raises(ValueError, match="system me_pg means gate='scalar'"):
        Recommender("me_pg", **ROLES, **SIZES, **TRAINING, gate="element").fit(clicks[:600], "click")


def test_settings_survive(clicks, tmp_path):
    """What `load` returns can be cloned and fitted anew as it was: by time, with the same share."""
    rows = clicks[:600].assign(ts=np.arange(600))
    model = Recommender(**ROLES, **SIZES, **TRAINING, time="ts", valid_share=0.3).fit(rows, "click")
    model.save(tmp_path / "model")
    assert load(tmp_path / "model").get_params() == model.get_params()


def test_rows_in_another_order_are_seen(clicks):
    with pytest.raises(ValueError, match="different indices"):
        Recommender(**ROLES, **TRAINING).fit(clicks.sample(frac=1, random_state=0), clicks["click"])


def test_a_column_of_another_form_is_told(model, clicks, capsys):
    model.predict_proba(clicks[:50].assign(uid=[f"User {i}" for i in range(50)]))
    assert "column uid: not one of its 50 values was there in training" in capsys.readouterr().err


def test_the_labels_may_be_among_new_rows(model, clicks):
    """A frame with an empty or wrong column of labels can be scored, and so can no rows at all."""
    assert np.array_equal(model.predict_proba(clicks.assign(click=np.nan)), model.predict_proba(clicks))
    assert model.predict_proba(clicks[:0]).shape == (0, 2)
    assert np.isnan(model.score(clicks[:0], clicks["click"][:0]))
