"""What happens inside a model in one training step: which layer was called with which arrays, upwards and downwards.

Layers own no arrays and models call them by name, so a model whose layers are replaced by listening ones computes the
same and tells which arrays went where. Who reads what is found from the arrays themselves: two that share memory are
the same value.
"""

from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any, NamedTuple

import numpy as np

from ...tree import RowGrad


class Call(NamedTuple):
    """One call of a layer: its name in the model, the arrays it took and gave, and, backward, the leaves' gradients."""

    name: str
    layer: Any
    took: tuple[np.ndarray, ...]
    gave: tuple[np.ndarray, ...]
    grads: Any = None


class Listening:
    """A layer that notes each call, forward and backward, and otherwise is the layer."""

    def __init__(self, name: str, layer: Any, forward: list[Call], backward: list[Call]) -> None:
        self._name, self._layer, self._forward, self._backward = name, layer, forward, backward

    def forward(self, p: Any, *inputs: Any) -> tuple:
        output, cache = self._layer.forward(p, *inputs)
        self._forward.append(Call(self._name, self._layer, tuple(arrays(inputs)), tuple(arrays(output))))
        return output, cache

    def backward(self, c: Any, d: Any) -> tuple:
        dinputs, grads = self._layer.backward(c, d)
        gave = tuple(arrays(dinputs)) or tuple(arrays(grads))  # of ids there is no gradient: then that of the table
        self._backward.append(Call(self._name, self._layer, tuple(arrays(d)), gave, grads))
        return dinputs, grads

    def __getattr__(self, name: str) -> Any:
        return getattr(self._layer, name)


def arrays(thing: Any) -> Iterator[np.ndarray]:
    """The arrays of floats and ids in nested tuples, lists and dicts; of a `RowGrad`, the values."""
    if isinstance(thing, np.ndarray):
        yield thing
    elif isinstance(thing, RowGrad):
        yield thing.values
    elif isinstance(thing, dict):
        yield from arrays(tuple(thing.values()))
    elif isinstance(thing, (tuple, list)):
        for part in thing:
            yield from arrays(part)


def listening(model: Any) -> tuple[Any, list[Call], list[Call]]:
    """The model with layers that note their calls, and the two lists, forward and backward, that they will fill."""
    forward: list[Call] = []
    backward: list[Call] = []
    layers = {f.name: getattr(model, f.name) for f in fields(model)}
    heard = {
        name: Listening(name, layer, forward, backward)
        for name, layer in layers.items()
        if hasattr(layer, "forward") and hasattr(layer, "backward")
    }
    return replace(model, **heard), forward, backward


def reads(calls: list[Call]) -> dict[str, list[str]]:
    """{name of a layer: names of the layers whose outputs it reads}, from the forward calls, in their order."""
    found: dict[str, list[str]] = {}
    for i, call in enumerate(calls):
        found[call.name] = sources(call.took, calls[:i])
    return found


def sources(taken: Any, calls: list[Call]) -> list[str]:
    """The layers that gave these arrays."""
    names = [
        before.name
        for array in arrays(taken)
        for before in calls
        if any(np.shares_memory(array, given) for given in before.gave)
    ]
    return list(dict.fromkeys(names))
