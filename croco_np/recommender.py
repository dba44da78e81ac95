"""Any system of the paper as one object with scikit-learn's verbs: fit, predict, score; evaluate, save, load."""

from __future__ import annotations

from dataclasses import fields as fields_of
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np

from .backend import host
from .batch import check_labels
from .command.streams import note
from .config import ABLATIONS, Config
from .datasets.splits import Rows
from .datasets.table import from_columns
from .errors import InputError
from .losses.bce import sigmoid
from .metrics import evaluate_domains
from .options import Auto, plain
from .predict import Predictor
from .runs.saved import about, read_model, write_model
from .storage.files import not_written
from .train.loop import fit
from .train.trainer import Trainer
from .tree import flatten, tree_map

COLUMNS = ("user", "item", "domain", "time", "fields", "kinds", "min_count", "valid_share")  # how a table is read
ENOUGH_ROWS = 20  # to say that something is wrong with a column of which no value is known


class Recommender:
    """Click probabilities for users, items and domains: a system of the paper, trained on a table of clicks.

        model = Recommender("crocodile", user="uid", item="iid", domain="tab")
        model.fit(clicks, clicks["click"])
        model.predict_proba(new_rows)[:, 1]

    Columns come as a pandas DataFrame or as a dict of arrays or lists. Any column may hold integers, floats or text;
    each distinct value gets an embedding of its own, values that are rare or missing share one. The domain (a tab, a
    page, a country) decides which gate and tower a row goes through.

    system         name in `croco_np.MODELS`, or a row of Table 5: me, me_pg, me_peg, me_pg_cov
    user, item, domain
                   names of these columns; each is a field, too
    time           column to split by: the last `valid_share` of the rows are for validation; None splits at random
    fields         columns to learn from; None = all but the time
    kinds          {column: "integer", "number" or "text"} where the kind of its values should not be inferred. Of an
                   integer column 7, 7.0 and "7" are one value
    min_count      values rarer than this in the training rows share id 0 with those never seen
    valid_share    share of the rows that choose the epoch and stop training; 0 trains all `epochs` and keeps the last
    embedding_width, embedding_std, n_experts, expert_sizes, tower_sizes, prior_width
                   sizes, as in `croco_np.Crocodile.build`; a system that has no use for one does without it
    loss, alpha    the loss beside the cross-entropy ("auto": the system's own, CovLoss for Crocodile) and its weight
                   ("auto": the loss's own, of CovLoss 1.024 / batch_size)
    lr, l2, optimiser, batch_size, epochs, patience
                   of training: learning rate, weight decay of embedding rows, "adam" or "lazy_adam", rows a step,
                   passes over the rows at most, epochs without a better validation AUC before it stops
    seed           of the parameters, of the order of the rows and of the split
    dtype          "float32" or "float64"
    backend        "numpy", or "cupy": trained on a GPU, which then predicts, too; `load` gives a model on the host,
                   and so does `pickle`
    verbose        whether training shows its progress
    options        sizes that only this system has, such as gate="scalar" for crocodile

    Wrong values are a ValueError when `fit` is called, as in scikit-learn. After `fit`:

    schema_        fields, vocabularies, domains
    params_        nested dict of arrays
    history_       list of dicts, one an epoch: training loss, validation measures
    notes_         what was inferred of the columns and what was left out, in lines
    classes_       [0, 1]
    """

    def __init__(
        self,
        system: str = "crocodile",
        *,
        user: str = "user",
        item: str = "item",
        domain: str = "domain",
        time: str | None = None,
        fields: tuple[str, ...] | list[str] | None = None,
        kinds: dict[str, str] | None = None,
        min_count: int = 10,
        valid_share: float = 0.1,
        embedding_width: int = 16,
        embedding_std: float = 0.01,
        n_experts: int = 5,
        expert_sizes: tuple[int, ...] = (64,),
        tower_sizes: tuple[int, ...] = (32,),
        prior_width: int = 16,
        loss: str = "auto",
        alpha: Auto = "auto",
        lr: float = 1e-3,
        l2: float = 0.0,
        optimiser: str = "adam",
        batch_size: int = 1024,
        epochs: int = 8,
        patience: int = 1,
        seed: int = 0,
        dtype: str = "float32",
        backend: str = "numpy",
        verbose: bool = True,
        **options: Any,
    ) -> None:
        self.system = system
        self.user = user
        self.item = item
        self.domain = domain
        self.time = time
        self.fields = fields
        self.kinds = kinds
        self.min_count = min_count
        self.valid_share = valid_share
        self.embedding_width = embedding_width
        self.embedding_std = embedding_std
        self.n_experts = n_experts
        self.expert_sizes = expert_sizes
        self.tower_sizes = tower_sizes
        self.prior_width = prior_width
        self.loss = loss
        self.alpha = alpha
        self.lr = lr
        self.l2 = l2
        self.optimiser = optimiser
        self.batch_size = batch_size
        self.epochs = epochs
        self.patience = patience
        self.seed = seed
        self.dtype = dtype
        self.backend = backend
        self.verbose = verbose
        unknown = [name for name in options if name not in _OPTIONS]
        if unknown:
            raise TypeError(f"Recommender: no parameter {unknown[0]!r}; options of systems are {', '.join(_OPTIONS)}")
        self.options = options

    # What scikit-learn asks of an estimator, without being needed

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The arguments of the constructor, as they were given."""
        return {name: getattr(self, name) for name in _NAMES} | self.options

    def set_params(self, **params: Any) -> Recommender:
        """Change arguments of the constructor; ValueError for one that it does not have."""
        for name, value in params.items():
            if name in _NAMES:
                setattr(self, name, value)
            elif name in _OPTIONS:
                self.options = self.options | {name: value}
            else:
                raise ValueError(f"no parameter {name!r}; there are {', '.join((*_NAMES, *_OPTIONS))}")
        return self

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import ClassifierTags, InputTags, Tags, TargetTags

        return Tags(
            estimator_type="classifier",
            target_tags=TargetTags(required=True),
            classifier_tags=ClassifierTags(multi_class=False),
            input_tags=InputTags(string=True, allow_nan=True),
        )

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_predictor")

    # Fit

    def fit(self, X: Any, y: Any) -> Recommender:
        """Learn from clicks; returns self.

        X  DataFrame, or dict of columns
        y  (N,) of 0 and 1, True is 1; or the name of the column of X that holds them, which is then no field

        Raises ValueError for columns that are missing, labels that are no 0 or 1, and sizes that make no sense; and if
        training diverges.
        """
        labels, held = _labels(X, y)
        fields = self.fields
        if fields is None:
            fields = [name for name in _names(X) if name not in (*held, self.time)]
        elif leak := [name for name in held if name in fields]:
            raise ValueError(f"fields: {leak[0]!r} holds the labels, so the model must not see it")
        config = self._config()
        splits = from_columns(
            X,
            label=labels,
            user=self.user,
            item=self.item,
            domain=self.domain,
            time=self.time,
            fields=fields,
            kinds=self.kinds,
            min_count=self.min_count,
            valid_share=self.valid_share,
            test_share=0.0,
            seed=self.seed,
        )
        for line in splits.notes if self.verbose else ():
            print(line)
        trainer = Trainer.from_config(config, splits)
        state = trainer.start()
        fit(
            trainer,
            state,
            epochs=self.epochs,
            patience=self.patience if splits.valid.n else self.epochs,
            say=print if self.verbose else lambda line: None,
            progress=self.verbose,
        )
        self._set(trainer.predictor(state.chosen), config, state.facts["history"], splits.notes)
        self._about = about(config, splits) | {"history": self.history_, "settings": self.get_params()}
        return self

    def _config(self):
        """The config of a run with these settings; InputError, a ValueError, for values that make no sense."""
        given = {name: getattr(self, name) for name in _NAMES if name not in (*COLUMNS, "system", "verbose")}
        given = {name: _as_tuple(value) for name, value in (given | self.options).items()}
        row = ABLATIONS.get(self.system, {"model": self.system})  # of Table 5, or a system itself
        if wrong := [name for name in row if name in self.options and self.options[name] != row[name]]:
            raise ValueError(f"system {self.system} means {wrong[0]}={row[wrong[0]]!r}")
        given |= row
        config = Config(dataset="table", min_count=self.min_count, **given)
        for f in fields_of(config):
            only = f.metadata["only"]
            if f.name in self.options and only and row["model"] not in only:
                raise ValueError(f"{f.name}: is for {', '.join(only)} only, {self.system} has no use for it")
        return config

    def _set(self, predictor, config, history, notes):
        self._predictor, self._fitted_config = predictor, config
        self.history_, self.notes_, self.classes_ = history, notes, np.array([0, 1])
        self.schema_, self.params_ = predictor.schema, tree_map(host, predictor.params)
        self.feature_names_in_ = np.array([c.source for c in predictor.encoder.columns], object)
        self.n_features_in_ = len(self.feature_names_in_)

    # Predict

    def encode(self, X: Any) -> Rows:
        """Raw columns -> `Rows` of ids; values that are unseen or missing get id 0, and a note if all of a column are.

        Raises ValueError for a missing column, and for a domain that was not there in training.
        """
        encoded = self._fitted().encoder.encode(X, labels=False)
        for field, n in encoded.unseen.items():
            if n and n == encoded.rows.n >= ENOUGH_ROWS:
                note(f"column {field}: not one of its {n:,} values was there in training; is it of the same form?")
        return encoded.rows

    def decision_function(self, X: Any) -> np.ndarray:
        """Click logits z, (N,) float64."""
        return self._fitted().logits(self.encode(X))

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities of no click and of a click, (N, 2) float64, Eq. (5)."""
        p = sigmoid(self.decision_function(X))
        return np.stack([1 - p, p], axis=1)

    def predict(self, X: Any) -> np.ndarray:
        """The likelier class, (N,) of 0 and 1. Clicks are rare, so it is mostly 0: rank by `predict_proba` instead."""
        return (self.decision_function(X) > 0).astype(int)

    def evaluate(self, X: Any, y: Any) -> dict[str, Any]:
        """AUC, gAUC and log loss over all rows and in each domain: {"overall": {...}, "domains": {name: {...}}}.

        What is undefined is None, and "reasons" says why. See `croco_np.evaluate_domains`.
        """
        labels, _ = _labels(X, y)
        rows = self.encode(X)._replace(labels=labels)
        return evaluate_domains(self._fitted().logits(rows), rows, self.schema_.domains)

    def score(self, X: Any, y: Any) -> float:
        """AUC over all rows (not the accuracy, which says little of rare clicks); NaN where it is undefined."""
        auc = self.evaluate(X, y)["overall"]["auc"]
        return float("nan") if auc is None else auc

    def _fitted(self) -> Predictor:
        if not hasattr(self, "_predictor"):
            raise ValueError("this Recommender is not fitted yet; call fit first")
        return self._predictor

    # Keep

    def save(self, path: Path | str) -> None:
        """Write weights, vocabularies and sizes to one file, all that prediction needs; `load` reads it anywhere."""
        predictor = self._fitted()
        try:
            write_model(path, predictor.params, self._about, predictor.encoder)
        except OSError as error:
            raise not_written(path, error) from error

    # Show

    def __repr__(self) -> str:
        defaults = {name: p.default for name, p in signature(type(self)).parameters.items()}
        changed = {k: v for k, v in self.get_params().items() if k != "system" and v is not defaults.get(k) != v}
        changed = {k: v for k, v in changed.items() if defaults.get(k, object()) != v}
        call = ", ".join([repr(self.system), *(f"{name}={value!r}" for name, value in changed.items())])
        if not hasattr(self, "_predictor"):
            return f"Recommender({call})"
        n = sum(w.size for w in flatten(self.params_).values())
        lines = [f"Recommender({call})", f"  domains: {', '.join(self.schema_.domains)}"]
        sizes = zip(self.schema_.fields, self.schema_.vocabulary, strict=True)
        lines.append("  values:  " + ", ".join(f"{name} {size - 1:,}" for name, size in sizes))
        lines.append(f"  {n:,} parameters, {_best(self.history_)}")
        return "\n".join(lines)


