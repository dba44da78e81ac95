"""The losses of Table 4 on numbers small enough for paper and pencil. CovLoss is in tests/layers (Eq. 6)."""

import numpy as np

from croco_np.losses import cosine, distance_correlation, dot, importance, ole, trans5, vicreg


def near(a, b, tolerance=1e-9):
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


def test_dot():
    # Row 1: (1, 2) and (3, 1), dot product 3 + 2 = 5. Row 2: (0, 1) and (2, 0), 0. One pair, two rows: 5 / 2.
    value, do = dot(np.array([[[1.0, 2], [3, 1]], [[0, 1], [2, 0]]]))
    near(value, 2.5)
    near(do, [[[1.5, 0.5], [0.5, 1]], [[1, 0], [0, 0.5]]])  # the other expert's output, over 2


def test_dot_of_three_experts():
    # Outputs 1, 2, 4: 1*2 + 1*4 + 2*4 = 14, over three pairs. Each expert is pulled by the sum of the other two.
    value, do = dot(np.array([[[1.0], [2], [4]]]))
    near(value, 14 / 3)
    near(do, [[[6 / 3], [5 / 3], [3 / 3]]])


def test_cosine():
    # (3, 4) has length 5 and direction (0.6, 0.8); (1, 0) is its own direction: cosine 0.6.
    value, do = cosine(np.array([[[3.0, 4], [1, 0]]]))
    near(value, 0.6)
    # Across: (1, 0) - 0.6 (0.6, 0.8) = (0.64, -0.48), over the length 5; (0.6, 0.8) - 0.6 (1, 0) = (0, 0.8), over 1.
    near(do, [[[0.128, -0.096], [0, 0.8]]])


def test_cosine_of_an_expert_that_is_off():
    # Row 2 counts 0, and halves the mean.
    value, do = cosine(np.array([[[3.0, 4], [1, 0]], [[0, 0], [1, 1]]]))
    near(value, 0.3)
    near(do[1], 0)
    near(do[0], [[0.064, -0.048], [0, 0.4]])


def test_distance_correlation():
    # Three rows, X = 0, 0, 1 and Y = 0, 1, 1. Distances of X: row 3 is 1 from the others, which coincide. Row means
    # 1/3, 1/3, 2/3, mean 4/9; centred: A = -2/9 u u^T with u = (1, 1, -2), and likewise -2/9 v v^T, v = (-2, 1, 1).
    # V_xy / V_xx = <u, v>^2 / <u, u>^2 = (-3)^2 / 6^2 = 1/4, and V_yy = V_xx: L = sqrt(1/4). The 1e-8 under the roots
    # make the distance of coinciding rows 1e-4.
    value, _ = distance_correlation(np.array([[[0.0], [0]], [[0], [1]], [[1], [1]]]))
    near(value, 0.5, 1e-3)


def test_distance_correlation_sees_what_covariance_does_not():
    # Y = X^2 for X = -1, 0, 1: covariance 0. Distances of X: 1, 2, 1; row means 1, 2/3, 1, mean 8/9:
    # A_x = 1/9 [[-10, 2, 8], [2, -4, 2], [8, 2, -10]]; distances of Y as in the test above:
    # A_y = -2/9 v v^T, v = (1, -2, 1). <A_x, A_y> = -2/81 v^T (9 A_x) v = -2/81 (-12 - 24) = 72/81,
    # <A_x, A_x> = (4*10 + 36*4 + ..)/81: 100 + 100 + 64 + 64 + 4*4 + 16 = 360/81, <A_y, A_y> = 4/81 36 = 144/81.
    value, _ = distance_correlation(np.array([[[-1.0], [1]], [[0], [0]], [[1], [1]]]))
    near(value, np.sqrt(72 / np.sqrt(360 * 144)), 1e-3)


def test_ole_soft():
    # One row, outputs 2 and 3: O_1^T O_2 = 6, squared 36; do_1 = 2 * 3 * 6, do_2 = 2 * 2 * 6.
    value, do = ole(np.array([[[2.0], [3]]]))
    near(value, 36)
    near(do, [[[36], [24]]])


def test_ole_soft_is_a_mean_over_rows_and_dimensions():
    # Everything in 2 rows and 2 dimensions alike: each entry of O_1^T O_2 is 12, squared 144, over B^2 = 4.
    value, _ = ole(np.array([[[2.0, 2], [3, 3]], [[2, 2], [3, 3]]]))
    near(value, 144 / 4)


PARALLEL = np.array([[[3.0, 0], [4, 0]], [[0, 0], [0, 0]]])  # O_1 = [[3, 0], [0, 0]], O_2 = [[4, 0], [0, 0]]
ORTHOGONAL = np.array([[[3.0, 0], [0, 0]], [[0, 0], [0, 4]]])  # O_2 = [[0, 0], [0, 4]]


