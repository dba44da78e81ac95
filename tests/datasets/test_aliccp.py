r"""AliCCP reader: by hand on a tiny data set, every error by its message, independence of block size, memory."""

import gzip
import os
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from croco_np.datasets import aliccp, prepared, tianchi
from croco_np.errors import InputError

# Separators are written legibly: "|" between tokens, ":" after the field, "=" after the feature id.
COMMON_TRAIN = """\
00000000000000aa,4,101:7=1.0|127_14:900=0.69315|121:3438658=1.0|127:3438780=1.0
00000000000000bb,5,109_14:5=0.1|109_14:6=0.2|122:3438755=1.0|127_14:901=0.7|101:8=1.0
"""
SKELETON_TRAIN = """\
1,0,0,00000000000000aa,5,210:1=1.0|210:2=1.0|216:50=1.0|301:9351665=1.0|205:30=1.0
2,1,0,00000000000000aa,2,205:30=1.0|301:9351667=1.0
3,0,1,00000000000000aa,2,205:30=1.0|301:9351665=1.0
4,1,1,00000000000000bb,3,301:9351665=1.0|205:31=1.0|508:77=0.69315
5,0,0,00000000000000bb,3,301:9351665=1.0|205:29=1.0|508:77=1.09861
"""
COMMON_TEST = """\
00000000000000cc,2,101:99=1.0|127:3438780=1.0
00000000000000dd,1,121:3438658=1.0
"""
SKELETON_TEST = """\
1,0,1,00000000000000cc,2,205:30=1.0|301:9351665=1.0
2,1,0,00000000000000cc,3,205:30=1.0|301:9351667=1.0|508:78=1.0
3,0,0,00000000000000dd,2,205:31=1.0|301:9351665=1.0
"""
TEXT = {
    "common_features_train": COMMON_TRAIN,
    "sample_skeleton_train": SKELETON_TRAIN,
    "common_features_test": COMMON_TEST,
    "sample_skeleton_test": SKELETON_TEST,
}


def raw(text):
    return text.translate(str.maketrans("|:=", "\x01\x02\x03")).encode()


def write(folder, changed=(), place="{name}.csv"):
    for name, text in {**TEXT, **dict(changed)}.items():
        path = folder / place.format(name=name, split=name.rpartition("_")[2])
        path.parent.mkdir(parents=True, exist_ok=True)
        content = raw(text)
        path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return folder


def columns(splits, rows, *fields):
    return rows.ids[:, [splits.schema.fields.index(field) for field in fields]].tolist()


def test_by_hand(tmp_path):
    splits = aliccp.read(write(tmp_path), min_count=2, valid_share=0)
    # Row 3 is a conversion without a click. In the four rows left: 101 is 7, 7, 8, 8, so 7 -> 1, 8 -> 2; 121 and 127
    # are seen twice (aa), 122 twice (bb); 205 is 30, 30, 31, 29, so only 30 gets an id; 216 is seen once; 508 is 77
    # twice.
    # The domain is numbered by value and never rare: 9351665 -> 1, 9351667 -> 2, though the latter is seen once.
    names = ("101", "121", "122", "127", "205", "216", "301", "508")
    assert columns(splits, splits.train, *names) == [
        [1, 1, 0, 1, 1, 0, 1, 0],
        [1, 1, 0, 1, 1, 0, 2, 0],
        [2, 0, 1, 0, 0, 0, 1, 1],  # no 127: its token is 127_14
        [2, 0, 1, 0, 0, 0, 1, 1],
    ]
    assert splits.train.labels.tolist() == [0, 1, 1, 0]
    assert splits.train.domains.tolist() == [0, 1, 0, 0]
    assert splits.train.users.tolist() == [7, 7, 8, 8]
    # Test row 1 is invalid. User 99 and feature 508:78 are unseen, user of dd is missing.
    assert columns(splits, splits.test, *names) == [[0, 0, 0, 1, 1, 0, 2, 0], [0, 1, 0, 0, 0, 0, 1, 0]]
    assert splits.test.labels.tolist() == [1, 0]
    assert splits.test.users.tolist() == [99, -1]
    assert splits.valid.n == 0
    assert splits.schema.fields == aliccp.FIELDS
    assert len(aliccp.FIELDS) == 17
    sizes = dict(zip(splits.schema.fields, splits.schema.vocabulary, strict=True))
    assert {name: sizes[name] for name in names} == dict(zip(names, [3, 2, 2, 2, 2, 1, 3, 2], strict=True))
    assert splits.schema.domains == ("domain 1", "domain 2")
    assert splits.schema.context == ("207",)
    assert (splits.name, splits.simulated, splits.truth) == ("aliccp", False, None)
    assert "dropped 1 rows of train and 1 rows of test" in splits.notes[0]
    for rows in (splits.train, splits.valid, splits.test):
        assert [a.dtype for a in rows] == [np.int32, np.uint8, np.uint8, np.int64]
        assert all(isinstance(a, np.memmap) for a in rows)


