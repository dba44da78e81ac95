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
from croco_np.train.maps import without_loss
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


class Late:
    """A stream that does its work when somebody waits for it, and not before: the latest that a GPU may be."""

    def __init__(self, non_blocking=False):
        self.work, self.done = [], 0

    def run(self, n):
        while self.done < n:
            self.done += 1
            self.work[self.done - 1]()

    def wait_event(self, event):
        """For the last record of the event before now."""
        stream, n = event.stream, event.n
        self.work.append(lambda: stream.run(n) if stream else None)

    def synchronize(self):
        self.run(len(self.work))


class LateEvent:
    def __init__(self, disable_timing):
        self.stream, self.n = None, 0

    def record(self, stream):
        self.stream, self.n = stream, len(stream.work)

    def synchronize(self):
        if self.stream:
            self.stream.run(self.n)


@pytest.fixture
def late(monkeypatch):
    """The stand-in with streams that are late."""
    computing = Late()

    def copy(self, a, stream):
        stream.work.append(lambda: self.__setitem__(slice(None), module.asarray(a)))

    monkeypatch.setattr(module.cuda, "Stream", Late)
    monkeypatch.setattr(module.cuda, "Event", LateEvent)
    monkeypatch.setattr(module.cuda, "get_current_stream", lambda: computing)
    monkeypatch.setattr(module.DeviceArray, "set", copy)


@pytest.mark.parametrize("ahead", ["copying", "computing"])
def test_no_batch_is_written_over_before_it_was_used(ahead, late, gpu):
    """A host that launches all steps and waits for none, and then for either stream first."""
    seen, coming = [], arriving(batches([5] * 6), gpu)
    for batch in coming:
        arrays = batch.ids, batch.prior_ids, batch.labels
        coming.computing.work.append(lambda arrays=arrays: seen.append([a.get() for a in arrays]))
        coming.look_ahead()
        if coming.next is None and ahead == "computing":
            coming.computing.synchronize()
    coming.computing.synchronize()
    for want, got in zip(batches([5] * 6), seen, strict=True):
        assert all(map(np.array_equal, (want.ids, want.prior_ids, want.labels), got))


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


def test_the_twin_without_the_loss(trainer):
    here = replace(trainer, backend=HOST)
    assert without_loss(trainer, 12).tobytes() == without_loss(here, 12).tobytes()


def test_how_often_a_step_waits(trainer):
    """Once for the loss. For each of Crocodile's two tables: for the rows that slept, all of them (1) and each once
    (1), and for how long (1); and for the rows to be written (1).
    """
    state = trainer.start()
    steps = trainer.steps(state)
    for _ in range(5):
        next(steps)
    waits.clear()
    next(steps)
    assert sum(waits.values()) == 1 + 2 * 4, waits


def test_rows_that_are_wrong_are_told_of_when_their_turn_comes(gpu):
    """The step before them is done by then: it counts, and is saved."""

    def one_and_a_wrong_one():
        yield from batches([3])
        raise ValueError("row 7: label 2, want 0 or 1")

    coming = arriving(one_and_a_wrong_one(), gpu)
    steps = iter(coming)
    next(steps)
    coming.look_ahead()
    with pytest.raises(ValueError, match="row 7"):
        next(steps)