def load(path: Path | str) -> Recommender:
    """A trained `Recommender`: from a file of `Recommender.save`, or from the folder of a run of `croco_np.train`.

    Its scores are those of the model that was saved, bit for bit. Raises InputError, a ValueError, for a file that is
    damaged, or holds no vocabularies.
    """
    saved = read_model(path)
    if saved.encoder is None:
        raise InputError(f"{path}: holds no vocabularies, so it cannot read raw rows; train it anew")
    if settings := saved.facts.get("settings"):
        model = Recommender(**{name: _as_tuple(value) for name, value in settings.items()})
    else:
        model = _of_run(saved)
    predictor = Predictor(saved.model, saved.params, saved.schema, saved.encoder)
    model._set(predictor, saved.config, saved.facts.get("history", []), ())
    model._about = saved.facts
    return model


def _of_run(saved):
    """An unfitted `Recommender` with the settings of a run of `croco_np.train`."""
    schema, config = saved.schema, saved.config.json()
    source = {f: column.source for f, column in zip(schema.fields, saved.encoder.columns, strict=True)}
    kept = {name: value for name, value in config.items() if name in _NAMES and name not in COLUMNS}
    options = {name: value for name, value in config.items() if name in _OPTIONS and value != _OPTIONS[name]}
    return Recommender(
        config["model"],
        user=source[schema.user],
        item=source[schema.item],
        domain=source[schema.domain],
        time=config["time"] or None,
        fields=tuple(source.values()),
        min_count=config["min_count"],
        valid_share=config["valid_share"],
        **kept,
        **options,
    )


