"""Each equation on an example small enough for a blackboard; the numbers in the comments are worked out by hand."""

import numpy as np

from croco_np.batch import Batch, make_batch
from croco_np.datasets.splits import Rows, Schema
from croco_np.layers import ElementGate, Embeddings, Experts, GateLogits, PerDomain, ScalarGate, Tower
from croco_np.losses import bce, covariance, row_weights
from croco_np.models import Output
from croco_np.objective import Objective

LN3 = np.log(3)


def equal(a, b):
    np.testing.assert_allclose(a, b, rtol=0, atol=1e-12)


def test_eq3_by_hand():
    # One field with 3 values, M = 2 tables of width 1: table 1 holds 1, 2, 3 and table 2 holds 10, 20, 30.
    layer = Embeddings((3,), n_tables=2, width=1)
    p = {"table": np.array([[[1.0], [10]], [[2], [20]], [[3], [30]]])}
    x, cache = layer.forward(p, np.array([[2], [0], [2]]))
    equal(x, [[[3], [30]], [[1], [10]], [[3], [30]]])
    # Value 2 is used twice, so its gradients add up: 1 + 5 and 2 + 6. Value 1 is not used: no row for it.
    _, grads = layer.backward(cache, np.array([[[1.0], [2]], [[3], [4]], [[5], [6]]]))
    assert grads["table"].rows.tolist() == [0, 2]
    equal(grads["table"].values, [[[3], [4]], [[6], [8]]])


def test_eq3_fields_lie_below_each_other():
    layer = Embeddings((2, 2), n_tables=1, width=1)
    p = {"table": np.array([[[1.0]], [[2]], [[3]], [[4]]])}
    x, _ = layer.forward(p, np.array([[1, 0]]))  # value 1 of field 1 is row 1, value 0 of field 2 is row 2
    equal(x, [[[2, 3]]])


def test_eq4_by_hand():
    # Two experts with one unit each: o_1 = relu(x_1 + 1), o_2 = relu(-2 x_2).
    layer = Experts(2, (1, 1))
    p = [{"W": np.array([[[1.0]], [[-2]]]), "b": np.array([[1.0], [0]])}]
    o, cache = layer.forward(p, np.array([[[2.0], [3]]]))
    equal(o, [[[3], [0]]])  # relu(2 + 1) = 3; relu(-6) = 0
    dx, grads = layer.backward(cache, np.array([[[10.0], [10]]]))
    equal(dx, [[[10], [0]]])  # expert 1 is off: nothing goes back through it
    equal(grads[0]["W"], [[[20]], [[0]]])
    equal(grads[0]["b"], [[10], [0]])


def test_eq5_by_hand():
    # Domain 0: z = 2 h, domain 1: z = 3 h + 1. Rows 0 and 1 are of domain 0, row 2 of domain 1.
    layer = PerDomain(Tower((1,)), 2)
    p = [
        {"hidden": [], "logit": {"W": np.array([[2.0]]), "b": np.zeros(1)}},
        {"hidden": [], "logit": {"W": np.array([[3.0]]), "b": np.ones(1)}},
    ]
    z, cache = layer.forward(p, (slice(0, 2), slice(2, 3)), np.array([[1.0], [2], [5]]))
    equal(z, [[2], [4], [16]])
    dh, grads = layer.backward(cache, np.array([[1.0], [1], [1]]))
    equal(dh, [[2], [2], [3]])
    equal(grads[0]["logit"]["W"], [[3]])  # 1 + 2
    equal(grads[1]["logit"]["b"], [1])


def test_eq6_by_hand():
    # B = 2, M = 2, K = 1: outputs (0, 0) and (2, 4). Centred: (-1, -2) and (1, 2); covariance 1*2 + 1*2 = 4.
    value, do = covariance(np.array([[[0.0], [0]], [[2], [4]]]))
    equal(value, 4)
    # d|C|/do_0 = sgn(4) times the centred outputs of expert 1: -2 and 2; for expert 1 those of expert 0.
    equal(do, [[[-2], [-1]], [[2], [1]]])


def test_eq6_is_a_mean_over_dimensions_and_a_sum_over_pairs():
    # K = 2 copies of each output: four equal covariances of 4, over K^2 = 4. A third expert, equal to the second, adds
    # the pairs (1, 3) with 4 and (2, 3) with 2*2 + 2*2 = 8.
    o = np.array([[0.0, 0, 0], [2, 4, 4]])[:, :, None].repeat(2, axis=2)
    equal(covariance(o[:, :2])[0], 4)
    equal(covariance(o)[0], 4 + 4 + 8)


def test_eq6_within_counts_each_expert_with_itself():
    # p = q: 1 + 1 for expert 0 and 4 + 4 for expert 1, on top of the 4 of the pair.
    value, _ = covariance(np.array([[[0.0], [0]], [[2], [4]]]), within=True)
    equal(value, 4 + 2 + 8)


