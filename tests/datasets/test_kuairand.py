"""The KuaiRand reader, on files written by hand; bad files give one clear line."""

import gzip
import os
from pathlib import Path

import numpy as np
import pytest
from kuairand_files import LOG_HEADER, five_days, log_line, user_line, video_line, write

from croco_np.datasets import kuairand
from croco_np.datasets.kuairand import FIELDS, duration_bucket
from croco_np.errors import InputError

REAL = Path(os.environ.get("CROCO_NP_KUAIRAND", "data/kuairand"))


def column(rows, name):
    return rows.ids[:, FIELDS.index(name)].tolist()


def test_read_by_hand(tmp_path):
    log = [
        log_line(user=1, video=1, date=20220501, time=3, click=1, tab=0),
        log_line(user=2, video=2, date=20220501, time=1, click=0, tab=6),
        log_line(user=1, video=2, date=20220501, time=2, click=1, tab=0),
        log_line(user=9, video=9, date=20220502, time=4, click=0, tab=2),  # nobody in the tables
        log_line(user=1, video=1, date=20220503, time=5, click=1, tab=1),
    ]
    write(tmp_path, log, users=(1, user_line(2, degree="UNKNOWN")), videos=(1, video_line(2, author=8, tag="")))
    splits = kuairand.read(tmp_path, train_until=20220501, valid_until=20220502, min_count=1)
    train = splits.train
    assert splits.schema.domains == ("tab 0", "tab 1", "tab 2", "tab 4", "tab 6")
    assert splits.schema.context == ("author_id",)
    assert train.labels.tolist() == [0, 1, 1]  # in order of time
    assert train.domains.tolist() == [4, 0, 0]
    assert train.users.tolist() == [2, 1, 1]
    assert column(train, "user_id") == [2, 1, 1]  # ids by value, from 1
    assert column(train, "user_active_degree") == [1, 2, 2]  # "UNKNOWN" sorts before "full_active"
    assert column(train, "author_id") == [2, 2, 1]  # 7 -> 1, 8 -> 2
    assert column(train, "tag") == [0, 0, 1]  # an empty tag is missing: id 0
    assert column(train, "tab") == [5, 1, 1]  # domain s has id s + 1
    assert (splits.valid.n, splits.test.n) == (1, 1)
    unknown = splits.valid.ids[0]
    assert unknown[FIELDS.index("tab")] == 3
    assert not np.delete(unknown, [FIELDS.index("tab"), FIELDS.index("duration")]).any()  # all else is new: id 0


def test_rare_values_share_id_0(tmp_path):
    users = [1, 1, 1, 2, 2, 1, 1]
    days = [1, 1, 1, 1, 1, 2, 3]
    write(
        tmp_path,
        [log_line(user=u, date=20220500 + d, time=i) for i, (u, d) in enumerate(zip(users, days, strict=True))],
    )
    splits = kuairand.read(tmp_path, 20220501, 20220502, min_count=3)
    assert column(splits.train, "user_id") == [1, 1, 1, 0, 0]


def test_validation_and_test_rows_teach_no_vocabulary(tmp_path):
    log = five_days((1, 0, 5, 0, 5))
    log = [line.replace("1,1,20220503", "1,2,20220503") for line in log]  # video 2 only on the third day
    write(tmp_path, log)
    splits = kuairand.read(tmp_path, 20220501, 20220503, min_count=1)
    assert set(column(splits.valid, "video_id")) == {0}


def test_default_split_is_two_days_of_test_and_two_of_validation(tmp_path):
    write(tmp_path, five_days((3, 1, 1, 1, 1)))
    splits = kuairand.read(tmp_path)
    assert (splits.train.n, splits.valid.n, splits.test.n) == (3, 2, 2)


def test_duplicates_are_dropped_and_counted(tmp_path):
    log = five_days((3, 1, 1, 1, 1))
    write(tmp_path, [*log, log[0], log[0]])
    splits = kuairand.read(tmp_path)
    assert splits.train.n == 3
    assert "2 exact duplicates dropped" in splits.notes[-1]


def test_other_tabs_are_left_out(tmp_path):
    write(tmp_path, [*five_days((2, 1, 1, 1, 1)), log_line(tab=3), log_line(tab=14)])
    assert kuairand.read(tmp_path).train.n == 2


def test_no_column_leaks_the_label():
    leaks = ("is_", "play", "long_view", "stay", "cnt", "counts")
    allowed = {"is_lowactive_period", "is_live_streamer", "is_video_author"}  # of the user, not of the impression
    assert not [f for f in FIELDS if any(leak in f for leak in leaks) and f not in allowed]


