"""Raw files in blocks: what is wrong below the lines ends in one line that names the file and advises what fits."""

import gzip
import os
import tracemalloc
from pathlib import Path

import pytest

from croco_np.datasets import raw_files
from croco_np.errors import InputError


def read(path, size=1 << 20):
    return list(raw_files.blocks(path, size))


def refused(path, *words):
    with pytest.raises(InputError) as error:
        read(path)
    message = str(error.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    assert "make room" not in message
    for word in words:
        assert word in message


@pytest.mark.parametrize("size", [1, 3, 100])
@pytest.mark.parametrize(
    "text", [b"a\nbc\n\nd\n", b"a\r\nbc\r\n\r\nd\r\n", b"\xef\xbb\xbfa\nbc\n\nd", b"\xef\xbb\xbfa\r\nbc\r\n\r\nd\r"]
)
def test_one_text_however_its_lines_end(tmp_path, text, size):
    path = tmp_path / "log.csv"
    path.write_bytes(text)
    blocks = read(path, size)
    assert b"".join(data for _, data in blocks) == b"a\nbc\n\nd\n"
    lines = [first for first, _ in blocks]
    assert lines == [1 + sum(data.count(b"\n") for _, data in blocks[:i]) for i in range(len(blocks))]


def test_gzip_of_several_members_and_padding(tmp_path):
    path = tmp_path / "log.csv.gz"
    path.write_bytes(gzip.compress(b"a\nb") + gzip.compress(b"") + gzip.compress(b"c\n") + bytes(100))
    assert read(path) == [(1, b"a\nbc\n")]


@pytest.mark.parametrize(
    "damage",
    [lambda d: d[:-1], lambda d: d[:5], lambda d: d + b"more", lambda d: d[:-8] + bytes(8), lambda d: b"a,b\n" + d],
)
def test_damaged_gzip(tmp_path, damage):
    path = tmp_path / "log.csv.gz"
    path.write_bytes(damage(gzip.compress(b"a\n" * 1000)))
    refused(path, "broken gzip stream", "fetch the file again")


def test_gzip_by_another_name(tmp_path):
    path = tmp_path / "log.csv"
    path.write_bytes(gzip.compress(b"a\n"))
    refused(path, "gzip", "log.csv.gz")


@pytest.mark.parametrize("name", ["log.csv", "log.csv.gz"])
def test_empty(tmp_path, name):
    (tmp_path / name).touch()
    refused(tmp_path / name, "empty file")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFO on this system")
def test_a_fifo_does_not_hang(tmp_path):
    os.mkfifo(tmp_path / "log.csv")
    refused(tmp_path / "log.csv", "not a regular file")


def test_what_is_no_file(tmp_path):
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "link.csv").symlink_to(tmp_path / "nothing")
    refused(tmp_path / "folder.csv", "not a regular file")
    refused(tmp_path / "link.csv", "link to a file that is not there")
    refused(tmp_path / "nothing.csv", "no such file")


def test_a_file_that_may_not_be_read(tmp_path, monkeypatch):
    path = tmp_path / "log.csv"
    path.write_bytes(b"a\n")

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    refused(path, "Permission denied", "make it readable")
    monkeypatch.undo()
    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(InputError, match="Permission denied"):
        raw_files.names(tmp_path)


def test_a_disk_that_fails(tmp_path, monkeypatch):
    path = tmp_path / "log.csv.gz"
    path.write_bytes(gzip.compress(b"a\n"))

    def fail(*_):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(gzip.GzipFile, "read", fail)
    refused(path, "Input/output error", "fetch the file again")


def test_a_line_without_end_takes_no_memory(tmp_path):
    path = tmp_path / "log.csv.gz"
    with gzip.open(path, "wb", 1) as file:
        file.write(b"a\n")
        for _ in range(128):
            file.write(b"1" * (1 << 20))
    tracemalloc.start()
    try:
        refused(path, "line 2 does not end within 4 MiB")
        assert tracemalloc.get_traced_memory()[1] < 32 << 20  # bytes; the line is 128 MiB
    finally:
        tracemalloc.stop()


def test_values_are_shown_short_and_on_one_line():
    assert raw_files.shown("a\nb") == r"'a\nb'"
    assert len(raw_files.shown("é" * 10_000)) < 400
    assert len(raw_files.shown(b"9" * 10_000)) < 80
    assert raw_files.shown(b"\xff1") == r"'\\xff1'"