@pytest.mark.parametrize("place", ["sample_{split}/{name}.csv", "{split}/{name}.csv.gz", "{name}.csv.gz"])
def test_layouts_and_gzip_give_the_same(tmp_path, place):
    plain = aliccp.read(write(tmp_path / "a"), min_count=1)
    other = aliccp.read(write(tmp_path / "b", place=place), min_count=1)
    assert_same(plain, other)


def assert_same(a, b):
    assert (a.schema, a.notes) == (b.schema, b.notes)
    for name in ("train", "valid", "test"):
        for x, y in zip(getattr(a, name), getattr(b, name), strict=True):
            np.testing.assert_array_equal(x, y)


ERRORS = [
    ("sample_skeleton_train", SKELETON_TRAIN.replace("4,1,1,", "4,1,"), ":4: 5 columns instead of 6"),
    ("sample_skeleton_train", SKELETON_TRAIN + "\n", ":6: 1 columns instead of 6"),
    ("sample_skeleton_train", SKELETON_TRAIN.replace("77=1.09861", "77=1,09861"), ":5: 7 columns instead of 6"),
    ("common_features_test", COMMON_TEST.replace("dd,1,", "dd,0,1,"), ":2: 4 columns instead of 3"),
    ("sample_skeleton_test", SKELETON_TEST.replace("2,1,0,", "2,yes,0,"), ":2: click 'yes' is not a whole number"),
    ("sample_skeleton_test", SKELETON_TEST.replace("2,1,0,", "2,2,0,"), ":2: click is 2, want 0 or 1"),
    ("sample_skeleton_train", SKELETON_TRAIN.replace("2,1,0,", "2,1,3,"), ":2: conversion is 3, want 0 or 1"),
    ("sample_skeleton_train", SKELETON_TRAIN.replace("4,1,1,", "4,1,,"), ":4: conversion '' is not a whole number"),
    ("sample_skeleton_train", "sample_id,click,conversion,index,1,301:9=1.0\n", ":1: sample_id 'sample_id' is not"),
    ("sample_skeleton_train", SKELETON_TRAIN.replace("508:77=0", "508:77:0"), ":4: malformed token"),
    ("common_features_train", COMMON_TRAIN.replace("|122:", "|"), ":2: malformed token"),
    ("common_features_train", COMMON_TRAIN.replace("122:3438755", "122:"), ":2: feature id '' is not a whole number"),
    ("common_features_train", COMMON_TRAIN.replace("101:8=", "101:{8}="), ":2: feature id '{8}' is not a whole number"),
    ("common_features_train", COMMON_TRAIN.replace("101:8=", "101:" + 19 * "8" + "="), ":2: feature id '888888888"),
    ("sample_skeleton_train", SKELETON_TRAIN.replace("508:77=1", "5x8:77=1"), ":5: field '5x8' is not a whole number"),
    ("sample_skeleton_train", SKELETON_TRAIN.replace("5,0,0,00000000000000bb", "5,0,0,00000000000000ff"),
     ":5: common_feature_index 00000000000000ff is not in common_features_train.csv"),
    ("sample_skeleton_test", SKELETON_TEST.replace("9351667", "9351666"), ":2: domain 9351666 (field 301) is not in"),
    ("sample_skeleton_test", SKELETON_TEST.replace("3,0,0,00000000000000dd,2,205:31=1.0|301:9351665",
                                                   "3,0,0,00000000000000dd,2,205:31=1.0|302:9351665"),
     ":3: no token of field 301"),
    ("common_features_train", COMMON_TRAIN.replace("bb,5,", "bb,4,"), ":2: feature_num is 4 but the list has 5 tokens"),
    ("common_features_test", COMMON_TEST.replace("cc,2", "zz,2"), ":1: common_feature_index '00000000000000zz' is not"),
    ("sample_skeleton_test", "", ": empty file"),
    ("common_features_train", "", ": empty file"),
]  # fmt: skip


@pytest.mark.parametrize("block_bytes", [1, 8 << 20])
@pytest.mark.parametrize(("name", "text", "message"), ERRORS)
def test_errors_name_file_and_line(tmp_path, monkeypatch, name, text, message, block_bytes):
    monkeypatch.setattr(tianchi, "BLOCK_BYTES", block_bytes)
    assert text != TEXT[name]
    write(tmp_path, {name: text})
    with pytest.raises(InputError) as error:
        aliccp.read(tmp_path)
    assert str(tmp_path / f"{name}.csv") + message in str(error.value)
    assert "\n" not in str(error.value)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(f"{name}.csv" for name in TEXT)  # nothing half-done


