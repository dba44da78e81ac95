"""Planted bugs that a comparison of numbers does not see: NaN, spoiled arguments, second answers, gradients of a form
that is nobody's. Most of them leave the gradient right at the one point that is measured."""

from dataclasses import dataclass

import numpy as np

from croco_np.gradcheck.cases import DOMAINS, N_EXPERTS, N_ROWS
from croco_np.layers import Embeddings, Linear, PerDomain, Tower
from croco_np.layers.mlp import Dense
from croco_np.tree import RowGrad, tree_map

from .planted import broken, bug, drawn

PROTOCOL = ("protocol",)


class Own(np.ndarray):
    """An array that may calculate by rules of its own."""


@dataclass(frozen=True)
class Scale:
    """y = x * factor: the gradients are as large as the factors."""

    factor: tuple[float, ...]

    def forward(self, p, x):
        return x * np.array(self.factor), None

    def backward(self, c, dy):
        return dy * np.array(self.factor), {}


@dataclass(frozen=True)
class Centre:
    """y = x - m with m a running mean, tracked and not trained."""

    width: int

    def init(self, rng):
        return {"m": np.zeros(self.width)}

    def forward(self, p, x):
        return x - p["m"], (p["m"], x.real.mean(axis=0))

    def backward(self, c, dy):
        return dy, {}

    def tracked(self, c):
        m, mean = c
        return {"m": m + 0.1 * (mean - m)}


def linear(rng, backward=None, forward=None, layer=None):
    layer = layer or Linear(5, 3)
    return layer, broken(layer, backward, forward), (drawn(rng, N_ROWS, 5),)


def changed_gradient(change, leaf="W"):
    """A backward whose gradient of one leaf is changed on its way out."""

    def backward(layer, c, dy):
        dx, grads = layer.backward(c, dy)
        return (change(dx), grads) if leaf == "input 0" else (dx, grads | {leaf: change(grads[leaf])})

    return backward


def with_entry(value, at=(1, 2)):
    def change(g):
        g = g.copy()
        g[at] = value
        return g

    return change


@bug("NaN in every gradient", hint="gradient is NaN at [0, 0]")
def _(rng):
    def backward(layer, c, dy):
        dx, grads = layer.backward(c, dy)
        return dx * np.nan, tree_map(lambda g: g * np.nan, grads)

    return linear(rng, backward)


@bug("NaN in one entry", hint="gradient is NaN at [1, 2]")
def _(rng):
    return linear(rng, changed_gradient(with_entry(np.nan)))


@bug("infinities of both signs", hint="gradient is infinite at [0, 0]")
def _(rng):
    return linear(rng, changed_gradient(lambda dx: np.where(dx > 0, np.inf, -np.inf), "input 0"))


@bug("NaN in the forward", hint="forward returns an output that is NaN at [1, 2]", found=PROTOCOL)
def _(rng):
    def forward(layer, p, x):
        y, c = layer.forward(p, x)
        y[1, 2] = np.nan
        return y, c

    return linear(rng, forward=forward)


@bug("ReLU as 0 and 1 over doutput", hint="backward writes into doutput", found=PROTOCOL)
def _(rng):
    def backward(layer, c, dy):
        dy[...] = c.y > 0
        return dy @ c.p["W"].T, {"W": c.x.T @ dy, "b": dy.sum(axis=0)}

    return linear(rng, backward, layer=Dense(5, 3))


@bug("doutput doubled in place", hint="backward writes into doutput", found=PROTOCOL)
def _(rng):
    def backward(layer, c, dy):
        dy *= 2
        return layer.backward(c, dy)

    return linear(rng, backward)


@bug("doutput used up after use", hint="backward writes into doutput", found=PROTOCOL)
def _(rng):
    def backward(layer, c, dy):
        returned = layer.backward(c, dy)
        dy *= 0
        return returned

    return linear(rng, backward)


@bug("weights updated on the way back", hint="backward writes into parameter W", found=PROTOCOL)
def _(rng):
    def backward(layer, c, dy):
        dx, grads = layer.backward(c, dy)
        c.p["W"][...] -= 0.1 * grads["W"]
        return dx, grads

    return linear(rng, backward)