def test_eq6_dead_unit_has_no_gradient():
    # A unit that is always 0 has no covariance; sgn(0) = 0 leaves it alone.
    _, do = covariance(np.array([[[0.0], [0]], [[0], [4]]]))
    equal(do, np.zeros((2, 2, 1)))


def test_eq6_sampled_rows_keep_the_scale():
    # The sum over 2 of 4 rows is scaled by 4/2; rows outside the sample get no gradient.
    o = np.array([[[0.0], [0]], [[9], [9]], [[2], [4]], [[7], [1]]])
    value, do = covariance(o, rows=np.array([0, 2]))
    equal(value, 2 * 4)
    equal(do, [[[-4], [-2]], [[0], [0]], [[4], [2]], [[0], [0]]])


def test_eq7_by_hand():
    # z = ln 3 means p = 3/4: -ln(3/4) if clicked, -ln(1/4) if not; dz = p - y. Two rows in domain 0, one in domain 1:
    # 1/N_s is 1/2, 1/2 and 1. CovLoss of the experts is 4 (as for Eq. 6: the third row is their mean), alpha = 1/2.
    ids, o = np.zeros((3, 0), int), np.array([[[0.0], [0]], [[2], [4]], [[1], [2]]])
    batch = Batch(ids, ids, (slice(0, 2), slice(2, 3)), np.array([1.0, 0, 0]))
    parts, d, _ = Objective("domain_mean", alpha=0.5)(Output(np.full(3, LN3), experts=o), batch)
    equal(parts["bce"], (np.log(4 / 3) + np.log(4)) / 2 + np.log(4))
    equal(parts["total"], parts["bce"] + 0.5 * 4)
    equal(d.logits, [-1 / 8, 3 / 8, 3 / 4])
    equal(d.experts, 0.5 * np.array([[[-2.0], [-1]], [[2], [1]], [[0], [0]]]))


def test_eq7_weights_multiply_value_and_gradient():
    value, dz = bce(np.array([LN3, LN3]), np.array([1.0, 0]), np.array([1.0, 2]))
    equal(value, np.log(4 / 3) + 2 * np.log(4))
    equal(dz, [-0.25, 1.5])


def test_eq7_readings_of_the_domain_mean():
    # 3 rows of domain 0, none of domain 1, 1 of domain 2; the training set has 60, 20 and 20.
    domains = (slice(0, 3), slice(3, 3), slice(3, 4))
    equal(row_weights(domains, "domain_mean"), [1 / 3, 1 / 3, 1 / 3, 1])
    equal(row_weights(domains, "batch_mean"), [1 / 4] * 4)
    # 1/N_s over the training set, times N/B = 100/4 so that a batch stands for all rows
    equal(row_weights(domains, "dataset_mean", (60, 20, 20)), [25 / 60] * 3 + [25 / 20])


def test_eq8_mixes_each_dimension_by_itself():
    # One row, M = 2, K = 2. Gate logits (ln 3, 0) for expert 0, (0, 0) for expert 1: shares 3/4 : 1/4 in dimension 0
    # and 1/2 : 1/2 in dimension 1.
    layer = ElementGate(n_prior=1, n_experts=2, width=2, n_domains=1)
    p = [{"W": np.array([[LN3, 0, 0, 0]])}]
    o = np.array([[[4.0, 1], [8, 3]]])
    (h, g), _ = layer.forward(p, (slice(0, 1),), np.ones((1, 1)), o)
    equal(g, [[[0.75, 0.5], [0.25, 0.5]]])
    equal(h, [[0.75 * 4 + 0.25 * 8, 0.5 * 1 + 0.5 * 3]])


def test_eq9_prior_is_a_table_for_each_of_user_item_and_domain():
    schema = Schema(("item", "age", "user", "domain"), (3, 9, 4, 3), "user", "item", "domain", ("a", "b"))
    ids = np.array([[2, 5, 1, 2], [1, 6, 3, 1]], np.int32)
    rows = Rows(ids, np.array([1, 0], np.uint8), np.array([1, 0], np.uint8), np.array([1, 3]))
    batch, at = make_batch(rows, np.array([0, 1]), schema)
    assert at.tolist() == [1, 0]  # sorted by domain
    assert batch.prior_ids.tolist() == [[3, 1, 1], [1, 2, 2]]  # user, item, domain
    prior = Embeddings((4, 3, 3), n_tables=1, width=1)
    e, _ = prior.forward({"table": np.arange(10.0).reshape(10, 1, 1)}, batch.prior_ids)
    equal(e, [[[3, 4 + 1, 7 + 1]], [[1, 4 + 2, 7 + 2]]])


