"""Wrong answers to tutorial 3, Mix experts with a gate."""

import numpy as np

from croco_np.kernels.mix import softmax
from croco_np.teaching.solutions.lesson03 import my_softmax_backward as softmax_backward
from croco_np.teaching.solutions.lesson03 import my_temperature_backward as temperature_backward


def forgot_inner(a, T, dg):
    db = softmax_backward(softmax(a / T), dg)
    return db, -(db * a).sum() / T**2


def flipped(a, T, dg):
    da, dT = temperature_backward(a, T, dg)
    return da, -dT


def of_the_mean_row(a, T, dg):
    da, dT = temperature_backward(a, T, dg)
    return da, dT / len(a)


def mixed(do=lambda g, o, h, dh: g * dh[:, None], da=lambda g, o, h, dh: g * dh[:, None] * (o - h[:, None])):
    """The backward of the mixture with one of its two gradients replaced."""
    return lambda *given: (do(*given), da(*given))


WRONG = {
    "3.1": {
        "no mean": lambda g, dg: g * dg,
        "only the diagonal of the Jacobian": lambda g, dg: g * (1 - g) * dg,
        "unweighted mean": lambda g, dg: g * (dg - dg.mean(axis=1, keepdims=True)),
        "mean without the share in front": lambda g, dg: dg - dg.mean(axis=1, keepdims=True),
        "weighted mean without the share in front": lambda g, dg: dg - (g * dg).sum(axis=1, keepdims=True),
        "sum over the rows": lambda g, dg: g * (dg - (g * dg).sum(axis=0)),
        "sum over everything": lambda g, dg: g * (dg - (g * dg).sum()),
        "keepdims forgotten": lambda g, dg: g * (dg - (g * dg).sum(axis=1)),
        "the sign flipped": lambda g, dg: -softmax_backward(g, dg),
        "summed over the experts": lambda g, dg: (g * dg).sum(axis=1),
    },
    "3.2": {
        "upstream forgotten in da": mixed(da=lambda g, o, h, dh: g * (o - h[:, None])),
        "mixture not subtracted": mixed(da=lambda g, o, h, dh: g * dh[:, None] * o),
        "the shares' gradient": mixed(da=lambda g, o, h, dh: dh[:, None] * o),
        "the share forgotten in da": mixed(da=lambda g, o, h, dh: dh[:, None] * (o - h[:, None])),
        "da with the sign flipped": mixed(da=lambda g, o, h, dh: g * dh[:, None] * (h[:, None] - o)),
        "experts taught alike": mixed(do=lambda g, o, h, dh: 0 * g + dh[:, None]),
        "upstream forgotten in do": mixed(do=lambda g, o, h, dh: g),
        "da summed over the dimensions": mixed(
            da=lambda g, o, h, dh: (g * dh[:, None] * (o - h[:, None])).sum(axis=2),
        ),
        "do and da changed": lambda *given: mixed()(*given)[::-1],
        "the experts' axis forgotten": mixed(do=lambda g, o, h, dh: g * dh),
    },
    "3.3": {
        "1 / T forgotten": forgot_inner,
        "sign of dT": flipped,
        "a mean over the rows": of_the_mean_row,
        "T and not T^2": lambda a, T, dg: (temperature_backward(a, T, dg)[0], T * temperature_backward(a, T, dg)[1]),
        "shares of a": lambda a, T, dg: (softmax_backward(softmax(a), dg) / T, temperature_backward(a, T, dg)[1]),
        "dT for each row": lambda a, T, dg: (
            temperature_backward(a, T, dg)[0],
            -(T * temperature_backward(a, T, dg)[0] * a).sum(axis=1) / T**2,
        ),
        "the slope in T by hand": lambda a, T, dg: (temperature_backward(a, T, dg)[0], np.sum(dg)),
    },
}