def test_duration_buckets():
    assert duration_bucket([0, 999, 1000, 3000, 7000]).tolist() == [0, 3, 4, 8, 12]  # 4 log2(1 + s)


def test_gzip_several_logs_and_the_1k_layout(tmp_path):
    plain = write(tmp_path / "a", five_days((3, 1, 1, 1, 1)))
    write(tmp_path / "b" / "data", five_days((3, 0, 0, 0, 0)), suffix="1k")
    second = tmp_path / "b" / "data" / "log_standard_5_02_to_5_05_1k.csv.gz"
    with gzip.open(second, "wt") as file:
        file.write("\n".join([LOG_HEADER, *five_days((0, 1, 1, 1, 1))]) + "\n")
    one, two = kuairand.read(plain.parent), kuairand.read(tmp_path / "b")
    for a, b in zip((*one.train, *one.test), (*two.train, *two.test), strict=True):
        np.testing.assert_array_equal(a, b)


def test_one_ragged_line_is_skipped_and_told(tmp_path):
    log = five_days((3, 1, 1, 1, 1))
    write(tmp_path, [log[0], "1,2,3", *log[1:]])
    splits = kuairand.read(tmp_path)
    assert splits.train.n == 3
    assert "skipped line 3 (wrong number of columns)" in splits.notes[0]


def refused(folder, *words):
    with pytest.raises(InputError) as caught:
        kuairand.read(folder)
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message


def test_missing_file(tmp_path):
    log = write(tmp_path, five_days())
    log.unlink()
    refused(tmp_path, str(tmp_path), "no log_standard_*.csv")


def test_empty_file(tmp_path):
    log = write(tmp_path, five_days())
    log.write_text("")
    refused(tmp_path, log.name, "empty")


def test_truncated_gzip(tmp_path):
    log = write(tmp_path, five_days((200, 1, 1, 1, 1)))
    packed = gzip.compress(log.read_bytes())
    log.with_name(log.name + ".gz").write_bytes(packed[: len(packed) // 2])
    log.unlink()
    refused(tmp_path, log.name + ".gz", "fetch the file again")


def test_wrong_columns(tmp_path):
    log = write(tmp_path, five_days())
    log.write_text(log.read_text().replace("is_click", "clicked"))
    refused(tmp_path, log.name, "line 1", "'is_click'")


def test_many_ragged_lines(tmp_path):
    log = write(tmp_path, five_days((30, 1, 1, 1, 1)))
    log.write_text(log.read_text().replace(",0,0,0,0,1\n", ",0,0,1\n"))
    refused(tmp_path, log.name, "line 2", "19 columns")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (log_line(click="yes"), ("line 3", "is_click", "'yes'")),
        (log_line(click=2), ("line 3", "is_click", "2", "0 to 1")),
        (log_line(tab=15), ("line 3", "tab", "15", "0 to 14")),
        (log_line(tab="home"), ("line 3", "tab", "'home'")),
        (log_line(user=""), ("line 3", "user_id", "''")),
    ],
)
def test_bad_value(tmp_path, line, words):
    log = five_days()
    path = write(tmp_path, [log[0], line, *log[1:]])
    refused(tmp_path, path.name, *words)


def test_two_rows_of_one_user(tmp_path):
    write(tmp_path, five_days(), users=(1, 2, 1))
    refused(tmp_path, "user_features_pure.csv", "user_id 1")


def test_one_day_cannot_be_split(tmp_path):
    write(tmp_path, five_days((9, 0, 0, 0, 0)))
    refused(tmp_path, "--train-until")


@pytest.mark.skipif(
    not (REAL / "log_standard_4_25_to_5_08_pure.csv.gz").exists(),
    reason="genuine KuaiRand-Pure files are not in data/kuairand; set CROCO_NP_KUAIRAND to their folder",
)
def test_genuine_counts():
    """Rows, click rate and users of KuaiRand-Pure, 25 April to 8 May 2022, counted independently."""
    splits = kuairand.read(REAL)
    parts = (splits.train, splits.valid, splits.test)
    domains = np.concatenate([p.domains for p in parts])
    labels = np.concatenate([p.labels for p in parts])
    users = np.concatenate([p.users for p in parts])
    assert np.bincount(domains).tolist() == [20_240, 173_008, 6_909, 13_647, 6_056]
    assert labels.mean() == pytest.approx(0.4528, abs=5e-5)
    assert len(np.unique(users)) == 25_071
    for s, rate in enumerate([0.0857, 0.4939, 0.4805, 0.5960, 0.1499]):
        assert labels[domains == s].mean() == pytest.approx(rate, abs=5e-5)
