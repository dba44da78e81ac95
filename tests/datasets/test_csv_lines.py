"""Strict CSV and whole numbers, against Python's csv module and int."""

import csv
import io
import tempfile
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from croco_np.datasets import csv_files
from croco_np.datasets.csv_files import CsvFile
from croco_np.datasets.csv_lines import without_quotes
from croco_np.datasets.whole_numbers import plain_numbers, whole_number
from croco_np.errors import InputError

TEXT = st.text(st.sampled_from('ab,"é 1.-'), max_size=5)


@given(
    rows=st.lists(st.tuples(st.integers(-(10**18) + 1, 10**18 - 1), TEXT, TEXT), max_size=8),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    end=st.sampled_from(["\n", "\r\n", "\n\n"]),
    block=st.sampled_from([1, 40, 4 << 20]),
)
@settings(deadline=None, max_examples=150)
def test_what_csv_writes_is_read(rows, quoting, end, block):
    text = io.StringIO()
    csv.writer(text, quoting=quoting, lineterminator=end).writerows([("n", "a", "b"), *rows])
    with tempfile.TemporaryDirectory() as folder, mock.patch.object(csv_files, "BLOCK_BYTES", block):
        path = Path(folder, "table.csv")
        path.write_bytes(text.getvalue().encode())
        file, read = CsvFile(path), []
        for lines in file:
            assert (lines.width == 3).all()
            texts = [map(without_quotes, lines.texts(column)) for column in (1, 2)]
            read += zip(lines.numbers(0).tolist(), *texts, strict=True)
            assert lines.number.tolist() == [len(end) * (1 + i) + 1 - (end == "\r\n") * (1 + i) for i in
                                             range(len(read) - lines.n, len(read))]  # fmt: skip
    assert file.names == ["n", "a", "b"]
    assert read == rows


@pytest.mark.parametrize(
    ("line", "word"),
    [
        (b'1,"a', "quote"),
        (b'1,"a\n2,b"', "quote"),
        (b'1,a"b', "quote"),
        (b'1,"a"b', "quote"),
        (b'1, "a"', "quote"),
        (b'1,"a""', "quote"),
        (b"1,a\x00", "control character"),
        (b"1\r2,a", "control character"),
        (b"1,\ta", "control character"),
        (b"1,\xe9", "UTF-8"),
        ("1,a".encode("utf-16"), "UTF-8"),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(tmp_path, line, word):
    path = tmp_path / "table.csv"
    path.write_bytes(b'n,a\n0,"b ""c"", d"\n\n' + line + b"\n3,c\n")
    with pytest.raises(InputError, match=f"line 4: .*{word}"):
        list(CsvFile(path))


@pytest.mark.parametrize(
    ("header", "word"),
    [(b"n,n\n", "two columns"), (b'n,"a\n', "quote"), (b"n,\xff\n", "UTF-8"), (b"m\n", "no column 'n'")],
)
def test_headers(tmp_path, header, word):
    path = tmp_path / "table.csv"
    path.write_bytes(header + b"1,2\n")
    with pytest.raises(InputError, match=f"line 1: .*{word}"):
        CsvFile(path).positions(["n"])


def test_a_header_of_a_million_names_is_no_hang(tmp_path):
    path = tmp_path / "table.csv"
    path.write_bytes(b",".join(b"%d" % i for i in range(400_000)) + b"\n")
    assert len(CsvFile(path).names) == 400_000


@given(st.lists(st.text(st.sampled_from("0123456789a-"), max_size=20), max_size=20), st.sampled_from([10, 16]))
def test_plain_numbers_are_those_of_int(texts, base):
    data = ",".join([*texts, ""]).encode()
    stop = np.flatnonzero(np.frombuffer(data, np.uint8) == ord(","))
    begin = np.concatenate([[0], stop[:-1] + 1]) if len(stop) else stop
    values, good = plain_numbers(np.frombuffer(data or b",", np.uint8), begin, stop, base)
    for text, value, fine in zip(texts, values.tolist(), good.tolist(), strict=bool(texts)):
        digits = set(text) <= set("0123456789abcdef"[:base])
        assert fine == (digits and 1 <= len(text) <= {10: 18, 16: 16}[base])
        assert not fine or value == int(text, base)


@given(st.integers(-(10**18) + 1, 10**18 - 1), st.integers(0, 3))
def test_ordinary_forms_of_a_number(n, zeros):
    forms = [
        f"{n}",
        f" {n} ",
        f"{n}.",
        f"{n}." + "0" * zeros,
        f"{n}e0",
        f"{n}E+00",
        f"{n}0e-1",
        f"{n * 10**zeros}e-{zeros}",
    ]
    assert {whole_number(form) for form in forms} == {n}


@pytest.mark.parametrize(
    "text",
    ["", "-", ".", "1.5", "1e-1", "1" * 19, "1e18", "1e999", "1e9999", "1_0", "0x1", "nan", "inf", "１", "1 2", "+-1"],
)
def test_what_is_no_whole_number(text):
    assert whole_number(text) is None
