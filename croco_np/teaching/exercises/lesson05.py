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
        if told := _wrong_form(returned, params):
            return told
        wrong = _wrong_branches(returned, model.backward(cache, d), params)
        if wrong:
            below = wrong == {"embeddings", "experts"}
            told = _wrong_road(returned, model, cache, d) if below else _where(wrong)
            return f"With {what}, the gradients of {', '.join(sorted(wrong))} are missing or wrong. {told}"
    d = Output(dz, do, dg)
    if _wrong_branches(answer(model, cache, d), model.backward(cache, d), params):
        return "Right without d.gates, wrong with it: the gates' backward takes a pair, and d.gates is its second."
    return None


def _wrong_form(returned, params, name=""):
    """Where the containers of the gradients are others than those of the parameters; "" if nowhere."""
    called, said, wanted = name or "What you return", type(returned).__name__, type(params).__name__
    if not isinstance(params, (dict, list)):
        if type(returned) not in (dict, list, tuple):  # an array, or a `RowGrad`
            return ""
        return f"{called} is a {said}, where one array is wanted."
    if type(returned) is not type(params):
        pair = " A layer's backward returns a pair; its second part is wanted." if isinstance(returned, tuple) else ""
        return f"{called} is a {said}, where a {wanted} is wanted, in the form of the parameters.{pair}"
    if isinstance(params, list):
        if len(params) != len(returned):
            return f"{called} is a list of {len(returned)}, where one of {len(params)} is wanted."
        keys = range(len(params))
    else:
        missing, extra = sorted(params.keys() - returned.keys()), sorted(map(str, returned.keys() - params.keys()))
        if missing:
            deep = f"; it has {', '.join(extra)}: is it one level too deep?" if extra and name else "."
            return f"{called} has no {', '.join(missing)}{deep}"
        if extra:
            return f"{called} has {', '.join(extra)}, which the parameters have not: leave it out."
        keys = params.keys()
    told = (_wrong_form(returned[key], params[key], f"{name}.{key}".lstrip(".")) for key in keys)
    return next(filter(None, told), "")


def _wrong_road(returned, model, cache, d):
    """What to say where only what lies below the experts' outputs is wrong: which of the two roads is missing."""
    if d.experts is None:
        return "What arrives at the experts' outputs? It has come down through the gates."
    roads = (
        (Output(d.logits), "It is as if d.experts were None: two roads meet at the experts' outputs."),
        (Output(0 * d.logits, d.experts), "Only d.experts has arrived there: what comes down from the gates?"),
        (Output(d.logits, 2 * d.experts), "d.experts has arrived there twice."),
    )
    for other, told in roads:
        if same(returned["experts"][0]["W"], model.backward(cache, other)["experts"][0]["W"]):
            return told
    return "What arrives at the experts' outputs, and from where?"


def _where(wrong):
    if wrong <= {"embeddings", "experts"}:
        return "What arrives at the experts' outputs, and from where?"
    if wrong == {"prior"}:
        return "Which gradient goes down to the prior embedding, and which shape did that have?"
    return "Begin at the top: the first layer of the way down that is wrong spoils those below it."


@exercise("5.2", "write my_domain_mean(domains) -> weights of the rows, (B,)", wants="array")
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
    present = sum(s.stop > s.start for s in domains)
    if same(w * present, right) or same(w * len(domains), right):
        return "Each domain has the same say, but Eq. (7) adds the domains up; it does not take their mean."
    if same(w * right, 1 / len(right)):
        return "The other way round: here a row counts for more, the more rows its domain has."
    if not same(w, right):
        if same(w * right.sum(), right * w.sum()):
            return "Right but for a factor: the weights of each domain that is present add up to 1."
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