def test_missing_file(tmp_path):
    write(tmp_path)
    assert aliccp.present(tmp_path)
    (tmp_path / "common_features_test.csv").unlink()
    assert aliccp.present(tmp_path)  # an incomplete download must not pass for none at all
    with pytest.raises(InputError, match=r"no common_features_test\.csv .*tianchi"):
        aliccp.read(tmp_path)
    assert not aliccp.present(tmp_path / "elsewhere")


@pytest.mark.parametrize("keep", [1, 30, -9, -1])
def test_truncated_gzip(tmp_path, keep):
    path = write(tmp_path, place="{name}.csv.gz") / "sample_skeleton_test.csv.gz"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(InputError, match=r"sample_skeleton_test.csv.gz: broken gzip stream after line \d+"):
        aliccp.read(tmp_path)
    assert not list(tmp_path.glob("*prepared*"))


def test_folder_that_cannot_be_written(tmp_path, monkeypatch):
    folder = write(tmp_path)

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(InputError, match=r"cannot write \(Permission denied\); .*link the raw files"):
        aliccp.read(folder)


def test_valid_share_is_checked(tmp_path):
    with pytest.raises(InputError, match="valid_share is 1"):
        aliccp.read(write(tmp_path), valid_share=1)


def test_prepared_data_are_reused_until_something_changes(tmp_path, monkeypatch):
    read = []
    monkeypatch.setattr(aliccp, "impressions", lambda *a, f=aliccp.impressions: read.append(a[0].name) or f(*a))
    first = aliccp.read(write(tmp_path), min_count=2)
    assert_same(first, aliccp.read(tmp_path, min_count=2))
    assert len(read) == 2
    for change in ({"min_count": 3}, {"min_count": 3, "valid_share": 0.5}):
        aliccp.read(tmp_path, **change)
    assert len(read) == 6
    os.utime(tmp_path / "sample_skeleton_test.csv", ns=(1, 1))
    aliccp.read(tmp_path, **change)
    assert len(read) == 8
    aliccp.read(tmp_path, min_count=2)  # the data of other settings and other files are where they were
    assert len(read) == 10
    assert len(list(tmp_path.glob("prepared-*"))) == 5


@pytest.mark.parametrize("victim", ["manifest.json", "train/ids.npy", "train/labels.npy", "test/users.npy"])
@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "gone"])
def test_damaged_prepared_data_are_refused(tmp_path, victim, damage):
    aliccp.read(write(tmp_path), min_count=2)
    (path,) = tmp_path.glob(f"prepared-*/{victim}")
    text = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        flipped = bytes([text[-3] ^ 1])
        path.write_bytes({"flip": text[:-3] + flipped + text[-2:], "cut": text[:-2], "empty": b""}[damage])
    with pytest.raises(InputError, match=path.name) as error:
        aliccp.read(tmp_path, min_count=2)
    assert "\n" not in str(error.value)


def test_progress_reaches_the_end_of_every_file(tmp_path):
    calls = []
    aliccp.read(write(tmp_path), valid_share=0, progress=lambda *call: calls.append(call))
    last = {what: (done, total) for done, total, what in calls if not what.startswith("verifying")}
    files = {f"{name}.csv": (len(raw(text)),) * 2 for name, text in TEXT.items()}
    assert last == {**files, "counting values": (4, 4), "encoding train": (4, 4)}  # all 4 valid rows are for training


def test_valid_rows_are_a_share_by_sample_id():
    ids = np.arange(1, 200_001)
    held_out = aliccp.coin(ids) < 0.1
    assert abs(held_out.mean() - 0.1) < 0.003
    assert abs(np.corrcoef(held_out[1:], held_out[:-1])[0, 1]) < 0.01
    np.testing.assert_array_equal(aliccp.coin(ids[::-1])[::-1], aliccp.coin(ids))


# A row is a domain, a click and tokens: of wanted fields, of a look-alike, and of a field with many values.
TOKENS = ("205:30", "206:123456789012", "216:4", "127_14:3", "853:1", "853:2")
ROW = st.tuples(st.sampled_from("567"), st.sampled_from("01"), st.lists(st.sampled_from(TOKENS), unique=True))


