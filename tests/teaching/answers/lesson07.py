"""Wrong answers to tutorial 7, See collapse and diversity."""

import numpy as np

from croco_np.teaching.solutions.lesson07 import my_abundance_backward, my_correlation_backward


def abundance(change):
    """change(U V^T, u_1 v_1^T, sigma) of the parts of the right gradient."""

    def answer(X):
        U, sigma, Vt = np.linalg.svd(X, full_matrices=False)
        return change(U @ Vt, np.outer(U[:, 0], Vt[0]), sigma)

    return answer


def columns_of_Vt(X):
    U, sigma, Vt = np.linalg.svd(X, full_matrices=False)
    return (U @ Vt - sigma.sum() / sigma[0] * np.outer(U[:, 0], Vt[:, 0])) / sigma[0]


def transposed_twice(X):
    U, sigma, Vt = np.linalg.svd(X, full_matrices=False)
    return (U @ Vt.T - sigma.sum() / sigma[0] * np.outer(U[:, 0], Vt[0])) / sigma[0]


def cosine(x, y):
    nx, ny = np.linalg.norm(x), np.linalg.norm(y)
    return (y / ny - (x @ y) / (nx * ny) * x / nx) / nx


def centred(change):
    """change(a, b, |a|, |b|) of the centred x and y and their lengths."""

    def answer(x, y):
        a, b = x - x.mean(), y - y.mean()
        return change(a, b, np.linalg.norm(a), np.linalg.norm(b))

    return answer


def standard_deviations(x, y):
    a, b, sa, sb = x - x.mean(), y - y.mean(), x.std(), y.std()
    return (b / sb - (a @ b) / (sa * sb) * a / sa) / sa


WRONG = {
    "7.1": {
        "the largest taken for a constant": abundance(lambda UV, uv, s: UV / s[0]),
        "the largest forgotten in the sum": abundance(lambda UV, uv, s: (UV - uv - s.sum() / s[0] * uv) / s[0]),
        "the sum only": abundance(lambda UV, uv, s: UV),
        "the largest only": abundance(lambda UV, uv, s: -s.sum() / s[0] ** 2 * uv),
        "sign": lambda X: -my_abundance_backward(X),
        "added": abundance(lambda UV, uv, s: (UV + s.sum() / s[0] * uv) / s[0]),
        "not divided": abundance(lambda UV, uv, s: UV - s.sum() / s[0] * uv),
        "1 / sigma_1 in the second term": abundance(lambda UV, uv, s: UV / s[0] - s.sum() / s[0] * uv),
        "no sum in the second term": abundance(lambda UV, uv, s: UV / s[0] - uv / s[0] ** 2),
        "no IA in the second term": abundance(lambda UV, uv, s: (UV - uv) / s[0]),
        "columns of Vt": columns_of_Vt,
        "V for V^T": transposed_twice,
        "transposed": lambda X: my_abundance_backward(X).T,
        "the value": abundance(lambda UV, uv, s: s.sum() / s[0]),
    },
    "7.2": {
        "twice taken away": lambda M, q: 1 - 2 * (1 - q) ** M,
        "large and small taken for independent": lambda M, q: (1 - (1 - q) ** M) ** 2,
        "quartiles": lambda M, q: 1 - 2 * 0.75**M + 0.5**M,
        "large": lambda M, q: 1 - (1 - q) ** M,
        "large or small": lambda M, q: 1 - (1 - 2 * q) ** M,
        "three times taken away": lambda M, q: 1 - 2 * (1 - q) ** M - (1 - 2 * q) ** M,
        "neither by a product": lambda M, q: 1 - 2 * (1 - q) ** M + (1 - q * q) ** M,
        "pairs of experts": lambda M, q: M * (M - 1) * q * q,
        "no hits": lambda M, q: 2 * (1 - q) ** M - (1 - 2 * q) ** M,
        "an array": lambda M, q: np.full(M, q),
    },
    "7.3": {
        "no projection": centred(lambda a, b, na, nb: b / nb / na),
        "not centred": cosine,
        "with respect to y": lambda x, y: my_correlation_backward(y, x),
        "sign": lambda x, y: -my_correlation_backward(x, y),
        "standard deviations": lambda x, y: len(x) * my_correlation_backward(x, y),
        "standard deviations of a sample": lambda x, y: (len(x) - 1) * my_correlation_backward(x, y),
        "standard deviations in all places": standard_deviations,
        "not divided by the length of x": centred(lambda a, b, na, nb: b / nb - (a @ b) / (na * nb) * a / na),
        "not divided by the length of y": centred(lambda a, b, na, nb: (b - (a @ b) / na * a / na) / na),
        "projection of y itself": centred(lambda a, b, na, nb: (b / nb - (a @ b) * a / na) / na),
        "projection added": centred(lambda a, b, na, nb: (b / nb + (a @ b) / (na * nb) * a / na) / na),
        "the correlation": lambda x, y: np.corrcoef(x, y)[0, 1],
    },
}
