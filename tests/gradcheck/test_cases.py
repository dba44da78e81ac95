"""The checker finds nothing wrong in the package: every layer, every loss, every system with its variants and twins.

A system is checked at its taps under random cotangents in every variant and twin, for there a variant differs from
another. The objective sees the taps alone and knows no variant (`Objective`), so it is checked above the first form of
each system, and with other losses and sampled rows above Crocodile's element-wise gates and MMoE's scalar ones. The
command without flags repeats all of them above every variant; `.ci/run` calls it.
"""

import pytest

from croco_np.gradcheck import __main__ as command
from croco_np.gradcheck.cases import layer_cases, loss_cases, model_cases
from croco_np.gradcheck.report import passed, report
from croco_np.kernels.twin import using
from croco_np.losses import LOSSES
from croco_np.models import MODELS

LAYERS = layer_cases()
LOSS_CASES = {name: draw for loss in ("bce", *LOSSES) for name, draw in loss_cases(loss).items()}
ALL_OBJECTIVES = ("crocodile", "mmoe")


def chosen(system):
    """The cases of a system that this file runs: see above."""
    cases = model_cases(system)
    above = f"{next(iter(cases))}, objective"
    return {
        name: draw
        for name, draw in cases.items()
        if "objective" not in name or name == above or (name.startswith(above) and system in ALL_OBJECTIVES)
    }


def test_the_command_checks_everything(monkeypatch, capsys):
    ran = []
    monkeypatch.setattr(command, "run", lambda cases, *_: ran.extend(cases) or [])
    monkeypatch.setattr(command, "stop_checks", lambda name, *_: ran.append(f"stops of {name}") or [])
    assert command.main([]) == 0
    expected = [*LAYERS, *LOSS_CASES, *(case for name in MODELS for case in model_cases(name))]
    assert ran == [*expected, *(f"stops of {name}" for name in MODELS)]
    assert "0 checks, 0 failed" in capsys.readouterr().out


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer(name):
    nothing_is_wrong({name: LAYERS[name]})


@pytest.mark.parametrize("name", LOSS_CASES)
def test_a_loss(name):
    nothing_is_wrong({name: LOSS_CASES[name]})


@pytest.mark.parametrize("name", MODELS)
def test_a_system(name):
    nothing_is_wrong(chosen(name))


def nothing_is_wrong(cases):
    """On the definitions: complex steps run them in any case."""
    with using("numpy"):
        checks = command.run(cases, seed=0)
    assert checks
    assert all(map(passed, checks)), report(checks)
