"""Twins of models: each computes what its definition says, for every kind of batch, and runs where it should."""

from dataclasses import replace

import numpy as np
import pytest

from croco_np.batch import Batch
from croco_np.gradcheck.cases import SCHEMA, at_blackboard
from croco_np.kernels.twin import running, using
from croco_np.models import MODELS, Crocodile, Output
from croco_np.models.twins import TWINS, definition, fastest, forms
from croco_np.tree import RowGrad, flatten, tree_map

# Of the largest entry of an array. float32 has a unit roundoff of 6e-8; sums over the rows have up to 200 terms.
TOLERANCE = {"float64": 1e-12, "float32": 1e-5}
VOCABULARIES = {  # twins may treat fields of few values apart
    "narrow fields only": (6, 5, 3, 5),
    "wide fields only": (200, 300, 150, 129),
    "narrow and wide fields": (200, 5, 300, 5),
    "at the border": (128, 129, 1, 5),
}
ROWS = {  # of each domain
    "a domain is absent": (60, 1, 0, 139),
    "one domain alone": (0, 0, 30, 0),
    "one row": (0, 1, 0, 0),
    "no rows": (0, 0, 0, 0),
}
VARIANTS = [(name, change) for name, system in MODELS.items() for change in ({}, *system.variants)]


def build(name, vocabulary=SCHEMA.vocabulary, **sizes):
    return at_blackboard(name, replace(SCHEMA, vocabulary=vocabulary), **sizes)


SYSTEMS = [(name, sizes) for name, sizes in VARIANTS if type(build(name, **sizes)) in TWINS]


def draw_batch(rng, vocabulary, sizes, n_values=None):
    """Rows of each domain; `n_values` of each field occur, so ids repeat as often as one likes."""
    ends = np.cumsum(sizes).tolist()
    domains = tuple(slice(end - n, end) for end, n in zip(ends, sizes, strict=True))
    ids = np.stack([rng.integers(0, min(n, n_values or n), ends[-1]) for n in vocabulary], axis=1)
    return Batch(ids, ids[:, SCHEMA.prior_fields], domains, rng.integers(0, 2, ends[-1]).astype(float))


def run(model, params, batch, d):
    """The taps, and the gradient of every parameter as a full array."""
    out, cache = model.forward(params, batch)
    grads, leaves = flatten(model.backward(cache, d)), flatten(params)
    assert list(grads) == list(leaves)
    dense = {path: g.dense(leaves[path].shape) if isinstance(g, RowGrad) else g for path, g in grads.items()}
    rows = {f"{path}, rows": g.rows for path, g in grads.items() if isinstance(g, RowGrad)}
    return {name: tap for name, tap in out._asdict().items() if tap is not None} | dense, rows


def assert_twins_agree(model, batch, side, dtype):
    rng = np.random.default_rng(1)
    params = tree_map(lambda w: (w + 0.3 * rng.standard_normal(w.shape)).astype(dtype), model.init(rng))
    batch = batch._replace(labels=batch.labels.astype(dtype))
    plain, twin = forms(model).values()
    with using(side):
        taps = plain.forward(params, batch)[0]
        d = Output(*(None if tap is None else rng.standard_normal(tap.shape).astype(dtype) for tap in taps))
        (ours, our_rows), (theirs, their_rows) = run(twin, params, batch, d), run(plain, params, batch, d)
    assert ours.keys() == theirs.keys()
    for name, b in theirs.items():
        a = ours[name]
        assert a.shape == b.shape, name
        assert a.dtype == b.dtype == np.dtype(dtype), name
        assert np.abs(a - b).max(initial=0) <= TOLERANCE[dtype] * np.abs(b).max(initial=0), name
    for name, b in their_rows.items():  # the same rows: what an optimiser touches does not depend on the form
        np.testing.assert_array_equal(our_rows[name], b, err_msg=name)


def test_there_are_twins_to_test():
    assert {type(build(name, **sizes)) for name, sizes in SYSTEMS} == set(TWINS)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("side", ["numpy", "numba"])
@pytest.mark.parametrize("sizes", ROWS.values(), ids=ROWS)
@pytest.mark.parametrize("vocabulary", VOCABULARIES.values(), ids=VOCABULARIES)
@pytest.mark.parametrize(("name", "change"), SYSTEMS, ids=str)
def test_a_twin_is_its_definition(name, change, vocabulary, sizes, side, dtype):
    batch = draw_batch(np.random.default_rng(0), vocabulary, sizes)
    assert_twins_agree(build(name, vocabulary, **change), batch, side, dtype)


@pytest.mark.parametrize("n_values", [1, 2])
@pytest.mark.parametrize(("name", "change"), SYSTEMS, ids=str)
def test_a_twin_adds_up_repeated_ids(name, change, n_values):
    vocabulary = VOCABULARIES["narrow and wide fields"]
    batch = draw_batch(np.random.default_rng(0), vocabulary, ROWS["a domain is absent"], n_values)
    assert_twins_agree(build(name, vocabulary, **change), batch, "numpy", "float64")


@pytest.mark.parametrize(("name", "change"), SYSTEMS, ids=str)
def test_a_twin_has_the_fields_and_parameters_of_its_definition(name, change):
    model = build(name, **change)
    twin = forms(model)[TWINS[type(model)].label]
    assert isinstance(twin, type(model))
    assert {key: getattr(twin, key) for key in vars(model)} == vars(model) == vars(twin)
    for a, b in zip(*(flatten(m.init(np.random.default_rng(0))).items() for m in (model, twin)), strict=True):
        assert a[0] == b[0]
        np.testing.assert_array_equal(a[1], b[1])


@pytest.mark.parametrize(("name", "change"), SYSTEMS, ids=str)
def test_the_fastest_form_is_the_twin_where_kernels_are_compiled(name, change):
    model = build(name, **change)
    with using("numba"):
        expected = TWINS[type(model)] if running() == "numba" else type(model)
        assert type(fastest(model)) is expected
        assert type(fastest(fastest(model))) is expected
        assert definition(fastest(model)) == model == definition(model)
    with using("numpy"):
        assert fastest(model) is model


def test_what_has_no_twin_is_its_own():
    class Other(Crocodile):
        """What overrides a definition is another model: the twin would not know of it."""

    model, other = build("mmoe"), Other(**vars(build("crocodile")))
    with using("numba"):
        assert fastest(model) is definition(model) is model
        assert fastest(other) is definition(other) is other
    assert forms(model) == {"": model}
