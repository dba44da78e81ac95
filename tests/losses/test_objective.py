"""The objective with any loss: which models it goes with, and what it hands to whom."""

import numpy as np
import pytest

from croco_np.config import Config
from croco_np.config.flags import parse
from croco_np.errors import InputError, in_flags
from croco_np.gradcheck.cases import SIZES, at_blackboard, draw_batch
from croco_np.losses import LOSSES, default_alpha
from croco_np.models import MODELS
from croco_np.objective import Objective


def run(model="crocodile", **objective):
    """The output of a small model, and what the objective makes of it."""
    rng = np.random.default_rng(0)
    built, batch = at_blackboard(model), draw_batch(rng)
    out, _ = built.forward(built.init(rng), batch)
    objective = Objective(**objective)
    return out, *objective(out, batch, np.random.default_rng(1), objective.init(np.random.default_rng(2), out))


@pytest.mark.parametrize("model", MODELS)
def test_models_have_the_taps_they_claim(model):
    out, *_ = run(model)
    assert MODELS[model].taps == tuple(tap for tap in ("experts", "gates") if getattr(out, tap) is not None)


@pytest.mark.parametrize("loss", LOSSES)
def test_a_loss_pulls_on_its_tap_with_weight_alpha(loss):
    own = (
        LOSSES[loss].init(np.random.default_rng(2), SIZES["n_experts"], SIZES["expert_sizes"][-1])
        if LOSSES[loss].init
        else {}
    )
    out, parts, d, dparams = run(alpha=0.1, loss=loss)
    value, dtap, *down = LOSSES[loss].loss(getattr(out, LOSSES[loss].tap), **own)
    assert parts["cov"] == value
    assert parts["total"] == parts["bce"] + 0.1 * value
    for tap in ("experts", "gates"):
        pull = getattr(d, tap)
        assert (pull is None) == (tap != LOSSES[loss].tap)
        assert pull is None or np.array_equal(pull, 0.1 * dtap)
    assert dparams.keys() == own.keys()
    assert all(np.array_equal(g, 0.1 * h) for g, h in zip(dparams.values(), down, strict=True))


@pytest.mark.parametrize(
    "objective", [{"alpha": 0.0}, {"alpha": 0.1, "loss": "none"}, {"alpha": 0.0, "loss": "trans5"}]
)
def test_without_a_loss(objective):
    _, parts, d, dparams = run(**objective)
    assert (parts["cov"], parts["total"], dparams) == (0.0, parts["bce"], {})
    assert d.experts is d.gates is None


def test_a_model_without_the_tap_is_trained_without_the_loss():
    _, parts, d, _ = run("shared_bottom", alpha=0.1)
    assert parts["total"] == parts["bce"]
    assert d.experts is None


@pytest.mark.parametrize("loss", [name for name, loss in LOSSES.items() if loss.sampled])
def test_sampled_rows(loss):
    _, _, d, _ = run(alpha=0.1, loss=loss, rows=5)
    assert (d.experts != 0).any(axis=(1, 2)).sum() == 5


def test_options_reach_the_loss():
    out, parts, *_ = run(alpha=1.0, loss="ole", options={"form": "nuclear"})
    assert parts["cov"] == LOSSES["ole"].loss(out.experts, form="nuclear")[0]
    config = Config(dataset="kuairand", loss="ole", ole_form="nuclear")
    assert config.loss_options == {"form": "nuclear"}


def config(*flags):
    return parse(["--dataset", "kuairand", *flags], "train", "")[0]


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (
            ["--loss", "covariance", "--model", "shared_bottom"],
            ("--loss covariance", "no experts", "mmoe", "crocodile"),
        ),
        (["--loss", "importance", "--model", "hinet"], ("--loss importance", "no gates", "me_ple")),
        (["--loss", "trans5", "--n-experts", "1"], ("--loss trans5", "against each other", "--n-experts 2")),
        (["--loss", "importance", "--n-experts", "1"], ("--loss importance", "against each other", "--n-experts 2")),
        (["--loss", "dot", "--alpha", "-1"], ("--alpha -1", "at least 0")),
        (["--loss", "dot", "--alpha", "atuo"], ("--alpha atuo", "a number or auto")),
        (["--loss", "cosin"], ("did you mean cosine",)),
        (["--loss", "dot", "--cov-within"], ("--cov-within", "--loss covariance", "dot")),
        (["--loss", "dot", "--cov-reduction", "mean"], ("--cov-reduction", "--loss covariance")),
        (["--loss", "dot", "--cov-rows", "8"], ("--cov-rows", "covariance or distance_correlation")),
        (["--ole-form", "nuclear"], ("--ole-form", "--loss ole")),
        (["--model", "star", "--cov-reduction", "mean"], ("--cov-reduction", "--loss covariance")),
    ],
)
def test_flags_that_do_not_go_together(flags, words):
    with pytest.raises(InputError) as error:
        config(*flags)
    for word in words:
        assert word in in_flags(error.value)


def test_flags_that_go_together():
    assert config().resolved_loss == "covariance"
    assert config("--loss", "distance_correlation", "--cov-rows", "8").cov_rows == 8
    assert config("--loss", "importance", "--model", "ple").loss == "importance"
    assert config("--loss", "covariance", "--cov-within").loss_options == {"reduction": "sum", "within": True}
    assert config("--loss", "covariance", "--cov-within", "--n-experts", "1").n_experts == 1
    assert config("--loss", "vicreg", "--n-experts", "1").n_experts == 1
    assert config("--n-experts", "1").resolved_loss == "covariance"  # by default, and 0


@pytest.mark.parametrize(
    ("flags", "alpha"),
    [
        ([], 2e-3),
        (["--batch-size", "1024"], 1e-3),
        (["--alpha", "auto"], 2e-3),
        (["--alpha", "0.5"], 0.5),
        (["--alpha", "0"], 0.0),
        (["--model", "mmoe"], 0.0),
        (["--cov-reduction", "mean"], 1.024),
        (["--loss", "cosine"], 0.25),
        (["--loss", "cosine", "--batch-size", "64"], 0.25),
        (["--loss", "ole"], 20.0),
        (["--loss", "ole", "--ole-form", "nuclear"], 0.48),
    ],
)
def test_the_weight_of_a_loss_is_its_own_by_default(flags, alpha):
    assert config(*flags).resolved_alpha == alpha


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_has_a_weight(loss):
    assert default_alpha(loss, 512) > 0
    assert default_alpha("none", 512) == 0


@pytest.mark.parametrize("model", MODELS)
def test_covloss_is_crocodiles_by_default_and_nobody_elses(model):
    assert config("--model", model).resolved_loss == ("covariance" if model == "crocodile" else "none")


@pytest.mark.parametrize(
    ("row", "gate", "loss"),
    [("me_pg", "scalar", "none"), ("me_peg", "element", "none"), ("me_pg_cov", "scalar", "covariance")],
)
def test_rows_of_table_5_are_names(row, gate, loss):
    c = config("--model", row)
    assert (c.model, c.gate, c.resolved_loss, c.system) == ("crocodile", gate, loss, row)
    assert config("--gate", gate, "--loss", loss).system == row
    with pytest.raises(InputError, match="means --gate"):
        config("--model", row, "--gate", "element" if gate == "scalar" else "scalar")


def test_wrong_losses_are_named():
    with pytest.raises(ValueError, match=r"loss 'vicrag': choose one of none, .*did you mean vicreg\?"):
        Objective(alpha=1e-3, loss="vicrag")