@bug("cached activations overwritten", hint="backward writes into its cache (y)", found=PROTOCOL)
def _(rng):
    def backward(layer, c, dy):
        returned = layer.backward(c, dy)
        c.y[...] = 0
        return returned

    return linear(rng, backward, layer=Dense(5, 3))


@bug("gradients added up over calls", hint="backward called twice")
def _(rng):
    total = np.zeros((5, 3))

    def backward(layer, c, dy):
        nonlocal total
        dx, grads = layer.backward(c, dy)
        total = total + grads["W"]
        return dx, grads | {"W": total}

    return linear(rng, backward)


@bug("one buffer for all gradients of W", hint="the next call overwrites this gradient")
def _(rng):
    buffer = np.empty((5, 3))

    def backward(layer, c, dy):
        dx, grads = layer.backward(c, dy)
        buffer[...] = grads["W"]
        return dx, grads | {"W": buffer}

    return linear(rng, backward)


@bug("backward reads what the last forward left", hint="reads what another call left behind")
def _(rng):
    left = []

    def forward(layer, p, x):
        y, c = layer.forward(p, x)
        left[:] = [c]
        return y, c

    return linear(rng, lambda layer, c, dy: layer.backward(left[0], dy), forward)


@bug("input normalised in place", hint="forward writes into input 0", found=PROTOCOL)
def _(rng):
    def forward(layer, p, x):
        x -= x.mean(axis=0)
        return layer.forward(p, x)

    return linear(rng, forward=forward)


@bug("weights normalised in place", hint="forward writes into parameter W", found=PROTOCOL)
def _(rng):
    def forward(layer, p, x):
        p["W"] = p["W"] / np.sqrt((p["W"] ** 2).sum())
        return layer.forward(p, x)

    return linear(rng, forward=forward)


@bug("dropout draws a fresh mask", hint="forward is no function of its arguments", found=PROTOCOL)
def _(rng):
    masks = np.random.default_rng(0)
    return linear(rng, forward=lambda layer, p, x: layer.forward(p, x * (masks.random(x.shape) < 0.5)))


@bug("moments moved in forward", hint="forward is no function of its arguments", found=PROTOCOL)
def _(rng):
    mean = np.zeros(5)

    def forward(layer, p, x):
        nonlocal mean
        mean = 0.9 * mean + 0.1 * x.real.mean(axis=0)
        return layer.forward(p, x - mean)

    return linear(rng, forward=forward)


@bug("one buffer for all outputs", hint="its next call overwrites the output of the first", found=PROTOCOL)
def _(rng):
    buffers = {}

    def forward(layer, p, x):
        y, c = layer.forward(p, x)
        buffer = buffers.setdefault(y.dtype, np.empty_like(y))
        buffer[...] = y
        return buffer, c

    return linear(rng, forward=forward)


def clipped(size):
    return lambda layer, c, dy: layer.backward(c, np.clip(dy, -size, size))


@bug("gradient clipped where it is large", hint="it is clipped")
def _(rng):
    return linear(rng, clipped(0.5))


@bug("gradient clipped where it is very large", hint="not linear in doutput")
def _(rng):
    return linear(rng, clipped(1e6))


@bug("gradient clipped by its norm", hint="not linear in doutput")
def _(rng):
    return linear(rng, changed_gradient(lambda g: g / max(1.0, np.linalg.norm(g) / 1e4)))


@bug("small gradients flushed to 0", hint="not linear in doutput")
def _(rng):
    return linear(rng, lambda layer, c, dy: layer.backward(c, np.where(np.abs(dy) < 1e-8, 0, dy)))


@bug("the sign of doutput for doutput", hint="the sign of doutput and not its size")
def _(rng):
    return linear(rng, lambda layer, c, dy: layer.backward(c, np.sign(dy)))


