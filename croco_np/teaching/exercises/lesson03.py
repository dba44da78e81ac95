"""Checks of tutorial 3, Mix experts with a gate."""

from collections.abc import Callable

import numpy as np

from ...kernels.mix import mix_elements, mix_elements_backward, softmax, softmax_backward
from ..compare import is_number, mistaken, same
from ..grading import exercise
from ..guard import parts

SHAPES = ((4, 3, 5), (2, 5, 3), (3, 2, 1))  # (B, M, K), no two draws alike in what they could be mixed up with


@exercise("3.1", "write my_softmax_backward(g, dg) -> da, all (B, M)", wants="array")
def check_softmax(answer: Callable) -> str | None:
    rng = np.random.default_rng(31)
    for B, M, _ in SHAPES:
        g, dg = softmax(rng.standard_normal((B, M))), rng.standard_normal((B, M))
        da = np.asarray(answer(g.copy(), dg.copy()))
        if da.shape != g.shape:
            return f"da has shape {da.shape}; it must have that of a, {g.shape}."
        if not same(da, softmax_backward(g, dg)):
            return _known_softmax(g, dg, da) or _sums_to_0(da)
    return None


def _known_softmax(g, dg, da):
    """What to say of a wrong da whose mistake is known."""
    mean, weighted = dg.mean(axis=1, keepdims=True), (g * dg).sum(axis=1, keepdims=True)
    return mistaken(
        da,
        (
            g * dg,
            "Only the first term: a logit is also in the sum below all shares. What does that subtract?",
        ),
        (g * (1 - g) * dg, "Each share answers to its own logit only; but a logit moves the other shares as well."),
        (g * (dg - mean), "The mean counts all experts alike. Which mean is it whose da of a row add up to 0?"),
        (dg - mean, "A plain mean, and no share in front: an expert with no share has nothing to give."),
        (
            dg - weighted,
            "The mean is right; but an expert with no share has nothing to give: what is in front?",
        ),
        (g * (dg - (g * dg).sum(axis=0)), "The sum runs over the rows. A row's gate knows nothing of other rows."),
        (g * (dg - (g * dg).sum()), "The sum runs over rows and experts. A row's gate knows nothing of other rows."),
        (g * (weighted - dg), "Right but for its sign: a share that is worth more than the average gains."),
    )


def _sums_to_0(da):
    if not same(da.sum(axis=1), 0):
        told = "The da of a row must add up to 0: shares only move."
        return f"{told} What is subtracted is a mean weighted by the shares."
    return "The da of each row add up to 0, but they are not right: try g = (3/4, 1/4), dg = (8, 16) by hand."


@exercise("3.2", "write my_mix_backward(g, o, h, dh) -> do, da, both (B, M, K)")
def check_mix(answer: Callable) -> str | None:
    rng = np.random.default_rng(32)
    for shape in SHAPES:
        a, o = rng.standard_normal((2, *shape))
        g, h = mix_elements(a, o)
        dh = rng.standard_normal(h.shape)
        do, da = parts(answer(g.copy(), o.copy(), h.copy(), dh.copy()), "do", "da")
        right_do, right_da = mix_elements_backward(g, o, h, dh)
        if same(do, right_da) and same(da, right_do):
            return "do and da are the other way round: first the gradient of the experts' outputs."
        if np.shape(do) == o.shape and np.shape(da) == o.shape[:2]:
            return (
                f"da has shape {np.shape(da)}, and must have that of o, {o.shape}: here the gate is per element, with "
                "a logit for each dimension of an expert, so da is not summed over them."
            )
        if np.shape(do) != o.shape or np.shape(da) != o.shape:
            return f"do and da must both have the shape of o, {o.shape}; they have {np.shape(do)} and {np.shape(da)}."
        if not same(do, right_do):
            told = mistaken(
                do,
                (g, "do would be right if dh were 1. Where does the upstream gradient come in?"),
                (0 * g + dh[:, None], "do teaches all experts alike. With which factor does h contain o_m?"),
            )
            return told or "do is not right: with which factor does h contain o_m?"
        if not same(da, right_da):
            told = mistaken(
                da,
                (g * (o - h[:, None]), "da would be right if dh were 1. Where does the upstream gradient come in?"),
                (dh[:, None] * o, "This da is dg, the gradient of the shares; it still has to go through the softmax."),
                (right_do * o, "This da rewards an output for its size. What is it compared with?"),
                (dh[:, None] * (o - h[:, None]), "The comparison in da is right; where does the share come in?"),
                (-right_da, "da is right but for its sign: which of the two is subtracted from which?"),
            )
            return f"do is right. {told}" if told else "do is right, da is not: with what is an expert compared?"
    return None


@exercise("3.3", "write my_temperature_backward(a, T, dg) -> da (B, M), dT (a number)")
def check_temperature(answer: Callable) -> str | None:
    rng = np.random.default_rng(33)
    for T, (B, M, _) in zip((0.7, 2.3, 1.6), SHAPES, strict=True):
        a, dg = rng.standard_normal((2, B, M))
        da, dT = parts(answer(a.copy(), T, dg.copy()), "da", "dT")
        db = softmax_backward(softmax(a / T), dg)
        if np.shape(da) != a.shape or not is_number(dT):
            return (
                f"da must have shape {a.shape} and dT must be one number; they have {np.shape(da)} and {np.shape(dT)}."
            )
        if not same(da, db / T):
            told = mistaken(
                da,
                (db, "This da is db. By how much does b = a / T move if a moves by 1?"),
                (db * T, "db is right. By how much does b = a / T move if a moves by 1?"),
                (
                    softmax_backward(softmax(a), dg),
                    "T is not in it yet: the gate takes the shares of b = a / T.",
                ),
                (softmax_backward(softmax(a), dg) / T, "These are the shares of a; the gate takes those of b = a / T."),
            )
            return told or "da is not right: first db through the softmax of b = a / T, then b's dependence on a."
        right = -(db * a).sum() / T**2
        if not same(dT, right):
            told = mistaken(
                dT,
                (-right, "dT is, too, but for its sign: does a / T grow or shrink with T?"),
                (right * T, "dT is right but for a factor T: what is the slope of 1 / T?"),
                (right * T**2, "dT is right but for a factor: what is the slope of 1 / T?"),
                (right / B, "dT is a mean over the rows. One T divides the logits of all: they add up."),
            )
            return f"da is right. {told or 'dT is not: T divides every logit of every row, so all report back to it.'}"
    return None
