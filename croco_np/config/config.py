"""Every size and weight of a run, in one frozen dataclass."""

from dataclasses import MISSING, asdict, dataclass, field, fields, make_dataclass
from typing import Any, Literal

from ..backend import NAMES, PRECISIONS
from ..datasets.laboratory import World
from ..errors import InputError, OptionError
from ..losses import LOSSES
from ..losses.orthogonal import FORMS
from ..losses.strength import default_alpha
from ..models import MODELS, System
from ..models.sizes import COMMON
from ..optim import OPTIMISERS
from ..options import KINDS, Option, check_value, plain

DATASETS = ("aliccp", "kuairand", "movielens", "table", "laboratory")


def option(default: Any, text: str, only: tuple[str, ...] = (), **limits: Any) -> Any:
    """A field of `Config`: default, help text, the models or data sets that it is for (all), limits (`Option`)."""
    return _field(default, Option(text, **limits), only)


def _field(default, described, only):
    return field(default=default, metadata={"option": described, "only": only})


@dataclass(frozen=True)
class Subject:
    """What is trained on what: the fields of `Config` that have to be known before any size means something."""

    dataset: str = option(MISSING, "which data to train on", choices=DATASETS)
    data_dir: str = option("", "folder of the raw files (default: data/DATASET)")
    model: str = option(
        "crocodile", "which system to train, or a row of Table 5: me, me_pg, me_peg, me_pg_cov", choices=tuple(MODELS)
    )
    seed: int = option(0, "seed of parameters and batch order", low=0, high=2**63 - 1)


def _losses_by_default():
    """What `auto` stands for, in words."""
    own = [f"{system.default_loss} for {name}" for name, system in MODELS.items() if system.default_loss != "none"]
    return ", ".join([*own, "none for the others"])


def sizes_of_all(models: dict[str, type[System]]) -> list[tuple[str, Any, Any]]:
    """The sizes of all systems as fields of a dataclass: (name, type, field). Common ones come first.

    Two systems may share a size that they mean alike; a TypeError says of one that they mean differently.
    """
    found: dict[str, tuple[Any, Any, Option]] = {}
    users: dict[str, list[str]] = {}
    for model, system in models.items():
        for name, keyword in system.keywords().items():
            says = (keyword.annotation, keyword.default, system.option(name))
            if keyword.default is keyword.empty or keyword.annotation not in KINDS:
                raise TypeError(f"{model}: build needs a default and a type of {list(KINDS)} for {name}")
            if found.setdefault(name, says) != says:
                raise TypeError(f"{model}: {name} has another type, default or Option than in {users[name][0]}")
            users.setdefault(name, []).append(model)
    common, own = (name for name in COMMON if name in found), (name for name in found if name not in COMMON)
    result = []
    for name in (*common, *own):
        kind, default, described = found[name]
        only = () if name in COMMON else tuple(users[name])
        result.append((name, kind, _field(default, described, only)))
    return result


Sizes = make_dataclass("Sizes", sizes_of_all(MODELS), frozen=True)
Dials = make_dataclass(
    "Dials", [(f.name, f.type, field(default=f.default, metadata=f.metadata)) for f in fields(World)], frozen=True
)