@bug("a weight decay too small to be measured", hint="not linear in doutput")
def _(rng):
    def backward(layer, c, dy):
        dx, grads = layer.backward(c, dy)
        return dx, grads | {"W": grads["W"] + 1e-14 * c.p["W"]}

    return linear(rng, backward)


@bug("large entries hide small ones", hint="wrong at entries more than 10000 times smaller", found=("complex step",))
def _(rng):
    layer = Scale((1e13, 1.0, -2.0, 3.0))
    return layer, broken(layer, lambda layer, c, dy: (dy * [1e13, 2.0, -4.0, 6.0], {})), (drawn(rng, N_ROWS, 4),)


@bug("large entries hide lost ones", hint="wrong at entries more than 10000 times smaller", found=("complex step",))
def _(rng):
    layer = Scale((1e13, 1.0, -2.0, 3.0))
    return layer, broken(layer, lambda layer, c, dy: (dy * [1e13, 0, 0, 0], {})), (drawn(rng, N_ROWS, 4),)


@bug("a factor of 2 at 1e200", hint="2 times the right value")
def _(rng):
    layer = Scale((1e200, 2e200))
    return layer, broken(layer, lambda layer, c, dy: (dy * [2e200, 4e200], {})), (drawn(rng, N_ROWS, 2),)


FORMS = {  # what becomes of a gradient -> what is said of it
    "float32": (lambda g: g.astype(np.float32), "gradient is float32"),
    "integers": (lambda g: g.astype(int), "gradient is int64"),
    "complex": (lambda g: g + 0j, "gradient is complex128"),
    "objects": (lambda g: g.astype(object), "gradient is object"),
    "a list": (lambda g: g.tolist(), "gradient is of type list"),
    "a masked array": (lambda g: np.ma.masked_array(g, g < 0), "gradient is of type MaskedArray"),
    "an array of another class": (lambda g: g.view(Own), "gradient is of type Own"),
    "None": (lambda g: None, "no gradient for it"),
    "a number": (lambda g: g.sum(), "gradient has shape ()"),
    "one row for all": (lambda g: g[:1], "gradient has shape (1, 3)"),
    "a branch": (lambda g: {"W": g}, "a gradient for a parameter that does not exist"),
}
for form, (change, told) in FORMS.items():
    bug(f"the gradient is {form}", hint=told, found=("complex step",))(
        lambda rng, change=change: linear(rng, changed_gradient(change))
    )


TRACKED = {  # what becomes of {path: tracked value} -> what is said of it
    "of another shape": (lambda values: {"m": values["m"].mean()}, "tracked value has shape ()"),
    "that is NaN": (lambda values: {"m": values["m"] * np.nan}, "tracked value is NaN"),
    "in float32": (lambda values: {"m": values["m"].astype(np.float32)}, "tracked value is float32"),
    "under another name": (lambda values: {"mean": values["m"]}, "no gradient for it"),
    "too many": (lambda values: values | {"v": values["m"]}, "a tracked value for a parameter that does not exist"),
}
for form, (change, told) in TRACKED.items():
    bug(f"a tracked value {form}", hint=told, found=("complex step",))(
        lambda rng, change=change: centre(rng, tracked=lambda layer, c: change(layer.tracked(c)))
    )


def centre(rng, **methods):
    layer = Centre(5)
    return layer, broken(layer, **methods), (drawn(rng, N_ROWS, 5),)


@bug("a gradient for a tracked value", hint="tracked, not trained, and yet", found=("complex step",))
def _(rng):
    return centre(rng, backward=lambda layer, c, dy: (dy, {"m": -dy.sum(axis=0)}))


@bug("tracked moves the mean itself", hint="tracked writes into parameter m", found=PROTOCOL)
def _(rng):
    def tracked(layer, c):
        m, mean = c
        m += 0.1 * (mean - m)
        return {"m": m.copy()}

    return centre(rng, tracked=tracked)


@bug("tracked writes into its cache", hint="tracked writes into its cache", found=PROTOCOL)
def _(rng):
    def tracked(layer, c):
        m, mean = c
        mean -= m
        return {"m": m + 0.1 * mean}

    return centre(rng, tracked=tracked)