@given(rows=st.lists(ROW, min_size=1, max_size=8), block=st.integers(1, 200), share=st.sampled_from([0, 0.3]))
@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_blocks_do_not_show(monkeypatch, rows, block, share):
    lines = []
    for i, (domain, click, more) in enumerate(rows, 1):
        tokens = "|".join(f"{token}=1.0" for token in (f"301:{domain}", *more))
        lines.append(f"{i},{click},0,00000000000000aa,{len(more) + 1},{tokens}")
    text = "\n".join(lines)  # the last line has no newline
    changed = {"sample_skeleton_train": text, "sample_skeleton_test": text, "common_features_test": COMMON_TRAIN}
    with tempfile.TemporaryDirectory() as a, tempfile.TemporaryDirectory() as b, monkeypatch.context() as small:
        whole = aliccp.read(write(Path(a), changed), min_count=1, valid_share=share)
        small.setattr(tianchi, "BLOCK_BYTES", block)
        small.setattr(prepared, "BLOCK_ROWS", 2)
        pieces = aliccp.read(write(Path(b), changed), min_count=1, valid_share=share)
        assert_same(whole, pieces)
        assert whole.train.n + whole.valid.n == whole.test.n == len(rows)
        assert whole.test.labels.tolist() == [int(click) for _, click, _ in rows]
        if share == 0:  # then every value is known, and a positive id says that the token is there
            present = [[token in more for token in TOKENS[:3]] for _, _, more in rows]
            assert (np.array(columns(whole, whole.test, "205", "206", "216")) > 0).tolist() == present


def with_windows_lines(text):
    return text.replace("\n", "\r\n")


@pytest.mark.parametrize("block_bytes", [1, 8 << 20])
def test_lines_of_windows_and_any_number_as_a_value(tmp_path, monkeypatch, block_bytes):
    plain = aliccp.read(write(tmp_path / "a"), min_count=1, valid_share=0)
    monkeypatch.setattr(tianchi, "BLOCK_BYTES", block_bytes)
    changed = {name: "\ufeff" + with_windows_lines(text) for name, text in TEXT.items()}
    for before, after in ("=1.0", "=1e+05"), ("=0.69315", "=-.5E-3"), ("=1.09861", "=+1 "), ("=0.1", "=*"):
        changed = {name: text.replace(before, after) for name, text in changed.items()}
    assert_same(plain, aliccp.read(write(tmp_path / "b", changed), min_count=1, valid_share=0))


@pytest.mark.parametrize("character", "\x00\x04\t\r\x1f")
def test_control_characters_are_refused(tmp_path, character):
    write(tmp_path, {"sample_skeleton_train": SKELETON_TRAIN.replace("77=1.0", f"77=1.{character}0")})
    with pytest.raises(InputError, match=r"sample_skeleton_train.csv:5: malformed token"):
        aliccp.read(tmp_path)


def many_rows(n, odd, domain=9351666):
    """A skeleton of n rows of one domain and `odd` rows of another, after the first ten."""
    domains = [9351665] * 10 + [domain] * odd + [9351665] * (n - 10)
    return "".join(f"{i},{i % 2},0,00000000000000aa,1,301:{d}=1.0\n" for i, d in enumerate(domains, 1))


@pytest.mark.parametrize(("n", "odd", "needed"), [(30, 1, 3), (2000, 4, 5), (200_000, 19, 20)])
def test_a_domain_needs_rows(tmp_path, n, odd, needed):
    write(tmp_path, {"sample_skeleton_train": many_rows(n, odd)})
    with pytest.raises(InputError) as error:
        aliccp.read(tmp_path)
    place = f"{tmp_path / 'sample_skeleton_train.csv'}:11: domain 9351666 (field 301) has {odd} of {n + odd:,} rows"
    assert str(error.value).startswith(place)
    assert f"at least {needed};" in str(error.value)


def test_a_small_domain_is_one(tmp_path):
    text = many_rows(2000, 5, domain=9351667)
    splits = aliccp.read(write(tmp_path, {"sample_skeleton_train": text}))
    assert len(splits.schema.domains) == 2


def test_too_many_domains(tmp_path):
    text = "".join(f"{i},0,0,00000000000000aa,1,301:{i}=1.0\n" for i in range(1, 300))
    write(tmp_path, {"sample_skeleton_train": text})
    with pytest.raises(InputError, match="field 301 has 299 values, want at most 255 domains"):
        aliccp.read(tmp_path)


def test_no_valid_row(tmp_path):
    write(tmp_path, {"sample_skeleton_test": SKELETON_TEST.splitlines()[0]})
    with pytest.raises(InputError, match=r"sample_skeleton_test.csv: not one valid row"):
        aliccp.read(tmp_path)


