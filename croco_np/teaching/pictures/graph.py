"""A model as a graph of its layers, drawn from the model itself: shapes, parameters, and the numbers of one step."""

import html
import inspect
from collections.abc import Collection
from typing import Any

import numpy as np

from ...gradcheck.forms import leaves as checked
from ...objective import Objective
from ...tree import RowGrad, Tree, flatten
from ..source import show
from .boxes import BOX, Node, graph
from .scene import Control, Scene
from .steps import Step, told
from .svg import WIDTH
from .trace import Call, listening, reads, sources


def training_graph(
    model: Any,
    objective: Objective,
    params: Any,
    batch: Any,
    *,
    here: Collection[str] = (),
    steps: bool = True,
    wrong: Collection[str] = (),
) -> Scene:
    """The graph of a model under its objective (Fig. 3, Eq. 7), which steps forward and backward through one batch.

    here   names of layers that are marked as the place where the reader is
    steps  whether it steps; a still, if not
    wrong  leaves (paths in the tree of parameters) that a gradient check found wrong: they and their boxes are red
    """
    heard, forward, backward = listening(model)
    output, cache = heard.forward(params, batch)
    parts, d, _ = objective(output, batch, np.random.default_rng(0))
    pulls = {
        name: np.asarray(dtap)
        for tap, dtap in zip(output, d, strict=True)
        if dtap is not None
        for name in sources([tap], forward)
    }
    grads = heard.backward(cache, d) if steps else {}  # a broken backward, whose graph is a still, may stop
    kinds = {c.name: type(c.layer).__name__ for c in forward} | {"loss": "Objective"}
    copies = {c.name: _copies(c) for c in forward}
    nodes = placed(reads(forward) | {"loss": list(pulls)}, kinds, params, copies)
    every = told(forward, backward, objective, parts, pulls) if steps else []
    layers = {c.name: c.layer for c in forward} | {"loss": objective}
    texts = {} if wrong else {name: _text(name, layer, params, grads) for name, layer in layers.items()}
    return _scene(nodes, every, here, wrong, texts)


def leaf_graph(layer: Any, params: Tree, inputs: tuple, *, wrong: Collection[str] = ()) -> Scene:
    """One layer as a graph: a box with its parameters, below it one for each array of floats that it takes.

    Inputs are counted as a gradient check counts them: ids and slices have no gradient and no number.
    """
    given = [f"input {i}" for i in range(sum(kind == "input" for kind, _ in checked({}, inputs)))]
    kind = next(c.__name__ for c in type(layer).__mro__ if c.__module__.startswith("croco_np") or c is object)
    into: dict[str, list[str]] = {name: [] for name in given} | {"layer": given}
    name = type(layer).__name__
    nodes = placed(into, dict.fromkeys(given, "") | {"layer": "" if kind == "object" else kind}, {}, {})
    own = [node._replace(name=name, leaves=_shapes(params)) if node.name == "layer" else node for node in nodes]
    marked = [node._replace(leaves={node.name: ""}) if node.name in given else node for node in own]
    return _scene(marked, [], (), wrong, {})


def placed(
    into: dict[str, list[str]], kinds: dict[str, str], params: dict, copies: dict[str, tuple[str, int]]
) -> list[Node]:
    """The boxes: each a floor above all that it reads, above the middle of them; those that read none, side by side."""
    bottom = [name for name, below in into.items() if not below]
    nodes: dict[str, Node] = {}
    for name, below in into.items():
        if below:
            x = sum(nodes[b].x for b in below) / len(below)
            floor = 1 + max(nodes[b].floor for b in below)
        else:
            x, floor = WIDTH * (bottom.index(name) + 0.5) / len(bottom), 0
        x = max(x, *(n.x + BOX + 8 for n in nodes.values() if n.floor == floor), 0) if below else x
        leaves = _shapes({name: params[name]}) if name in params else {}
        nodes[name] = Node(name, kinds[name], below, leaves, x, floor, copies.get(name, ("", 1)))
    return list(nodes.values())


