"""Layers one after the other."""

from typing import Any

import numpy as np

from ..tree import in_row


class Chain:
    """Forward through `self.layers` in order, backward through them in reverse; params are a list, one entry a layer.

    The chain rule in two loops. A subclass says which layers.
    """

    @property
    def layers(self) -> tuple:
        """The layers, from the first to the last."""
        raise NotImplementedError(f"{type(self).__name__} has no layers")

    def init(self, rng: np.random.Generator) -> list[dict]:
        return [layer.init(rng) for layer in self.layers]

    def forward(self, p: list[dict], x: np.ndarray) -> tuple[np.ndarray, list]:
        caches = []
        for layer, own in zip(self.layers, in_row(p, len(self.layers)), strict=True):
            x, cache = layer.forward(own, x)
            caches.append(cache)
        return x, caches

    def backward(self, caches: list[Any], dy: np.ndarray) -> tuple[np.ndarray, list[dict]]:
        grads = []
        for layer, cache in zip(reversed(self.layers), reversed(caches), strict=True):
            dy, own = layer.backward(cache, dy)
            grads.append(own)
        return dy, grads[::-1]