@dataclass(frozen=True)
class Config(Dials, Sizes, Subject):  # type: ignore[misc, valid-type]  # mypy cannot see fields that are collected
    """What a run depends on. Two runs with equal configs, data and thread counts are equal bit for bit.

    The sizes are those of all systems, with the defaults of their `build`; each system is built with its own (`sizes`).
    The dials are those of `World`, for the data set "laboratory".
    """

    loss: str = option(
        "auto",
        f"loss beside the cross-entropy; covariance = CovLoss; auto = {_losses_by_default()}",
        choices=("auto", "none", *LOSSES),
    )
    alpha: float | Literal["auto"] = option(
        "auto",
        "weight of the loss (Eq. 7: of CovLoss); 0 switches it off; auto = the loss's own, at which all losses pull "
        "alike, CovLoss 1.024 / batch size",
        low=0,
    )
    cov_reduction: str = option("sum", "covariance: scale of CovLoss", choices=("sum", "mean", "unbiased"))
    cov_within: bool = option(False, "covariance: each expert with itself, too (p >= q)")
    ole_form: str = option("soft", "ole: which reading of its F-norm form", choices=tuple(FORMS))
    cov_rows: int = option(
        0, "covariance, distance_correlation: compute the loss on this many sampled rows; 0 = all", low=0
    )
    reduction: str = option(
        "batch_mean", "what 1/N_s of Eq. 7 means in a batch", choices=("batch_mean", "domain_mean", "dataset_mean")
    )

    optimiser: str = option("adam", "adam: every row decays; lazy_adam: touched rows only", choices=OPTIMISERS)
    lr: float = option(1e-3, "learning rate", low=0)
    l2: float = option(0.0, "weight decay of the embedding rows that a batch touches", low=0)
    batch_size: int = option(1024, "rows a step", low=1)
    epochs: int = option(8, "passes over the training rows, at most", low=1)
    patience: int = option(1, "epochs without a better validation AUC before stopping", low=1)
    stop_by: str = option(
        "domain",
        "validation AUC that stops training; domain = each domain's model by its own, pooled = all by that of all rows",
        choices=("domain", "pooled"),
        only=tuple(name for name, system in MODELS.items() if system.separate),
    )

    min_count: int = option(10, "values rarer than this in the training rows share id 0", low=1)
    path: str = option("", "file of clicks with a header, .csv, .csv.gz or .parquet", only=("table",))
    label: str = option("", "column of clicks, 0 and 1", only=("table",))
    user: str = option("", "column of users", only=("table",))
    item: str = option("", "column of items", only=("table",))
    domain: str = option("", "column of domains", only=("table",))
    time: str = option("", "column of times, numbers or dates; the model does not see it", only=("table",))
    fields: str = option("", "columns that the model sees, with commas (all but label and time)", only=("table",))
    split: str = option(
        "auto",
        "how rows are divided; auto = by time if there is --time, else at random",
        choices=("auto", "time", "random", "user"),
        only=("table",),
    )
    valid_share: float = option(0.1, "share of the validation rows", low=0, only=("table",))
    test_share: float = option(0.1, "share of the test rows", low=0, only=("table",))
    drop_duplicates: bool = option(False, "drop rows that equal an earlier one in all columns used", only=("table",))
    train_until: int = option(
        0,
        "last time of the training rows; a day is YYYYMMDD (0: kuairand, all but four days; table, by share)",
        low=0,
        high=2**63 - 1,
        only=("kuairand", "table"),
    )
    valid_until: int = option(
        0,
        "last time of the validation rows; a day is YYYYMMDD (0: kuairand, all but two days; table, by share)",
        low=0,
        high=2**63 - 1,
        only=("kuairand", "table"),
    )
    simulated_rows: int = option(
        600_000, "rows of the simulated AliCCP, training and test together", low=2000, high=100_000_000
    )  # the genuine one has 85 million
    simulated_seed: int = option(0, "seed of the simulated AliCCP", low=0, high=2**63 - 1)

    dtype: str = option("float32", "precision of parameters and activations", choices=("float32", "float64"))
    backend: str = option("numpy", "where arrays lie: on the host (numpy) or on a GPU (cupy)", choices=NAMES)
    precision: str = option(
        "float32",
        "cupy: float32 products in full, or on tensor cores with 10 bits of each factor (tf32)",
        choices=PRECISIONS,
    )
    threads: int = option(0, "threads of Numba and BLAS; 0 = all cores", low=0)
    checkpoint_steps: int = option(500, "steps between checkpoints inside an epoch", low=1)
    compare_steps: int = option(
        300, "train a twin without the loss for this many steps, to show what the loss does; 0 = no twin", low=0
    )

    def __post_init__(self) -> None:
        for f in fields(self):
            given = getattr(self, f.name)
            if (value := plain(given)) is not given:
                object.__setattr__(self, f.name, value)
            check_value(f.name, f.type, value, f.metadata["option"])
        _check_loss(self)
        if self.precision == "tf32" and self.dtype != "float32":
            raise OptionError(
                lambda called: (
                    f"{called('precision')} tf32: is for products of float32, not of {called('dtype')} {self.dtype}"
                )
            )
        if self.dataset == "laboratory":
            _ = self.world  # whose dials must fit each other

    @property
    def world(self) -> World:
        """The world of the data set "laboratory", of the dials of this config."""
        return World(**{f.name: getattr(self, f.name) for f in fields(World)})

    @property
    def sizes(self) -> dict[str, Any]:
        """The keywords to build the model with: `MODELS[config.model].build(schema, **config.sizes)`."""
        return self.sizes_of(self.model)

    def sizes_of(self, model: str) -> dict[str, Any]:
        """The same for another system at the sizes of this config."""
        return {name: getattr(self, name) for name in MODELS[model].keywords()}

    @property
    def resolved_loss(self) -> str:
        """The loss that is trained with: `loss`, or the model's own where that is "auto"."""
        return MODELS[self.model].default_loss if self.loss == "auto" else self.loss

    @property
    def resolved_alpha(self) -> float:
        """The weight of the loss: `alpha`, or the loss's own where that is "auto" (`losses.strength`)."""
        if self.alpha == "auto":
            return default_alpha(self.resolved_loss, self.batch_size, **self.loss_options)
        return self.alpha

    @property
    def system(self) -> str:
        """The name of what is trained: of the row of Table 5 if it is one, else of the model."""
        loss = self.resolved_loss if self.alpha else "none"
        n_tables = 0 if self.n_tables == self.n_experts else self.n_tables  # either way one for each expert
        own = {"model": self.model, "gate": self.gate, "n_tables": n_tables, "loss": loss}
        return next((name for name, row in ABLATIONS.items() if row == own), self.model)

    @property
    def loss_options(self) -> dict[str, Any]:
        """The arguments of the loss."""
        options: dict[str, dict[str, Any]] = {
            "covariance": {"reduction": self.cov_reduction, "within": self.cov_within},
            "ole": {"form": self.ole_form},
        }
        return options.get(self.resolved_loss, {})

    def json(self) -> dict[str, Any]:
        """The config as a plain dict."""
        return asdict(self)

    @classmethod
    def from_json(cls, d: dict[str, Any]) -> "Config":
        """The inverse of `json`: every entry must be there, as a default of today is none of the run's.

        Entries of `SINCE` may be missing: a version that did not write them could do but one thing.
        """
        names, d = {f.name for f in fields(cls)}, SINCE | d
        for what, wrong in (("unknown", d.keys() - names), ("no", names - d.keys())):
            if wrong:
                entry = f"{what} entry {sorted(wrong)[0]!r:.80}"
                raise InputError(f"config: {entry}, so another version wrote it; train anew, or use that one")
        kept: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in d.items()}
        return cls(**kept)