def _shapes(tree):
    return {path: str(leaf.shape) for path, leaf in flatten(tree).items()}


def _copies(call: Call) -> tuple[str, int]:
    """How many experts (or tables, one for each) or domains there are in a layer."""
    if domains := getattr(call.layer, "n_domains", 0):
        return "domain", domains
    first = call.gave[0]
    return ("expert", first.shape[1]) if first.ndim == 3 else ("", 1)


def _scene(
    nodes: list[Node],
    steps: list[Step],
    here: Collection[str],
    wrong: Collection[str],
    texts: dict[str, tuple[str, str]],
) -> Scene:
    """The scene of boxes and steps; without steps, a still."""
    found = {leaf for node in nodes for leaf in node.leaves} & set(wrong)

    def draw(at=None):
        return graph(nodes, None if at is None else steps[at], bool(steps), here, wrong)

    def say(at=None):
        if at is not None:
            shown = ", ".join(filter(None, [steps[at].shown, "in thousandths" if steps[at].way < 0 else ""]))
            return f"{steps[at].said}.{f' Shown: {shown}.' if shown else ''}"
        if wrong:
            return _verdict([leaf for node in nodes for leaf in node.leaves], found)
        if not texts:  # the still of a report
            return "The checker finds no leaf wrong."
        return f"You are here: {', '.join(here)}. {_key(nodes)}" if here else ""

    controls = [Control("step", [f"{i + 1} of {len(steps)}" for i in range(len(steps))], kind="steps")] if steps else []
    label = f"graph of {', '.join(node.name for node in nodes)}, from the bottom to the top"
    return Scene(label, controls, draw, say, texts)


def _key(nodes):
    """What the squares and the numbers of a graph mean."""
    of = " or ".join(f"{kind}s" for kind in dict.fromkeys(node.copies[0] for node in nodes if node.copies[1] > 1))
    numbers = f"; numbers on arrows count {of}, from 0" if of else ""
    return f"A grey square is an array of parameters{numbers}."


def _verdict(leaves, wrong):
    """Which leaves are wrong; where most are, which are right."""
    right = [leaf for leaf in leaves if leaf not in wrong]
    if not wrong:
        return "The mistake is no leaf of this graph."
    if len(wrong) > len(right) > 0 and len(wrong) > 4:
        return f"Wrong: {len(wrong)} of {len(leaves)} leaves. Right: {', '.join(right)}."
    return f"Wrong: {', '.join(leaf for leaf in leaves if leaf in wrong)}."


def _text(name, layer, params, grads):
    """(heading, HTML) of a box: its leaves and their gradients, its derivation, its two passes."""
    leaves = flatten({name: params[name]}) if name in params else {}
    given = flatten({name: grads[name]}) if name in grads else {}
    derivation = inspect.cleandoc(type(layer).__doc__ or "")
    backward = (type(layer).backward,) if hasattr(type(layer), "backward") else ()
    code = repr(show(getattr(type(layer), "forward", type(layer).__call__), *backward))
    table = _table(leaves, given) if leaves else ""
    lines = f"<pre>{html.escape(derivation)}</pre><pre>{html.escape(code)}</pre>"
    return f"{name}: {'parameters, ' if leaves else ''}derivation, lines", table + lines


def _table(leaves, grads):
    rows = "".join(
        f"<tr><td><code>{html.escape(path)}</code></td><td>{leaf.shape}</td>{_gradient(grads.get(path))}</tr>"
        for path, leaf in leaves.items()
    )
    head = "<tr><th>leaf</th><th>shape</th>" + ("<th>its gradient, length</th>" if grads else "") + "</tr>"
    return f"<table>{head}{rows}</table>"


def _gradient(g):
    if g is None:
        return ""
    of = f", rows {', '.join(map(str, g.rows))}" if isinstance(g, RowGrad) else ""
    return f"<td>{np.linalg.norm(g.values if of else g):.3f}{of}</td>"