def test_ole_nuclear():
    # Singular values 3 and 4; below each other, O has the one singular value 5 if they are parallel, and 3 and 4 if
    # orthogonal. Over M B = 4: (3 + 4 - 5) / 4 and 0.
    value, do = ole(PARALLEL, form="nuclear")
    near(value, 0.5)
    near(do[0], [[(1 - 3 / 5) / 4, 0], [(1 - 4 / 5) / 4, 0]])
    near(do[1], 0)
    value, do = ole(ORTHOGONAL, form="nuclear")
    near(value, 0)
    near(do, 0)


def test_ole_nuclear_of_a_small_expert():
    # ||O_1||_* = 0.3 is below 1: it counts 1, and has no direction of its own. The whole has singular value 0.5.
    value, do = ole(PARALLEL / 10, form="nuclear")
    near(value, (1 + 1 - 0.5) / 4)
    near(do[0], [[-0.6 / 4, 0], [-0.8 / 4, 0]])


def test_ole_frobenius_sees_no_angle():
    # 3 + 4 - sqrt(9 + 16) = 2, parallel or orthogonal; do_1 = 3 (1/3 - 1/5) / 4.
    for o in (PARALLEL, ORTHOGONAL):
        value, do = ole(o, form="frobenius")
        near(value, 0.5)
        near(do[o > 0], [0.4 / 4, 0.2 / 4])


def test_importance():
    # Shares (1, 0) and (1/2, 1/2): I = (1.5, 0.5), mean 1, variance 1/4.
    # dI = 2 (+-0.5) / 2 - 2 * 1/4 / 2 = +-0.5 - 0.25, for both rows.
    value, dg = importance(np.array([[1, 0], [0.5, 0.5]]))
    near(value, 0.25)
    near(dg, [[0.25, -0.75], [0.25, -0.75]])


def test_importance_unbiased():
    # Twice the variance, M / (M - 1) = 2, and twice the gradient.
    value, dg = importance(np.array([[1, 0], [0.5, 0.5]]), unbiased=True)
    near(value, 0.5)
    near(dg, [[0.5, -1.5], [0.5, -1.5]])


def test_importance_element_wise():
    # Two dimensions with means 1, 0 and 1/2, 1/2: as above, and the gradient shared by the two.
    value, dg = importance(np.array([[[1, 1], [0, 0]], [[0.2, 0.8], [0.8, 0.2]]]))
    near(value, 0.25)
    near(dg, np.repeat([[[0.125], [-0.375]]], 2, axis=0).repeat(2, axis=2))


def test_trans5():
    # Width 1: X = 2, Y = 3, W = 1/2. X - X W^2 = 1.5, Y - Y W^2 = 2.25, X W - Y = -2, Y W - X = -0.5:
    # L = 1.5 + 2.25 + 4 + 0.25. As a function of w, |2 - 2 w^2| + |3 - 3 w^2| + (2 w - 3)^2 + (3 w - 2)^2, so
    # dW = -4 w - 6 w + 4 (2 w - 3) + 6 (3 w - 2) = -5 - 8 - 3.
    value, do, dW = trans5(np.array([[[2.0], [3]]]), np.array([[[0.5]]]))
    near(value, 8)
    near(do, [[[0.75 - 4 * 0.5 + 1], [0.75 - 1 * 0.5 + 4]]])
    near(dW, [[[-16]]])


def test_trans5_without_alignment():
    value, do, dW = trans5(np.array([[[2.0], [3]]]), np.array([[[0.5]]]), eta=0.0)
    near(value, 1.5 + 2.25)
    near(do, [[[0.75], [0.75]]])
    near(dW, [[[-5]]])


def test_trans5_takes_the_pairs_in_order():
    # Outputs 1, 2, 6; W = 2 for (0, 1), 6 for (0, 2), 3 for (1, 2) map each pair's first exactly to its second.
    # What is left: |x - x w^2| + |y - y w^2| and (y w - x)^2, over three pairs.
    left = (3 + 6 + 3**2) + (35 + 210 + 35**2) + (16 + 48 + 16**2)
    near(trans5(np.array([[[1.0], [2], [6]]]), np.array([[[2.0]], [[6]], [[3]]]))[0], left / 3)


def test_vicreg():
    # One expert, rows (0, 0) and (2, 4): centred (-1, -2) and (1, 2), C_12 = C_21 = 4 / (2 - 1).
    # L = (16 + 16) / 2; do = 4/2 (z_2 C_12, z_1 C_12).
    value, do = vicreg(np.array([[[0.0, 0]], [[2, 4]]]))
    near(value, 16)
    near(do, [[[-16, -8]], [[16, 8]]])
    near(vicreg(np.array([[[0.0, 0], [1, 1]], [[2, 4], [1, 1]]]))[0], 8)  # a second expert that never varies
