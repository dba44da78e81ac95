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
    """

    name: str
    way: int
    said: str
    rows: Rows
    roads: tuple[str, ...] = ()

    @property
    def scale(self) -> float:
        """What the numbers are multiplied by where they are shown: gradients are small."""
        return 1.0 if self.way > 0 else 1000.0


def told(
    forward: Sequence[Call], backward: Sequence[Call], objective: Any, parts: dict, pulls: dict[str, np.ndarray]
) -> list[Step]:
    """All steps, in their order. `parts` are the values of the objective, `pulls` its gradients {box: array}."""
    steps = [_up(call) for call in forward]
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


def _up(call):
    letter = LETTERS.get(call.name, call.name)
    takes = ", ".join(("ids " if a.dtype.kind in "iu" else "") + str(a.shape) for a in call.took)
    said = f"forward, {call.name} ({type(call.layer).__name__}): takes {takes}, gives {letter} {call.gave[0].shape}"
    shares = _rows("g", call.gave[1]) if len(call.gave) > 1 else ()
    return Step(call.name, +1, said, (*shares, *_rows(letter, call.gave[0])))


def _value(objective, parts):
    """The step in which the objective puts out one number."""
    rows = [("cross-entropy", np.array([parts["bce"]]))]
    if objective.active:
        rows.append((f"+ {objective.alpha:g} {objective.title}", np.array([objective.alpha * parts["cov"]])))
    total = np.array([parts["total"]])
    return Step("loss", +1, f"forward, loss: the objective of Eq. (7) is {total[0]:.4f}", (*rows, ("= L", total)))


def _pulls(pulls):
    said = "backward, loss: it gives its gradient at each output it reads"
    rows = [row for name, d in pulls.items() for row in _rows(f"d{LETTERS.get(name, name)}", d)]
    return Step("loss", -1, said, tuple(rows))


def _down(call, inputs, roads, objective):
    letter = LETTERS.get(call.name, call.name)
    said = f"backward, {call.name} ({type(call.layer).__name__}): takes d{letter} {call.took[0].shape}"
    tables = [(path, g) for path, g in flatten(call.grads or {}).items() if isinstance(g, RowGrad)]
    if tables and len(inputs) != len(call.gave):
        _, table = tables[0]
        touched = f"{len(table.rows)} rows of the table get a gradient {table.values.shape[1:]} each"
        rows = tuple((f"d row {i}, table 0", v[0]) for i, v in zip(table.rows, table.values, strict=True))
        return Step(call.name, -1, f"{said}; {touched}", rows)
    names = [f"d{LETTERS.get(name, name)}" for name in inputs]
    if len(names) != len(call.gave):
        names = [f"gradient {i}" for i in range(len(call.gave))]
    said += f", gives {' and '.join(f'{n} {a.shape}' for n, a in zip(names, call.gave, strict=True))}"
    rows = [row for n, a in zip(names, call.gave, strict=True) for row in _rows(n, a)]
    if len(roads) > 1 and np.allclose(sum(d for _, d in roads), call.took[0]):
        met = [(_road(letter, i, name, objective), d[0].ravel()) for i, (name, d) in enumerate(roads)]
        rows = [*met, (f"= d{letter}", call.took[0][0].ravel()), *rows]
        said += f"; two roads meet here, and their gradients add: from {' and from '.join(name for name, _ in roads)}"
    return Step(call.name, -1, said, tuple(rows), tuple(name for name, _ in roads))


def _road(letter, i, name, objective):
    """What the gradient that comes down one road is called, in a sum."""
    whose = objective.title if name == "loss" else name
    return f"{'+ ' if i else ''}d{letter} of {whose}"


def _rows(letter, array) -> Rows:
    """The numbers of the first row of the batch, a line for each expert; of one number a row, those of all rows."""
    if array.ndim == 3 and array.shape[1] > 1:
        return tuple((f"{letter}, expert {m}", array[0, m]) for m in range(array.shape[1]))
    if array.ndim == 3:
        return ((letter, array[0, 0]),)
    if array.ndim == 2 and array.shape[1] > 1:
        return ((letter, array[0]),)
    return ((f"{letter}, rows 0\u2013{min(len(array), SHOWN[1]) - 1}", array.ravel()),)
