"""Files that are written whole or not at all, locks, scratch folders, checksums."""

import errno
import json
import os
import signal
import stat
import subprocess
import sys
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as draws

from croco_np.errors import InputError
from croco_np.storage import digest, files, locks

HOLDER = """
import sys, time
from croco_np.storage import files
from croco_np.storage import locks
kind, path = sys.argv[1:]
if kind == "lock":
    lock = locks.Lock(path)
    assert lock.take()
else:
    held = files.scratch(path)
    held.__enter__().joinpath("large").write_text("half done")
print("ready", flush=True)
time.sleep(60)
"""


@pytest.fixture
def holder():
    """Start a process that holds a lock, or a scratch folder, until it is killed."""
    started = []

    def start(kind, path):
        process = subprocess.Popen([sys.executable, "-c", HOLDER, kind, path], stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout.readline() == "ready\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_file_is_replaced_whole(tmp_path):
    path = tmp_path / "f"
    path.write_text("old")
    with pytest.raises(TypeError), files.replacing(path) as file:
        file.write("half") + file.write(b"no text")
    assert path.read_text() == "old"
    with files.replacing(path) as file:
        file.write("new")
        file.flush()
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert os.listdir(tmp_path) == ["f"]


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o027, 0o077])
def test_a_new_file_obeys_the_umask(tmp_path, umask):
    before = os.umask(umask)
    try:
        with files.replacing(tmp_path / "f") as file:
            file.write("new")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "f").stat().st_mode) == 0o666 & ~umask


def test_a_link_is_replaced_and_its_target_left_alone(tmp_path):
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("not ours")
    link.symlink_to(target)
    with files.replacing(link) as file:
        file.write("new")
    assert (target.read_text(), link.read_text(), link.is_symlink()) == ("not ours", "new", False)


def test_a_path_that_a_user_named_is_written_into_where_it_is_no_plain_file(tmp_path):
    fifo, target, link = tmp_path / "fifo", tmp_path / "target", tmp_path / "link"
    os.mkfifo(fifo)
    target.write_text("old")
    link.symlink_to(target)
    read = []
    reader = threading.Thread(target=lambda: read.append(fifo.read_text()))
    reader.start()
    for path in (fifo, link, tmp_path / "plain", "/dev/null"):
        with files.writing(path) as file:
            file.write("new")
    reader.join(10)
    assert read == ["new"]
    assert stat.S_ISFIFO(fifo.stat().st_mode)
    assert link.is_symlink()
    assert target.read_text() == (tmp_path / "plain").read_text() == "new"
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.ENOSPC, "make room"), (errno.EACCES, "may write"), (errno.EFBIG, "ulimit"), (errno.EIO, "error)")],
)
def test_advice_fits_the_error(number, words):
    message = str(files.not_written("f", OSError(number, os.strerror(number))))
    assert words in message
    assert ("make room" in message) == (number == errno.ENOSPC)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: None])
def test_only_files_are_read(tmp_path, make):
    make(tmp_path / "f")
    with pytest.raises(InputError, match="it should be the config"):
        files.require_file(tmp_path / "f", "the config")


def test_scratch_of_the_living_is_left_alone_and_of_the_dead_removed(tmp_path, holder):
    process = holder("scratch", tmp_path)
    files.sweep(tmp_path)
    assert len(os.listdir(tmp_path)) == 1
    process.send_signal(signal.SIGKILL)
    process.wait()
    files.sweep(tmp_path)
    assert os.listdir(tmp_path) == []


def test_what_is_not_ours_is_not_swept(tmp_path):
    names = ("prepared", ".croco_np-mine", ".croco_np-0123", "simulating-abc", ".croco_np-0123456789abcdeX")
    (tmp_path / ".croco_np-notes.lock").write_text("mine")
    for name in (*names, ".croco_np-00000000deadbeef"):  # the last has the name of ours, and no mark in it
        (tmp_path / name).mkdir()
        (tmp_path / name / "data").write_text("mine")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / ".croco_np-0123456789abcdef").symlink_to(tmp_path / "elsewhere")
    before = sorted(tmp_path.rglob("*"))
    files.sweep(tmp_path)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_lock_names_its_holder_and_survives_a_kill(tmp_path, holder):
    path = tmp_path / "lock"
    process, ours = holder("lock", path), locks.Lock(path)
    assert not ours.take()
    assert f"process {process.pid} on " in ours.holder()
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert path.exists()
    assert ours.take()
    assert f"process {os.getpid()} on " in ours.holder()
    ours.release()
    assert not path.exists()


