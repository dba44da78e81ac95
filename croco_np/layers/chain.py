"""Layers one after the other."""


class Chain:
    """Forward through `self.layers` in order, backward through them in reverse; params are keyed "0", "1", ...

    The chain rule in two loops. A subclass says which layers.
    """

    layers: tuple

    def init(self, rng):
        return {str(i): layer.init(rng) for i, layer in enumerate(self.layers)}

    def forward(self, p, x):
        caches = []
        for i, layer in enumerate(self.layers):
            x, cache = layer.forward(p[str(i)], x)
            caches.append(cache)
        return x, caches

    def backward(self, caches, dy):
        grads = {}
        for i in reversed(range(len(caches))):
            dy, grads[str(i)] = self.layers[i].backward(caches[i], dy)
        return dy, dict(reversed(grads.items()))
