"""Checks of tutorial 3, Mix experts with a gate."""

from collections.abc import Callable

import numpy as np

from ...kernels.mix import mix_elements, mix_elements_backward, softmax, softmax_backward
from ..compare import is_number, same
from ..grading import exercise
from ..guard import parts

SHAPES = ((4, 3, 5), (2, 5, 3), (3, 2, 1))  # (B, M, K), no two draws alike in what they could be mixed up with


@exercise("3.1", "write my_softmax_backward(g, dg) -> da, all (B, M)")
def check_softmax(answer: Callable) -> str | None:
    rng = np.random.default_rng(31)
    for B, M, _ in SHAPES:
        g, dg = softmax(rng.standard_normal((B, M))), rng.standard_normal((B, M))
        da = np.asarray(answer(g.copy(), dg.copy()))
        if da.shape != g.shape:
            return f"da has shape {da.shape}; it must have that of a, {g.shape}."
        if not same(da.sum(axis=1), 0):
            told = "The da of a row must add up to 0: shares only move."
            return f"{told} What is subtracted is a mean weighted by the shares."
        if not same(da, softmax_backward(g, dg)):
            return "The da of each row add up to 0, but they are not right: try g = (3/4, 1/4), dg = (8, 16) by hand."
    return None


@exercise("3.2", "write my_mix_backward(g, o, h, dh) -> do, da, both (B, M, K)")
def check_mix(answer: Callable) -> str | None:
    rng = np.random.default_rng(32)
    for shape in SHAPES:
        a, o = rng.standard_normal((2, *shape))
        g, h = mix_elements(a, o)
        dh = rng.standard_normal(h.shape)
        do, da = parts(answer(g.copy(), o.copy(), h.copy(), dh.copy()), "do", "da")
        right_do, right_da = mix_elements_backward(g, o, h, dh)
        if np.shape(do) != o.shape or np.shape(da) != o.shape:
            return f"do and da must both have the shape of o, {o.shape}; they have {np.shape(do)} and {np.shape(da)}."
        if not same(do, right_do):
            return "do is not right: with which factor does h contain o_m?"
        if same(da, g * (o - h[:, None])):
            return "do is right; da would be right if dh were 1. Where does the upstream gradient come in?"
        if same(da, dh[:, None] * o):
            return "do is right. This da is dg, the gradient of the shares; it still has to go through the softmax."
        if not same(da, right_da):
            return "do is right, da is not: an expert is compared with something. With what?"
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
            return "da is not right: first db through the softmax of b = a / T, then b's dependence on a."
        if same(dT, (db * a).sum() / T**2):
            return "da is right, and dT but for its sign: does a / T grow or shrink with T?"
        if not same(dT, -(db * a).sum() / T**2):
            return "da is right, dT is not: T divides every logit of every row, so all of them report back to it."
    return None
