"""Checks of tutorial 5, Put Crocodile together."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ...gradcheck.cases import SCHEMA, blackboard_sizes, draw_batch
from ...gradcheck.gradients import dense, fault
from ...losses import row_weights
from ...models import Crocodile, Output
from ...tree import flatten, outline
from ..compare import is_number, same
from ..grading import exercise


def _wrong_branches(answer, right, params):
    """The layers in whose gradients anything is missing, wrong or too much."""
    (answer, lists), (right, right_lists) = outline(answer), outline(right)
    wrong = answer.keys() - right.keys() | {path for path, _ in lists.items() ^ right_lists.items()}
    for path, leaf in flatten(params).items():
        g = answer.get(path)
        if fault(g, leaf) or not same(dense(g, leaf), dense(right[path], leaf)):
            wrong |= {path}
    return {path.split(".")[0] for path in wrong}


@exercise("5.1", "write my_backward(model, c, d) -> gradients of embeddings, experts, prior, gates, towers")
def check_backward(answer: Callable) -> str | None:
    rng = np.random.default_rng(51)
    model = Crocodile.build(SCHEMA, **blackboard_sizes(Crocodile))
    params, batch = model.init(rng), draw_batch(rng)
    out, cache = model.forward(params, batch)
    dz, do, dg = (rng.standard_normal(y.shape) for y in (out.logits, out.experts, out.gates) if y is not None)
    for d, what in ((Output(dz), "d.experts and d.gates None"), (Output(dz, do), "a loss that pulls on the experts")):
        returned = answer(model, cache, d)
        if not isinstance(returned, dict):
            return f"A dict of gradients is wanted, not {type(returned).__name__}."
        wrong = _wrong_branches(returned, model.backward(cache, d), params)
        if wrong:
            hint = _where(wrong)
            return f"With {what}, the gradients of {', '.join(sorted(wrong))} are missing or wrong. {hint}"
    d = Output(dz, do, dg)
    if _wrong_branches(answer(model, cache, d), model.backward(cache, d), params):
        return "Right without d.gates, wrong with it: the gates' backward takes a pair."
    return None


def _where(wrong):
    if wrong <= {"embeddings", "experts"}:
        return "What arrives at the experts' outputs, and from where?"
    if wrong == {"prior"}:
        return "Which gradient goes down to the prior embedding, and which shape did that have?"
    return "Begin at the top: the first layer of the way down that is wrong spoils those below it."


@exercise("5.2", "write my_domain_mean(domains) -> weights of the rows, (B,)")
def check_domain_mean(answer: Callable) -> str | None:
    for sizes in ((5, 0, 1, 3), (0, 2, 4, 7, 1)):
        ends = np.cumsum(sizes).tolist()
        told = _wrong_weights(answer, tuple(slice(end - n, end) for end, n in zip(ends, sizes, strict=True)))
        if told:
            return told
    return None


def _wrong_weights(answer, domains):
    """What is wrong with the weights of the rows of these domains; None if nothing is."""
    w, right = np.asarray(answer(domains)), row_weights(domains, "domain_mean")
    if w.shape != right.shape:
        return f"The weights have shape {w.shape}; there are {len(right)} rows and one weight for each."
    if same(w, 1 / len(right)):
        return "This is batch_mean: every row alike."
    if not same(w, right):
        if same(w * right.sum(), right * w.sum()):
            return "Right but for a factor: Eq. (7) adds the domains up, it does not take their mean."
        return "The weights of a domain that is present should add up to 1, shared alike by its rows."
    return None


@exercise("5.3", "set my_rows to the smallest number of rows of the rare domain")
def check_rows(answer: Any) -> str | None:
    def worth(n):
        w = row_weights((slice(0, 100 - n), slice(100 - n, 100)), "domain_mean")
        return w.sum() ** 2 / (w**2).sum()

    right = next(n for n in range(1, 51) if worth(n) >= 50 - 1e-9)
    if not is_number(answer) or answer != int(answer) or not 0 < answer < 100:
        return "A whole number between 0 and 100 is wanted."
    if answer != right:
        told = f"With {int(answer)} rows the 100 are worth {worth(int(answer)):.1f}."
        if worth(int(answer)) >= 50:
            return f"{told} That is enough, but a smaller number may be, too."
        return f"{told} Write n_eff for n and 100 - n rows."
    return None