def copies(rng, change):
    layer = PerDomain(Linear(5, 3), 4)

    def backward(layer, c, dy):
        dx, grads = layer.backward(c, dy)
        return dx, change(grads)

    return layer, broken(layer, backward), (DOMAINS, drawn(rng, N_ROWS, 5))


@bug("gradients of copies, one too many", hint="a list of 5, and must be one of 4", found=("complex step",))
def _(rng):
    return copies(rng, lambda grads: [*grads, {}])


@bug("gradients of copies, one too few", hint="no gradient for it", found=("complex step",))
def _(rng):
    return copies(rng, lambda grads: grads[:3])


@bug("a dict of gradients in the place of a list", hint="are a dict, and must be a list", found=("complex step",))
def _(rng):
    def backward(layer, c, dy):
        dh, grads = layer.backward(c, dy)
        return dh, grads | {"hidden": {str(i): own for i, own in enumerate(grads["hidden"])}}

    layer = Tower((5, 4))
    return layer, broken(layer, backward), (drawn(rng, N_ROWS, 5),)


@bug("a gradient for ids", hint="a gradient too many", found=("complex step",))
def _(rng):
    return linear(rng, changed_gradient(lambda dx: (dx, dx), "input 0"))


@bug("dots for branches", hint="a gradient for a parameter that does not exist", found=("complex step",))
def _(rng):
    layer = Branch(Linear(5, 3))
    wrong = broken(layer, lambda layer, c, dy: (layer.backward(c, dy)[0], {"a.W": layer.backward(c, dy)[1]["a"]["W"]}))
    return layer, wrong, (drawn(rng, N_ROWS, 5),)


@dataclass(frozen=True)
class Branch:
    """A linear layer a level down in the tree of parameters."""

    layer: Linear

    def init(self, rng):
        return {"a": self.layer.init(rng)}

    def forward(self, p, x):
        return self.layer.forward(p["a"], x)

    def backward(self, c, dy):
        dx, grads = self.layer.backward(c, dy)
        return dx, {"a": grads}


ROWS = {  # what becomes of (rows, values) -> what is said of it
    "a row twice": (
        lambda r, v: (np.r_[r[:1], r], np.r_[v[:1] / 2, v[:1] / 2, v[1:]]),
        "more than once: add up what belongs to one row",
    ),
    "descending": (lambda r, v: (r[::-1], v[::-1]), "not in ascending order"),
    "a row too far": (lambda r, v: (r + 12, v), "and the leaf has rows 0 to 11"),
    "counted from the end": (lambda r, v: (r - 12, v), "and the leaf has rows 0 to 11"),
    "floats for rows": (lambda r, v: (r.astype(float), v), "rows of the RowGrad must be integers"),
    "a mask for rows": (lambda r, v: (np.ones(len(r), bool), v), "rows of the RowGrad must be integers"),
    "a list of rows": (lambda r, v: (r.tolist(), v), "rows of the RowGrad are of type list"),
    "one value for all": (lambda r, v: (r, v[:1]), "values of the RowGrad have shape (1, "),
    "values of half the width": (lambda r, v: (r, v[..., :1]), "values of the RowGrad have shape"),
    "values in float32": (lambda r, v: (r, v.astype(np.float32)), "values of the RowGrad are float32"),
    "NaN in one value": (lambda r, v: (r, np.where(np.arange(v.size).reshape(v.shape) == 1, np.nan, v)), "is NaN at"),
}
for form, (change, told) in ROWS.items():

    def plant(rng, change=change):
        def backward(layer, c, dx):
            _, grads = layer.backward(c, dx)
            return None, {"table": RowGrad(*change(*grads["table"]))}

        layer = Embeddings((8, 4), N_EXPERTS, 3, std=1.0)
        ids = np.stack([rng.integers(0, 8, N_ROWS), rng.integers(0, 4, N_ROWS)], axis=1)
        return layer, broken(layer, backward), (ids,)

    bug(f"RowGrad: {form}", hint=told)(plant)
