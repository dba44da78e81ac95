"""A model as a graph of its layers, drawn from the model itself: shapes, parameters, and the numbers of one step."""

import html
import inspect
from collections.abc import Collection
from typing import Any, NamedTuple

import numpy as np

from ...objective import Objective
from ...tree import Tree, flatten
from ..source import show
from .grids import grid
from .scene import Control, Scene
from .svg import WIDTH, Drawing
from .trace import Call, arrays, listening, reads, sources

BOX, TALL, PITCH = 138, 52, 82  # units: width and height of a box, from one floor of the graph to the next
LETTERS = {"embeddings": "x", "experts": "o", "prior": "e", "gates": "h", "towers": "z", "loss": "L"}  # of the lessons
SHOWN = (3, 6)  # rows and columns of the numbers that are shown


class Node(NamedTuple):
    """A box: its name, what it is, the boxes it reads from, its leaves, and where its centre and floor are."""

    name: str
    kind: str
    reads: list[str]
    leaves: list[str]
    x: float
    floor: int


class Step(NamedTuple):
    """One call: where, on the way up (+1) or down (-1), in words, and an array to show."""

    name: str
    way: int
    said: str
    shown: str
    array: np.ndarray


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
    pulled = [tap for tap, dtap in zip(output, d, strict=True) if dtap is not None]
    if steps:  # a broken backward, whose graph is a still, may stop
        heard.backward(cache, d)
    into = reads(forward) | {"loss": sources(pulled, forward)}
    nodes = placed(into, {c.name: type(c.layer).__name__ for c in forward} | {"loss": "Objective"}, params)
    told, total = [_step(call, +1) for call in forward], np.array([parts["total"]])
    told.append(Step("loss", +1, f"forward, loss: the objective of Eq. (7) is {total[0]:.4f}", "L", total))
    told.append(
        Step("loss", -1, "backward, loss: it gives its gradient at each output it reads", "dz", d.logits[:, None])
    )
    told += [_step(call, -1) for call in backward]
    return _scene(nodes, told if steps else [], here, wrong, {c.name: c.layer for c in forward} | {"loss": objective})


def leaf_graph(layer: Any, params: Tree, inputs: tuple, *, wrong: Collection[str] = ()) -> Scene:
    """One layer as a graph: a box with its parameters, and below it a box for each input of floats."""
    given = [
        f"input {i}"
        for i, x in enumerate(inputs)
        if any(a.dtype.kind == "f" for a in arrays(x)) or isinstance(x, float)
    ]
    kind = next(c.__name__ for c in type(layer).__mro__ if c.__module__.startswith("croco_np") or c is object)
    into: dict[str, list[str]] = {name: [] for name in given} | {"layer": given}
    name = type(layer).__name__
    nodes = placed(into, dict.fromkeys(given, "") | {"layer": "" if kind == "object" else kind}, {})
    own = [node._replace(name=name, leaves=list(flatten(params))) if node.name == "layer" else node for node in nodes]
    marked = [node._replace(leaves=[node.name]) if node.name in given else node for node in own]
    return _scene(marked, [], (), wrong, {})


def placed(into: dict[str, list[str]], kinds: dict[str, str], params: dict) -> list[Node]:
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
        leaves = list(flatten({name: params[name]})) if name in params else []
        nodes[name] = Node(name, kinds[name], below, leaves, x, floor)
    return list(nodes.values())


def _step(call: Call, way: int) -> Step:
    letter = LETTERS.get(call.name, call.name)
    kind = type(call.layer).__name__
    sizes = " and ".join(str(a.shape) for a in call.gave)
    if way > 0:
        said = f"forward, {call.name} ({kind}): takes {_shapes(call.took)}, gives {letter} {call.gave[0].shape}"
        return Step(call.name, way, said, letter, call.gave[0])
    if call.took and call.name in ("embeddings", "prior"):
        said = f"backward, {call.name} ({kind}): takes d{letter} {call.took[0].shape}; rows of the table get {sizes}"
        return Step(call.name, way, said, "rows of dtable", call.gave[0])
    said = f"backward, {call.name} ({kind}): takes d{letter} {call.took[0].shape}, gives gradients {sizes}"
    return Step(call.name, way, said, f"gradient of {'o' if call.name == 'gates' else 'its input'}", call.gave[-1])


def _shapes(taken):
    return ", ".join(("ids " if a.dtype.kind in "iu" else "") + str(a.shape) for a in taken)


def _scene(nodes, steps, here, wrong, layers):
    """The scene of boxes and steps; without steps, a still."""
    found = {node.name for node in nodes if set(node.leaves) & set(wrong)}

    def draw(at=None):
        return _drawing(nodes, steps, at, here, wrong, found)

    def say(at=None):
        if at is not None:
            first = "" if steps[at].array.ndim < 2 else " Shown: row 0." if "table" not in steps[at].shown else ""
            return f"{steps[at].said}.{first}"
        if wrong:
            return f"Wrong: {', '.join(sorted(wrong))}." if found else "The mistake is no leaf of this graph."
        return f"You are here: {', '.join(here)}." if here else ""

    texts = (
        {}
        if wrong
        else {name: (f"{name}: its lines, and how they are derived", _lines(layer)) for name, layer in layers.items()}
    )
    controls = [Control("step", [f"{i + 1} of {len(steps)}" for i in range(len(steps))], kind="steps")] if steps else []
    label = f"graph of {', '.join(node.name for node in nodes)}, from the bottom to the top"
    return Scene(label, controls, draw, say, {} if wrong else texts)


