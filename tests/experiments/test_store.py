"""Records on disk: whole or absent, and found by exactly what their numbers depend on."""

import json
from dataclasses import replace

import numpy as np
import pytest

from croco_np.config import Config
from croco_np.errors import InputError
from croco_np.experiments import store as store_module
from croco_np.experiments.run import Run
from croco_np.experiments.store import Store

KEY = "a" * 24
RECORD = {"key": KEY, "config": Config(dataset="laboratory").json()}
CONFIG = Config(dataset="laboratory", model="mmoe", seed=3, world_rows=1000)
RUN = Run(CONFIG, "sha256:1")


def test_what_is_put_is_found(tmp_path):
    store = Store(tmp_path / "not" / "there yet")
    assert store.record(KEY) is store.logits(KEY) is None
    store.put(KEY, RECORD, np.float32([1, 2]))
    again = Store(store.folder)
    assert again.record(KEY) == json.loads(json.dumps(RECORD))
    np.testing.assert_array_equal(again.logits(KEY), np.float32([1, 2]))
    assert sorted(path.name for path in store.folder.iterdir()) == [f"{KEY}.json", f"{KEY}.npy"]


def test_the_record_is_written_last(tmp_path, monkeypatch):
    """A process that dies between the two files leaves logits without a record: a run that was not made."""
    written, replacing = [], store_module.replacing

    def noted(path, *mode):
        written.append(path.suffix)
        return replacing(path, *mode)

    monkeypatch.setattr(store_module, "replacing", noted)
    Store(tmp_path).put(KEY, RECORD, np.float32([1]))
    assert written == [".npy", ".json"]


def test_a_record_that_cannot_be_written_whole_is_not_written(tmp_path):
    store = Store(tmp_path)
    store.put(KEY, RECORD)
    with pytest.raises(TypeError):
        store.put(KEY, {**RECORD, "what JSON has no word for": object()})
    assert store.record(KEY) == json.loads(json.dumps(RECORD))
    assert [path.name for path in tmp_path.iterdir()] == [f"{KEY}.json"]


@pytest.mark.parametrize(
    "damage", [b"", b'{"key": "aaaa', b"[]", b"null", b"\xff\xfe", b'{"key": "of another run"}', b"[" * 100_000]
)
def test_a_damaged_record_counts_as_absent(tmp_path, damage):
    store = Store(tmp_path)
    (tmp_path / f"{KEY}.json").write_bytes(damage)
    (tmp_path / f"{KEY}.npy").write_bytes(damage)
    assert store.record(KEY) is None
    assert store.logits(KEY) is None


def test_one_process_holds_a_run(tmp_path):
    """Each `Lock` opens its file anew, so two in one process exclude each other as those of two processes do."""
    first, second = Store(tmp_path), Store(tmp_path)
    with first.held(KEY) as ours, second.held(KEY) as theirs, second.held("b" * 24) as another:
        assert (ours, theirs, another) == (True, False, True)
    with second.held(KEY) as theirs:
        assert theirs
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"file.runs: cannot write"):
        Store(tmp_path / "file" / "runs")


def test_a_key_does_not_depend_on_where_the_data_lie():
    elsewhere = Run(replace(CONFIG, data_dir="/elsewhere"), "sha256:1")
    assert elsewhere.key == RUN.key
    assert replace(CONFIG, path="/elsewhere") != CONFIG
    assert Run(replace(CONFIG, path="/elsewhere"), "sha256:1").key == RUN.key


@pytest.mark.parametrize(
    "other",
    [
        Run(replace(CONFIG, seed=4), "sha256:1"),
        Run(replace(CONFIG, model="ple"), "sha256:1"),
        Run(replace(CONFIG, lr=0.5), "sha256:1"),
        Run(replace(CONFIG, world_rows=2000), "sha256:1"),
        Run(CONFIG, "sha256:2"),
        Run(CONFIG, "sha256:1", ()),
        Run(CONFIG, "sha256:1", ("learnt", "sampled")),
    ],
)
def test_a_key_depends_on_what_numbers_depend_on(other):
    assert other.key != RUN.key


WHOLE = {"key": RUN.key, "config": CONFIG.json(), "test": {}, "valid": {}, "learnt": {}}


def test_a_record_of_these_settings_is_this_runs():
    record = json.loads(json.dumps(WHOLE))
    assert RUN.is_of(record)
    assert RUN.is_of({**record, "config": {**record["config"], "data_dir": "/elsewhere"}})
    assert RUN.is_of({**record, "config": {k: v for k, v in record["config"].items() if k != "patience"}})


def test_a_record_whose_default_was_another_is_not():
    """The key leaves defaults out, so it is the same when a later version changes one."""
    record = json.loads(json.dumps(WHOLE))
    assert not RUN.is_of({**record, "config": {**record["config"], "patience": CONFIG.patience + 1}})


@pytest.mark.parametrize("part", ["config", "test", "valid", "learnt"])
def test_a_record_that_lacks_a_part_is_not(part):
    record = json.loads(json.dumps(WHOLE))
    assert not RUN.is_of({**record, part: None})
    del record[part]
    assert not RUN.is_of(record)
