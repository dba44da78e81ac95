"""The gradient checker on the stand-in: right layers pass there, wrong ones are found, whatever they break."""

import sys
from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest

from croco_np import backend
from croco_np.gradcheck import OnDevice, assert_ok, check
from croco_np.gradcheck import __main__ as command
from croco_np.gradcheck.cases import layer_cases, loss_cases, model_cases
from croco_np.layers import Linear

LAYERS = ("Embeddings", "ElementGate (PEG)", "PartitionedNorm")


def test_layers_losses_and_a_model_pass(gpu):
    cases = {name: draw for name, draw in layer_cases().items() if name in LAYERS}
    cases |= {"covariance": loss_cases("covariance")["covariance"]}
    cases |= {"shared_bottom, objective": model_cases("shared_bottom")["shared_bottom, objective"]}
    assert len(cases) == len(LAYERS) + 2
    found = command.run(cases, 0, OnDevice)
    assert_ok(found)
    assert {c.name.partition(":")[0] for c in found} == cases.keys()


@dataclass(frozen=True)
class Wrong(Linear):
    """A linear layer with one mistake."""

    mistake: str = ""

    def forward(self, p, x):
        y, cache = super().forward(p, x)
        if self.mistake == "writes into W":
            p["W"] *= 2
        return y, cache

    def backward(self, cache, dy):
        dx, grads = super().backward(cache, dy)
        if self.mistake == "writes into dy":
            dy *= 2
        if self.mistake == "writes into the cache":
            cache.x[...] = 0
        return dx, grads | {"b": grads["b"] / 2} if self.mistake == "half of db" else grads


@pytest.mark.parametrize(
    ("mistake", "place", "said"),
    [
        ("half of db", "b", "0.5 times the right value"),
        ("writes into W", "W", "forward writes into parameter W"),
        ("writes into dy", "doutput", "backward writes into doutput"),
        ("writes into the cache", "cache", "backward writes into its cache"),
    ],
)
def test_a_planted_mistake_is_found(mistake, place, said, gpu):
    layer, rng = Wrong(3, 2, mistake=mistake), np.random.default_rng(0)
    params, x = layer.init(rng), rng.standard_normal((4, 3))
    before = params["W"].copy()
    found = [c for c in check(OnDevice(layer), params, (x,), rng, name="linear") if not c.ok]
    assert {c.name for c in found} == {f"linear: {place}"}
    assert said in found[0].hint
    assert np.array_equal(params["W"], before)
    assert_ok(check(OnDevice(Linear(3, 2)), params, (x,), rng))


def test_the_command_says_where_it_was(gpu, capsys):
    assert command.main(["--backend", "cupy", "--loss", "bce"]) == 0
    assert "by cupy on stand-in for a GPU" in capsys.readouterr().out


def test_stops_are_checked_there(gpu, monkeypatch):
    from croco_np.gradcheck.stops import stop_checks

    brought = []
    monkeypatch.setattr(gpu, "bring", lambda a, bring=gpu.bring: brought.append(a.shape) or bring(a))
    assert_ok(stop_checks("stem", 0, [{}], partial(OnDevice, gpu=gpu)))
    assert brought


def test_without_a_gpu_it_is_one_line(monkeypatch, capsys):
    monkeypatch.delenv(backend.CHOSEN, raising=False)
    monkeypatch.setattr(backend, "_loaded", {})
    monkeypatch.setitem(sys.modules, "cupy", None)
    assert command.main(["--backend", "cupy"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        f"error: --backend cupy needs CuPy, which is not installed: {backend.EXTRA}; --backend numpy runs without a GPU"
    ]
