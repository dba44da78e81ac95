"""Batches that come one ahead of the step, on the stand-in: which they are, and in what order who waits for whom."""

from dataclasses import replace

import numpy as np
import pytest

from croco_np.backend import HOST
from croco_np.batch import Batch
from croco_np.config import Config
from croco_np.datasets.load import load
from croco_np.standin import module
from croco_np.standin.array import waits
from croco_np.train.ahead import arriving
from croco_np.train.trainer import Trainer


def batches(sizes):
    rng = np.random.default_rng(0)
    for n in sizes:
        ids = rng.integers(0, 9, (n, 4)).astype(np.int32)
        yield Batch(ids, ids[:, :3], (slice(0, 1), slice(1, n)), rng.random(n).astype(np.float32))


@pytest.mark.parametrize("sizes", [[], [3], [5, 2], [5, 5, 5, 4], [5] * 6])
def test_each_batch_comes_whole_and_in_order(sizes, gpu):
    """Also where the step before is done with its batch only when the next one is there."""
    came = []
    coming = arriving(batches(sizes), gpu)
    for batch in coming:
        came.append((batch, *(a.get() for a in (batch.ids, batch.prior_ids, batch.labels))))
        coming.look_ahead()
        assert np.array_equal(batch.ids.get(), came[-1][1])  # the next batch is in other buffers
    for want, (batch, *got) in zip(batches(sizes), came, strict=True):
        assert batch.domains == want.domains
        for a, b in zip((want.ids, want.prior_ids, want.labels), got, strict=True):
            assert (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes())


def test_the_host_cuts_each_batch_when_its_turn_comes():
    made = iter(batches([3, 3]))
    coming = arriving(made, HOST)
    steps = iter(coming)
    first = next(steps)
    coming.look_ahead()
    assert type(first.ids) is np.ndarray
    assert len(list(made)) == 1


@pytest.fixture
def order(monkeypatch):
    """What is asked of streams and events, in order: (verb, of whom, arguments)."""
    log = []

    def noted(cls, verb):
        plain = getattr(cls, verb)

        def note(self, *args):
            log.append((verb, self, *args))
            return plain(self, *args)

        monkeypatch.setattr(cls, verb, note)

    noted(module.Event, "record")
    noted(module.Event, "synchronize")
    noted(module.Stream, "wait_event")
    noted(module.Stream, "synchronize")
    plain = module.DeviceArray.set
    monkeypatch.setattr(
        module.DeviceArray, "set", lambda self, a, stream=None: (log.append(("copy", stream)), plain(self, a))[1]
    )
    return log


def test_who_waits_for_whom(order, gpu):
    """Of the third batch, which takes the buffers of the first."""
    coming = arriving(batches([5, 5, 5]), gpu)
    steps = iter(coming)
    next(steps)
    next(steps)
    copying, computing, (slot, _) = coming.copying, coming.computing, coming.slots
    order.clear()
    coming.look_ahead()
    told = [(verb, *who) for verb, *who in order if who[0] is not coming.slots[1].free]
    copies = [("copy", copying)] * 3
    assert told == [
        ("synchronize", slot.ready),
        ("wait_event", copying, slot.free),
        *copies,
        ("record", slot.ready, copying),
    ]
    order.clear()
    next(steps)
    assert order == [("wait_event", computing, slot.ready)]
    order.clear()
    coming.look_ahead()
    assert order == [("record", slot.free, computing)]
    order.clear()
    steps.close()
    assert order == [("synchronize", copying)]


@pytest.fixture
def trainer(gpu):
    sizes = {"embedding_width": 4, "expert_sizes": (8,), "tower_sizes": (4,), "batch_size": 96, "lr": 0.02}
    config = Config(dataset="laboratory", world_rows=1000, n_users=30, n_items=20, n_domains=3, **sizes)
    return Trainer.from_config(replace(config, backend="cupy"), load(config, say=lambda line: None))


def test_the_next_batch_is_cut_while_the_step_is_computed(trainer, monkeypatch):
    """After the step was launched, and before its loss is read."""
    log, cut, step = [], Trainer.batches, Trainer.step

    def noted(self, epoch, position=0):
        for batch in cut(self, epoch, position):
            log.append("cut")
            yield batch

    monkeypatch.setattr(Trainer, "batches", noted)
    monkeypatch.setattr(Trainer, "step", lambda *args, **more: (log.append("step"), step(*args, **more))[1])
    monkeypatch.setattr("croco_np.train.trainer.numbers", lambda parts: (log.append("read"), {"bce": 0, "cov": 0})[1])
    steps = trainer.steps(trainer.start())
    for _ in range(3):
        next(steps)
    assert log == ["cut", *["step", "cut", "read"] * 3]


def test_how_often_a_step_waits(trainer):
    """Of Crocodile, which has two tables: for the steps that the rows of each have slept, and for the loss."""
    state = trainer.start()
    steps = trainer.steps(state)
    for _ in range(5):
        next(steps)
    waits.clear()
    next(steps)
    assert sum(waits.values()) == 3, waits