_NAMES = tuple(name for name in signature(Recommender).parameters if name not in ("options", "self"))
_OPTIONS = {  # of systems and losses, with their defaults
    f.name: f.default
    for f in fields_of(Config)
    if (f.metadata["only"] and not {"table", "kuairand", "laboratory"} & set(f.metadata["only"]))
    or f.name in ("cov_reduction", "cov_within", "cov_rows", "ole_form", "reduction")
}


def _names(X):
    """Names of the columns; ValueError for what is no table."""
    if not hasattr(X, "keys"):
        raise ValueError(f"X is a {type(X).__name__}, want a pandas DataFrame or a dict of columns")
    return list(X.keys())


def _labels(X, y):
    """Labels (N,) uint8, and the names of the columns of X that hold them."""
    names = _names(X)
    if isinstance(y, str):
        if y not in names:
            raise ValueError(f"no column {y!r} for the labels; there are {', '.join(map(str, names))}")
        y, held = X[y], [y]
    else:
        held = [name for name in names if name == getattr(y, "name", None)]
        if all(hasattr(table, "index") and hasattr(table, "iloc") for table in (X, y)) and not y.index.equals(X.index):
            raise ValueError("X and y have different indices; bring their rows into one order, or give y.to_numpy()")
    labels = np.asarray(y)
    if labels.ndim != 1:
        raise ValueError(f"y has shape {labels.shape}, want (N,)")
    try:
        check_labels(labels.astype(float) if labels.dtype == object else labels)
    except TypeError as error:
        raise ValueError(f"y: {error}") from error
    return labels.astype(float).astype(np.uint8), held


def _as_tuple(value):
    """A list or an array of sizes as a tuple of Python's numbers; any other value as it is."""
    return tuple(map(plain, value)) if isinstance(value, (list, tuple, np.ndarray)) else value


def _best(history):
    """Words on how training ended."""
    areas = [(entry["valid"]["auc"], entry["epoch"]) for entry in history if entry["valid"]["auc"] is not None]
    if not areas:
        return f"{len(history)} epochs, no validation" if history else "read from a run"
    auc, epoch = max(areas, key=lambda pair: (pair[0], -pair[1]))
    return f"validation AUC {auc:.4f} after epoch {epoch} of {len(history)}"