def test_how_many_rows_have_no_user_or_item_is_always_told(tmp_path):
    notes = aliccp.read(write(tmp_path)).notes
    assert "train file: rows without a user 0 (0.0 %), without an item 0 (0.0 %)" in notes
    assert "test file: rows without a user 1 (50.0 %), without an item 0 (0.0 %)" in notes


ODDITIES = [
    ("sample_skeleton_train", SKELETON_TRAIN.replace("2,1,0,", "1,1,0,"),
     "1 rows with a sample_id not above the one before; some may be in the file twice"
     " (first: sample_skeleton_train.csv:2)"),
    ("sample_skeleton_train", SKELETON_TRAIN.replace("210:1=1.0", "205:9=1.0"),
     "1 lines with two ids in a field that has one; the last counts (first: sample_skeleton_train.csv:1)"),
    ("sample_skeleton_train", SKELETON_TRAIN.replace("508:77", "20:77"),
     "2 lines with tokens of fields that have no place in the file; they are left out"
     " (first: sample_skeleton_train.csv:4)"),
    ("common_features_train", COMMON_TRAIN.replace("121:3438658", "205:30"),
     "1 lines with tokens of fields that have no place in the file; they are left out"
     " (first: common_features_train.csv:1)"),
    *(
        ("common_features_train", COMMON_TRAIN.replace("121:3438658", f"{field}:3438658"),
         "1 lines with tokens of fields that have no place in the file; they are left out"
         " (first: common_features_train.csv:1)")
        for field in ("000121", "121.00", "121_14", "0121", "121.0", " 121", "121 ")
    ),
    ("common_features_train", COMMON_TRAIN.replace("121:3438658", "000121:3438658"),
     "train file: NO ROW has field 121, 124, 125, 126, 128, 129, 206, 207, 509, 702"),
    ("sample_skeleton_test", SKELETON_TEST.rstrip("\n"),
     "1 files end without a line end; are they complete? (first: sample_skeleton_test.csv:3)"),
    ("sample_skeleton_test", SKELETON_TEST.replace(",1,0,", ",0,0,"),
     "test HAS NO CLICKS: no AUC can be measured; is the label's column the right one?"),
    ("common_features_train", COMMON_TRAIN + "00000000000000aa,1,101:9=1.0\n",
     "1 contexts with the index of another, but other contents; the later counts (first: common_features_train.csv:3)"),
]  # fmt: skip


@pytest.mark.parametrize("block_bytes", [1, 8 << 20])
@pytest.mark.parametrize(("name", "text", "note"), ODDITIES)
def test_what_is_odd_is_told(tmp_path, monkeypatch, name, text, note, block_bytes):
    monkeypatch.setattr(tianchi, "BLOCK_BYTES", block_bytes)
    assert note not in aliccp.read(write(tmp_path / "a")).notes
    assert note in aliccp.read(write(tmp_path / "b", {name: text})).notes


def test_one_file_in_two_places(tmp_path):
    write(tmp_path)
    write(tmp_path, place="{split}/{name}.csv.gz")
    with pytest.raises(InputError, match=r"common_features_train.csv and train/common_features_train.csv.gz are both"):
        aliccp.read(tmp_path)


def test_a_folder_instead_of_a_file(tmp_path):
    path = write(tmp_path) / "sample_skeleton_test.csv"
    path.unlink()
    path.mkdir()
    with pytest.raises(InputError, match=r"sample_skeleton_test.csv: not a regular file"):
        aliccp.read(tmp_path)


def peak_memory(folder):
    """Peak memory in MB of a process that reads the folder; from VmHWM, as ru_maxrss includes the parent's memory."""
    script = f"""
        from pathlib import Path
        from croco_np.datasets import aliccp, prepared, tianchi
        tianchi.BLOCK_BYTES, prepared.BLOCK_ROWS = 1 << 20, 1 << 13  # many blocks even in the smaller file
        aliccp.read({str(folder)!r})
        print(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, check=True, text=True)
    return int(done.stdout) / 1024


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_does_not_grow_with_rows(tmp_path):
    line = "2,1,0,00000000000000aa,21,301:9=1.0|" + "|".join(f"210:{i}=1.0" for i in range(20)) + "\n"
    peaks = []
    for n in (80_000, 640_000):
        folder = tmp_path / str(n)
        write(folder, {"sample_skeleton_test": line, "common_features_test": COMMON_TRAIN})
        (folder / "sample_skeleton_train.csv").write_bytes(raw(line) * n)
        peaks.append(peak_memory(folder))
    assert peaks[1] - peaks[0] < 8, peaks  # MB; the raw ids of the rows alone are 76 MB more
