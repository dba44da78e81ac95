"""Answers to tutorial 3."""

from croco_np.kernels.mix import softmax

from . import Answer


def softmax_backward(g, dg):
    return g * (dg - (g * dg).sum(axis=1, keepdims=True))


def mix_backward(g, o, h, dh):
    do = g * dh[:, None]
    return do, do * (o - h[:, None])


def temperature_backward(a, T, dg):
    db = softmax_backward(softmax(a / T), dg)
    return db / T, -(db * a).sum() / T**2


def forgot_inner(a, T, dg):
    db = softmax_backward(softmax(a / T), dg)
    return db, -(db * a).sum() / T**2


def flipped(a, T, dg):
    da, dT = temperature_backward(a, T, dg)
    return da, -dT


def of_the_mean_row(a, T, dg):
    da, dT = temperature_backward(a, T, dg)
    return da, dT / len(a)


ANSWERS = {
    "3.1": Answer(
        softmax_backward,
        {
            "no mean": lambda g, dg: g * dg,
            "only the diagonal of the Jacobian": lambda g, dg: g * (1 - g) * dg,
            "unweighted mean": lambda g, dg: g * (dg - dg.mean(axis=1, keepdims=True)),
            "mean without the share in front": lambda g, dg: dg - dg.mean(axis=1, keepdims=True),
            "summed over everything": lambda g, dg: (g * dg).sum(axis=1),
        },
    ),
    "3.2": Answer(
        mix_backward,
        {
            "upstream forgotten in da": lambda g, o, h, dh: (g * dh[:, None], g * (o - h[:, None])),
            "mixture not subtracted": lambda g, o, h, dh: (g * dh[:, None], g * dh[:, None] * o),
            "the shares' gradient": lambda g, o, h, dh: (g * dh[:, None], dh[:, None] * o),
            "experts taught alike": lambda g, o, h, dh: (0 * g + dh[:, None], g * dh[:, None] * (o - h[:, None])),
            "da summed over the dimensions": lambda g, o, h, dh: (
                g * dh[:, None],
                (g * dh[:, None] * (o - h[:, None])).sum(axis=2),
            ),
        },
    ),
    "3.3": Answer(
        temperature_backward,
        {"1 / T forgotten": forgot_inner, "sign of dT": flipped, "a mean over the rows": of_the_mean_row},
    ),
}