def _lines(layer):
    """HTML: the derivation of a layer and its two passes."""
    derivation = inspect.cleandoc(type(layer).__doc__ or "")
    backward = (type(layer).backward,) if hasattr(type(layer), "backward") else ()
    code = repr(show(getattr(type(layer), "forward", type(layer).__call__), *backward))
    return f"<pre>{html.escape(derivation)}</pre><pre>{html.escape(code)}</pre>"


def _drawing(nodes, steps, at, here, wrong, found):
    floors = max(node.floor for node in nodes) + 1
    bottom = floors * PITCH - (PITCH - TALL) + 8
    drawing = Drawing(bottom + (30 + SHOWN[0] * 30 if steps else 4))
    at_node = {node.name: node for node in nodes}
    step = steps[at] if at is not None else None
    for node in nodes:
        for i, name in enumerate(node.reads):
            _edge(drawing, at_node[name], node, i, bottom, step)
    for node in nodes:
        _box(drawing, node, bottom, step, here, wrong, found)
    if step is not None:
        _numbers(drawing, step, bottom + 24)
    return drawing


def _top(node, bottom):
    """y of the upper edge of a box."""
    return bottom - TALL - node.floor * PITCH


def _edge(drawing, low, high, i, bottom, step):
    """The line between two boxes: an arrow upwards, or downwards in a step of backward, and the name of its array."""
    above, below = _top(high, bottom), _top(low, bottom)
    side = high.floor - low.floor > 1 and low.x < high.x
    if side:  # past the boxes between, and into the side
        x = low.x - BOX / 2 + 16
        points = [(x, below), (x, above + TALL / 2), (high.x - BOX / 2, above + TALL / 2)]
    else:
        x = min(max(low.x, high.x - BOX / 2 + 18), high.x + BOX / 2 - 18)
        points = [(low.x, below), (x, above + TALL)]
    up = step is not None and step.way > 0 and step.name in (high.name,)
    down = step is not None and step.way < 0 and step.name == high.name
    colour = "orange thick" if up else "blue thick" if down else "soft"
    drawing.path(points, f"line {colour}")
    (x1, y1), (x2, y2) = points[-2:]
    drawing.arrow(x1, y1, x2, y2, f"line {colour}", hidden=down)
    (x2, y2), (x1, y1) = points[:2]
    drawing.arrow(x1, y1, x2, y2, f"line {colour}", hidden=not down)
    letter = LETTERS.get(low.name, "")
    middle = (points[0][0] + points[1][0]) / 2, (points[0][1] + points[1][1]) / 2
    drawing.text(middle[0] + 8, middle[1] + 4, letter if not down or not letter else f"d{letter}", "code")


def _box(drawing, node, bottom, step, here, wrong, found):
    x, y = node.x - BOX / 2, _top(node, bottom)
    classes = "box"
    if node.name in found:
        classes += " wrong"
    elif node.name in here:
        classes += " here"
    elif step is not None and step.name == node.name:
        classes += " now" if step.way > 0 else " now back"
    leaves = f"{len(node.leaves)} parameters: {', '.join(node.leaves)}" if node.leaves else node.kind
    drawing.rect(x, y, BOX, TALL, classes, rx=5, opens=node.name, title=f"{node.name}. {leaves}", data_node=node.name)
    drawing.text(node.x, y + 17, node.name, "name", anchor="middle")
    drawing.text(node.x, y + 32, node.kind, "soft", anchor="middle")
    pitch = min(13.0, (BOX - 12) / max(len(node.leaves), 1))
    start = node.x - pitch * len(node.leaves) / 2
    for i, leaf in enumerate(node.leaves):
        colour = "fill red" if leaf in wrong else "fill faint"
        drawing.rect(start + i * pitch, y + 38, pitch - 3, 9, colour, title=leaf, data_leaf=leaf)


def _numbers(drawing, step, top):
    """The first row of the step's array, as far as it fits: the same cells in each step, hidden where it has none."""
    array = step.array
    first = array if array.ndim < 2 or "table" in step.shown else array[0]
    values = np.atleast_2d(first.reshape(len(first), -1) if first.ndim > 2 else first)[: SHOWN[0], : SHOWN[1]]
    full = np.zeros(SHOWN)
    full[: values.shape[0], : values.shape[1]] = values
    there = np.zeros(SHOWN, bool)
    there[: values.shape[0], : values.shape[1]] = True
    drawing.text(8, top, step.shown, "name")
    before = len(drawing.root)
    grid(drawing, 8 + 110, top - 14, full, cell=40)
    for element, shown in zip(list(drawing.root)[before:], np.repeat(there.ravel(), 2), strict=True):
        if not shown:
            element.set("class", f"{element.get('class')} hidden")