_others = Config.__annotations__.keys() | Subject.__annotations__.keys() | Dials.__annotations__.keys()
if taken := {f.name for f in fields(Sizes)} & _others:
    raise TypeError(f"a system has the size {min(taken)}: find another name, a setting of all runs has this one")

# What differs from the defaults on a data set: one of several recipes of about equal validation AUC, see
# tutorials/reference/choices.md; for aliccp chosen on the simulated data.
RECIPES: dict[str, dict[str, Any]] = {
    "kuairand": {"batch_size": 512, "lr": 5e-4, "l2": 1e-5},
    "aliccp": {
        "n_experts": 3,
        "embedding_width": 8,
        "prior_width": 8,
        "embedding_std": 0.1,
        "lr": 2e-3,
        "l2": 1e-3,
        "patience": 2,
    },
    "laboratory": {
        "n_experts": 4,
        "embedding_width": 8,
        "prior_width": 8,
        "expert_sizes": (32,),
        "tower_sizes": (16,),
        "lr": 6e-3,
        "l2": 1e-3,
        "batch_size": 1024,
        "epochs": 25,
        "patience": 2,
        "min_count": 1,
    },
}


# Rows of Table 5 that are Crocodile with a part left out.
ABLATIONS: dict[str, dict[str, Any]] = {
    "me_pg": {"model": "crocodile", "gate": "scalar", "n_tables": 0, "loss": "none"},
    "me_peg": {"model": "crocodile", "gate": "element", "n_tables": 0, "loss": "none"},
    "me_pg_cov": {"model": "crocodile", "gate": "scalar", "n_tables": 0, "loss": "covariance"},
    "me": {"model": "me_mmoe"},
}


def named(name: str) -> tuple[str, dict[str, Any]]:
    """The system that a name stands for, its own or of a row of Table 5, and the sizes that the row is about."""
    row = ABLATIONS.get(name, {"model": name})
    return row["model"], {size: row[size] for size in MODELS[row["model"]].keywords() if size in row}


def _check_loss(c):
    """The loss and its options: do they go together, and does the model have what the loss pulls on?"""
    loss = c.resolved_loss
    users = {
        "cov_reduction": ("covariance",),
        "cov_within": ("covariance",),
        "ole_form": ("ole",),
        "cov_rows": tuple(name for name, loss in LOSSES.items() if loss.sampled),
    }
    changed = [f.name for f in fields(c) if f.name in users and getattr(c, f.name) != f.default]
    idle = [name for name in changed if loss not in users[name]]
    if idle:
        fits = " or ".join(users[idle[0]])
        raise OptionError(lambda called: f"{called(idle[0])}: goes with {called('loss')} {fits}, not with {loss}")
    says_nothing = loss != "none" and not LOSSES[loss].alone and not c.cov_within
    if c.alpha and c.loss != "auto" and says_nothing and c.sizes.get("n_experts", 2) < 2:
        raise OptionError(
            lambda called: (
                f"{called('loss')} {loss}: sets experts against each other; choose {called('n_experts')} 2 or more"
            )
        )
    if c.alpha and loss != "none" and (tap := LOSSES[loss].tap) not in MODELS[c.model].taps:
        others = ", ".join(model for model, system in MODELS.items() if tap in system.taps)
        raise OptionError(
            lambda called: (
                f"{called('loss')} {loss}: {c.model} has no {tap} for it to pull on; choose {called('model')} {others}"
            )
        )


MAY_CHANGE = ("epochs", "threads", "data_dir", "path", "backend", "precision")  # with --resume
SINCE = {"backend": "numpy", "precision": "float32"}  # settings that came later, and what all runs before them did


def lasting(config: dict[str, Any]) -> dict[str, Any]:
    """The entries of a config (`Config.json`) that stay the same for all of a run, wherever it goes on."""
    return {name: value for name, value in config.items() if name not in MAY_CHANGE}