def test_eq10_by_hand():
    # PG: one row, two experts with outputs 4 and 8, prior e = 1, W = (ln 3, 0): shares 3/4 and 1/4, mixture 5.
    layer = ScalarGate(n_prior=1, n_experts=2, n_domains=1)
    p, domains = [{"W": np.array([[LN3, 0]])}], (slice(0, 1),)
    (h, g), cache = layer.forward(p, domains, np.ones((1, 1)), np.array([[[4.0], [8]]]))
    equal(g, [[0.75, 0.25]])
    equal(h, [[5]])
    # do = g dh; da = g dh (o - h) = 3/4 * 2 * (4 - 5) and 1/4 * 2 * (8 - 5): adds up to 0; de = da W^T
    (de, do), grads = layer.backward(cache, (np.array([[2.0]]), None))
    equal(do, [[[1.5], [0.5]]])
    equal(grads[0]["W"], [[-1.5, 1.5]])
    equal(de, [[-1.5 * LN3]])


def test_a_gate_with_a_hidden_layer_by_hand():
    # v = relu(2 * (1, -1) + (1, 1)) = (3, 0), the second one off; a = 3 (ln 3)/3 + 0 and 0: shares 3/4 and 1/4.
    layer = ScalarGate(n_prior=1, n_experts=2, n_domains=1, hidden=(2,))
    p = [{"hidden": [{"W": np.array([[1.0, -1]]), "b": np.ones(2)}], "logits": {"W": np.array([[LN3 / 3, 0], [5, 7]])}}]
    (h, g), cache = layer.forward(p, (slice(0, 1),), np.array([[2.0]]), np.array([[[4.0], [8]]]))
    equal(g, [[0.75, 0.25]])
    equal(h, [[5]])
    # da = (-3/2, 3/2) as in the gate without; dW = v^T da; dv = -(3/2) (ln 3)/3 in the unit that is on; de = dv * 1
    (de, do), grads = layer.backward(cache, (np.array([[2.0]]), None))
    equal(do, [[[1.5], [0.5]]])
    equal(grads[0]["logits"]["W"], [[-4.5, 4.5], [0, 0]])
    equal(grads[0]["hidden"][0]["W"], [[-LN3, 0]])
    equal(grads[0]["hidden"][0]["b"], [-0.5 * LN3, 0])
    equal(de, [[-0.5 * LN3]])


def test_gate_logits_by_hand():
    # v = relu(3 * 2 - 1) = 5 and relu(3 * -1) = 0; a = 5 * 4 + 1. da = 2: dW = v * 2, dv = 8, dx = 8 * 2
    layer = GateLogits((1, 2), 1)
    p = {"hidden": [{"W": np.array([[2.0, -1]]), "b": np.array([-1.0, 0])}]}
    p["logits"] = {"W": np.array([[4.0], [9]]), "b": np.ones(1)}
    a, cache = layer.forward(p, np.array([[3.0]]))
    equal(a, [[21]])
    dx, grads = layer.backward(cache, np.array([[2.0]]))
    equal(grads["logits"]["W"], [[10], [0]])
    equal(grads["logits"]["b"], [2])
    equal(grads["hidden"][0]["W"], [[24, 0]])
    equal(dx, [[16]])


def test_eq10_peg_backward():
    # Outputs and shares of test_eq8_mixes_each_dimension_by_itself, dh = 2: do = g dh, da = g dh (o - h), h = (5, 2).
    # Dimension 0: da = 3/4 * 2 * (4 - 5) and 1/4 * 2 * (8 - 5); dimension 1: 1/2 * 2 * (1 - 2) and 1/2 * 2 * (3 - 2).
    layer = ElementGate(n_prior=1, n_experts=2, width=2, n_domains=1)
    p = [{"W": np.array([[LN3, 0, 0, 0]])}]
    _, cache = layer.forward(p, (slice(0, 1),), np.ones((1, 1)), np.array([[[4.0, 1], [8, 3]]]))
    (_, do), grads = layer.backward(cache, (np.array([[2.0, 2]]), None))
    equal(do, [[[1.5, 1], [0.5, 1]]])
    equal(grads[0]["W"], [[-1.5, -1, 1.5, 1]])


def test_eq10_loss_on_the_shares():
    # Only dg pulls: g = (1/2, 1/2), dg = (1, 0): da = g (dg - sum g dg) = 1/2 (1 - 1/2), 1/2 (0 - 1/2).
    layer = ScalarGate(n_prior=1, n_experts=2, n_domains=1)
    p = [{"W": np.zeros((1, 2))}]
    _, cache = layer.forward(p, (slice(0, 1),), np.ones((1, 1)), np.ones((1, 2, 1)))
    _, grads = layer.backward(cache, (np.zeros((1, 1)), np.array([[1.0, 0]])))
    equal(grads[0]["W"], [[0.25, -0.25]])