def test_a_lock_file_may_hold_anything(tmp_path, holder):
    process, ours = holder("lock", tmp_path / "lock"), locks.Lock(tmp_path / "lock")
    for text in (b"", b"\xff", b"[]", b'{"process": "x", "machine": 1}', b"9" * 100_000):
        (tmp_path / "lock").write_bytes(text)
        assert ours.holder() == "another process"
    assert process.poll() is None


@pytest.mark.parametrize("what", ["link", "folder", "fifo", "file", "json", "second name"])
def test_what_is_no_lock_is_left_alone(tmp_path, what):
    path, other = tmp_path / "lock", tmp_path / "other"
    make = {
        "link": lambda: path.symlink_to(other),
        "folder": path.mkdir,
        "fifo": lambda: os.mkfifo(path),
        "file": lambda: path.write_text("precious"),
        "json": lambda: path.write_text('{"process": 1}'),
        "second name": lambda: (other.touch(), os.link(other, path)),
    }
    make[what]()
    before = path.lstat()
    lock = locks.Lock(path)
    with pytest.raises((InputError, OSError)):
        lock.take()
    lock.release()
    after = path.lstat()
    assert (before.st_ino, before.st_size, before.st_mtime_ns) == (after.st_ino, after.st_size, after.st_mtime_ns)
    assert other.exists() == (what == "second name")


def test_made_once_by_many(tmp_path):
    """Threads that all want a folder: one makes it, all find it whole."""
    made = []

    def build(new, work):
        made.append(work)
        new.mkdir()
        (new / "whole").write_text("yes")

    def want():
        files.made_once(tmp_path / "deep" / "data", build)
        assert (tmp_path / "deep" / "data" / "whole").read_text() == "yes"

    threads = [threading.Thread(target=want) for _ in range(8)]
    [t.start() for t in threads], [t.join() for t in threads]
    assert len(made) == 1
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["data"]


def test_made_once_leaves_nothing_of_a_failure(tmp_path):
    def build(new, work):
        new.mkdir()
        (work / "raw").write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        files.made_once(tmp_path / "data", build)
    assert os.listdir(tmp_path) == []


@given(draws.arrays(st.sampled_from([np.int32, np.float64, bool]), draws.array_shapes(min_dims=0, min_side=0)))
def test_a_checksum_is_of_dtype_shape_and_values(a):
    found = digest.of_array(a)
    assert found == digest.of_array(a.copy(order="F")) == digest.of_array(a.copy())
    blocks = digest.ArrayDigest(a.dtype, a.shape[1:])
    if a.ndim:
        for start in range(0, len(a), 2):
            blocks.update(a[start : start + 2])
        assert blocks.text() == found
    assert found != digest.of_array(a.astype(np.complex128))
    assert found != digest.of_array(a[None])
    if a.size:
        b = a.copy(order="C")
        b.reshape(-1).view(np.uint8)[0] ^= 1
        assert found != digest.of_array(b)


def test_json_with_a_checksum(tmp_path):
    path, entries = tmp_path / "f.json", {"a": [1, 0.1, None], "b": {"c": "ü"}}
    digest.write_json(path, entries)
    assert digest.read_json(path, "a file") == entries
    text = path.read_text()
    for damaged in (text[:-3], text.replace("0.1", "0.2"), "[]", "{}", "[" * 100_000, "\0", text.replace("sha", "sho")):
        path.write_text(damaged)
        with pytest.raises(InputError, match=r"f\.json") as error:
            digest.read_json(path, "a file")
        assert len(str(error.value)) < 400
    path.write_text(json.dumps(json.loads(text)))  # the layout does not matter
    assert digest.read_json(path, "a file") == entries
