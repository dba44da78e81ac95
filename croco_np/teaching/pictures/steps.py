"""What happens in one training step, call by call: in words, and as rows of numbers of the first row of the batch."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ...tree import RowGrad, flatten
from .trace import Call, sources

LETTERS = {"embeddings": "x", "experts": "o", "prior": "e", "gates": "h", "towers": "z", "loss": "L"}  # of the lessons
SHOWN = (4, 6)  # rows of numbers, and numbers in each

Rows = tuple[tuple[str, np.ndarray], ...]  # (what it is, numbers) each


class Step(NamedTuple):
    """One call: of which box, on the way up (+1) or down (-1), in words, numbers, and the boxes it got gradients from.

    roads  more than one where gradients meet
    shown  which part of the arrays the numbers are; "" where they are all of it
    heads  of columns, each over as many as the others; none where a line of numbers is one vector
    """

    name: str
    way: int
    said: str
    rows: Rows
    roads: tuple[str, ...] = ()
    shown: str = ""
    heads: tuple[str, ...] = ()

    @property
    def scale(self) -> float:
        """What the numbers are multiplied by where they are shown: gradients are small."""
        return 1.0 if self.way > 0 else 1000.0


def told(
    forward: Sequence[Call], backward: Sequence[Call], objective: Any, parts: dict, pulls: dict[str, np.ndarray]
) -> list[Step]:
    """All steps, in their order. `parts` are the values of the objective, `pulls` its gradients {box: array}."""
    steps = [_up(call, forward[:i]) for i, call in enumerate(forward)]
    steps += [_value(objective, parts), _pulls(pulls)]
    handed: dict[str, list[tuple[str, np.ndarray]]] = {name: [("loss", d)] for name, d in pulls.items()}
    inputs = {call.name: _inputs(call, forward[:i]) for i, call in enumerate(forward)}
    for call in backward:
        steps.append(_down(call, inputs[call.name], handed.get(call.name, []), objective))
        if len(inputs[call.name]) == len(call.gave):
            for name, d in zip(inputs[call.name], call.gave, strict=True):
                handed.setdefault(name, []).insert(0, (call.name, d))
    return steps


def _inputs(call, before):
    """The layers whose outputs a layer took, one for each array of floats."""
    return [name for a in call.took if a.dtype.kind == "f" for name in sources([a], list(before))]


def _up(call, before):
    letter = LETTERS.get(call.name, call.name)
    takes = ", ".join(f"{_called(a, before)} {a.shape}".strip() for a in call.took)
    said = f"forward, {call.name} ({type(call.layer).__name__}): takes {takes}, gives {letter} {call.gave[0].shape}"
    named = {"g": call.gave[1]} if len(call.gave) > 1 else {}
    named[letter] = call.gave[0]
    return Step(call.name, +1, said + _by_domain(call), _all_rows(named), shown=_part(named))


def _called(array, before):
    """The letter of an array that a layer takes: that of the layer which gave it."""
    if array.dtype.kind in "iu":
        return "ids"
    return next((LETTERS.get(name, name) for name in sources([array], list(before))), "")


def _by_domain(call):
    """That a row takes one road of several: those of the other domains are other rows'."""
    return "; each row by the road of its own domain" if getattr(call.layer, "n_domains", 0) > 1 else ""


def _value(objective, parts):
    """The step in which the objective puts out one number."""
    rows = [("cross-entropy", np.array([parts["bce"]]))]
    if objective.active:
        rows.append((f"+ {objective.alpha:g} {objective.title}", np.array([objective.alpha * parts["cov"]])))
    total = np.array([parts["total"]])
    return Step("loss", +1, f"forward, loss: the objective of Eq. (7) is {total[0]:.4f}", (*rows, ("= L", total)))


def _pulls(pulls):
    said = "backward, loss: it gives its gradient at each output it reads"
    named = {f"d{LETTERS.get(name, name)}": d for name, d in pulls.items()}
    return Step("loss", -1, said, _all_rows(named), shown=_part(named))


def _down(call, inputs, roads, objective):
    letter = LETTERS.get(call.name, call.name)
    said = f"backward, {call.name} ({type(call.layer).__name__}): takes d{letter} {call.took[0].shape}"
    looked_up = [g for g in flatten(call.grads or {}).values() if isinstance(g, RowGrad)]
    if looked_up and len(inputs) != len(call.gave):
        table = looked_up[0]
        tables, width = table.values.shape[1:]
        whose = f"{width} numbers in each of {tables} tables" if tables > 1 else f"{width} numbers"
        rows = tuple((f"d row {i}", v[0]) for i, v in zip(table.rows, table.values, strict=True))[: SHOWN[0]]
        shown = f"the first {len(rows)} of these rows" + (", in table 0" if tables > 1 else "")
        said += f"; {len(table.rows)} rows of the table get a gradient of {whose}"
        return Step(call.name, -1, said, rows, shown=shown)
    names = [f"d{LETTERS.get(name, name)}" for name in inputs]
    if len(names) != len(call.gave):
        names = [f"gradient {i}" for i in range(len(call.gave))]
    said += f", gives {' and '.join(f'{n} {a.shape}' for n, a in zip(names, call.gave, strict=True))}"
    named, met = dict(zip(names, call.gave, strict=True)), tuple(name for name, _ in roads)
    said += _by_domain(call)
    if len(roads) < 2 or not np.allclose(sum(d for _, d in roads), call.took[0]):
        return Step(call.name, -1, said, _all_rows(named), met, _part(named))
    said += f"; two roads meet here, and their gradients add: from {' and from '.join(met)}"
    taken = call.took[0]
    rows = [(_road(i, name, objective), d[0].ravel()) for i, (name, d) in enumerate(roads)]
    rows.append((f"= d{letter}", taken[0].ravel()))
    heads = tuple(f"expert {m}" for m in range(taken.shape[1])) if taken.ndim == 3 else ()
    return Step(call.name, -1, said, tuple(rows), met, f"the sum d{letter} in row 0 of the batch", heads)


def _road(i, name, objective):
    """What the gradient that comes down one road is called, in a sum."""
    return f"{'+ ' if i else ''}of {objective.title if name == 'loss' else name}"


def _all_rows(named):
    return tuple(row for letter, array in named.items() for row in _rows(letter, array))


def _part(named):
    """Which rows of the batch the numbers are of, array by array where they differ."""
    where = {letter: "row 0 of the batch" if _wide(array) else "all rows" for letter, array in named.items()}
    if set(where.values()) == {"all rows"}:
        return ""
    if len(set(where.values())) == 1:
        return "row 0 of the batch"
    return ", ".join(f"{letter} in {rows}" for letter, rows in where.items())


def _wide(array):
    """Whether a row of the batch has more than one number of it."""
    return array.ndim == 3 or (array.ndim == 2 and array.shape[1] > 1)


def _rows(letter, array) -> Rows:
    """The numbers of the first row of the batch, a line for each expert; of one number a row, those of all rows."""
    if array.ndim == 3 and array.shape[1] > 1:
        return tuple((f"{letter}, expert {m}", array[0, m]) for m in range(array.shape[1]))
    if array.ndim == 3:
        return ((letter, array[0, 0]),)
    if _wide(array):
        return ((letter, array[0]),)
    return ((f"{letter}, rows 0\u2013{min(len(array), SHOWN[1]) - 1}", array.ravel()),)
