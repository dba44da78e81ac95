"""KuaiRand's files are what they claim: nothing shifts, dates are dates, files are of one version, or one line."""

import gzip

import numpy as np
import pytest
from kuairand_files import five_days, log_line, user_line, write
from test_kuairand import column, refused

from croco_np.datasets import kuairand
from croco_np.errors import InputError


def edit(path, change):
    path.write_bytes(change(path.read_bytes()))


def equal(one, two):
    assert one.schema == two.schema
    for a, b in zip((one.train, one.valid, one.test), (two.train, two.valid, two.test), strict=True):
        for x, y in zip(a, b, strict=True):
            np.testing.assert_array_equal(x, y)


def without_column(name):
    """The text of a log whose header has lost one name, its lines none."""
    return lambda data: data.replace(f"{name},".encode(), b"", 1)


def lines(change):
    """A change of every line below the header."""

    def of_all(data):
        header, *rest = data.decode().splitlines()
        return "\n".join([header, *(change(line) for line in rest)]).encode() + b"\n"

    return of_all


LOG, USERS, VIDEOS = "log_standard_4_25_to_5_08_pure.csv", "user_features_pure.csv", "video_features_basic_pure.csv"

SHIFTED = [
    (LOG, without_column("is_comment"), ("line 1", "'is_comment'")),
    (LOG, lambda data: data.replace(b"is_comment,", b"is_comment,more,"), ("line 2", "20 columns")),
    (LOG, without_column("user_id"), ("line 1", "'user_id'")),
    (LOG, lines(lambda line: line + ","), ("line 2", "19 columns")),
    (LOG, lines(lambda line: "7," + line), ("line 2", "19 columns")),
    (LOG, lambda data: data.replace(b"tab", b"tab,is_click", 1), ("line 1", "two columns", "'is_click'")),
    (LOG, lambda data: data.partition(b"\n")[2], ("line 1", "'user_id'")),
    (LOG, lambda data: data.partition(b"\n")[0], ("no rows below the header",)),
    (LOG, lambda data: data.replace(b"\n1,", b'\n"1,', 1), ("line 2", "quote")),
    (LOG, lambda data: data.replace(b"\n", b"\r"), ("line 1", "control character")),
    (LOG, lambda data: data.decode().encode("utf-16"), ("line 1", "UTF-8")),
    (USERS, lines(lambda line: line + ","), ("line 2", "32 columns instead of the header's 31")),
    (USERS, lines(lambda line: line.rpartition(",")[0]), ("line 2", "30 columns instead of the header's 31")),
    (USERS, lambda data: data.replace(b"onehot_feat3", b"oh3"), ("line 1", "'onehot_feat3'")),
    (USERS, lambda data: data.partition(b"\n")[0], ("no rows below the header",)),
    (USERS, lambda data: data.replace(b"\n1,", b"\n,"), ("line 2", "user_id is ''")),
    (USERS, lambda data: data.replace(b"\n1,", b"\nme,"), ("line 2", "user_id is 'me'")),
    (USERS, lambda data: data.replace(b"\n1,", b"\n-1,"), ("line 2", "user_id is -1", "negative")),
    (USERS, lambda data: data.replace(b"\n1,", b"\n" + 20 * b"1" + b","), ("line 2", "user_id", "18 digits")),
    (USERS, lambda data: data.replace(b"-124", b"no"), ("line 2", "is_live_streamer is 'no'")),
    (VIDEOS, lines(lambda line: line + ","), ("line 2", "13 columns instead of the header's 12")),
    (VIDEOS, lambda data: data.replace(b'"3,5"', b"3,5", 1), ("line 2", "13 columns")),
    (VIDEOS, lambda data: data.replace(b'"3,5"', b'"3,5', 1), ("line 2", "quote")),
    (VIDEOS, lambda data: data.replace(b"NORMAL", b"N\xe9", 1), ("line 2", "UTF-8")),
]


@pytest.mark.parametrize(("name", "change", "words"), SHIFTED)
def test_columns_that_would_shift_are_refused(tmp_path, name, change, words):
    write(tmp_path, five_days((9, 5, 5, 5, 5)))
    edit(tmp_path / name, change)
    refused(tmp_path, name, *words)


def test_few_lines_of_which_all_have_too_many_values(tmp_path):
    path = write(tmp_path, five_days())
    edit(path, lines(lambda line: line + ","))
    refused(tmp_path, path.name, "line 2 and 4 more", "19 columns")


def test_the_same_numbers_in_other_ordinary_forms(tmp_path):
    log = five_days((3, 2, 2, 2, 2))
    one = kuairand.read(write(tmp_path / "a", log).parent, min_count=1)
    path = write(tmp_path / "b", log)
    edit(path, lines(lambda line: line.replace(",1000,", ",1e+03,").replace(",0,0", ",0.0, 0")))
    edit(path, lambda data: b"\xef\xbb\xbf" + data.replace(b"\n", b"\r\n\r\n"))
    edit(tmp_path / "b" / USERS, lambda data: data.replace(b"\n1,", b"\n1.0,").replace(b",1,1", b',1.0,"1"'))
    edit(tmp_path / "b" / VIDEOS, lambda data: data.replace(b",7,", b",+7,").replace(b"\n", b"\r\n"))
    two = kuairand.read(tmp_path / "b", min_count=1)
    equal(one, two)


def test_columns_go_by_name(tmp_path):
    log = five_days((3, 2, 2, 2, 2))
    one = kuairand.read(write(tmp_path / "a", log).parent, min_count=1)
    path = write(tmp_path / "b", log)
    edit(path, lambda data: b"\n".join(b",".join(line.split(b",")[::-1]) for line in data.split(b"\n")))
    equal(one, kuairand.read(tmp_path / "b", min_count=1))


def test_an_added_column_is_told_and_does_not_hide_duplicates(tmp_path):
    log = five_days((3, 1, 1, 1, 1))
    path = write(tmp_path, [*log, log[0]])
    numbered = [f"{i - 1},{line}" if i else f"index,{line}" for i, line in enumerate(path.read_text().splitlines())]
    path.write_text("\n".join(numbered) + "\n")
    splits = kuairand.read(tmp_path)
    assert splits.train.n == 3
    assert "1 exact duplicates dropped" in splits.notes[-1]
    assert any("not KuaiRand's" in note and "'index'" in note for note in splits.notes)


@pytest.mark.parametrize(
    ("date", "words"),
    [
        (20290501, ("20290501", "2022-04-25 to 2022-05-08")),
        (20220601, ("20220601", "2022-04-25 to 2022-05-08")),
        (20220431, ("20220431", "YYYYMMDD")),
        (0, ("date is 0", "YYYYMMDD")),
        (10**17, ("YYYYMMDD",)),
    ],
)
def test_a_date_that_is_none_of_the_log(tmp_path, date, words):
    path = write(tmp_path, [*five_days((3, 2, 2, 2, 2)), log_line(date=date)])
    refused(tmp_path, f"{path.name}: line 13", *words)


def real_days(n, days):
    """Lines of n rows a day at times that fit: noon of each day in Beijing."""
    noon = 1_651_377_600_000
    return [
        log_line(user=1 + i % 2, date=20220501 + d, time=noon + d * 86_400_000 + i)
        for d in range(days)
        for i in range(n)
    ]


def test_one_date_that_does_not_fit_its_time_moves_no_split(tmp_path):
    log = real_days(20, 6)
    path = write(tmp_path, [*log, log_line(date=20220508, time=1_651_377_600_999)])
    refused(tmp_path, f"{path.name}: line 122", "20220508", "--train-until")
    splits = kuairand.read(tmp_path, 20220502, 20220504)
    assert any("does not fit their time_ms: 1 (" in note for note in splits.notes)


def test_a_day_needs_rows_to_be_one(tmp_path):
    log = real_days(200, 6)
    write(tmp_path, [*log, log_line(date=20220507, time=1_651_377_600_000 + 6 * 86_400_000)])
    splits = kuairand.read(tmp_path)
    assert (splits.train.n, splits.valid.n, splits.test.n) == (400, 400, 401)
    assert any("20220507 (1 rows)" in note for note in splits.notes)


@pytest.mark.parametrize(
    ("until", "word"),
    [((20220532, 0), "--train-until 20220532"), ((0, 5), "--valid-until 5"), ((20220503, 20220503), "must be before")],
)
def test_last_dates_are_dates_in_order(tmp_path, until, word):
    write(tmp_path, five_days())
    with pytest.raises(InputError, match=word):
        kuairand.read(tmp_path, *until)


def test_how_many_rows_have_no_user_or_video_is_always_told(tmp_path):
    write(tmp_path, five_days((6, 1, 1, 1, 1)))
    assert "0 (0.0 %) in user_features_pure.csv, 0 (0.0 %) in video_features_basic_pure.csv" in str(
        kuairand.read(tmp_path).notes
    )
    write(tmp_path, [*five_days((5, 1, 1, 1, 1)), log_line(user=3)])
    assert "1 (10.0 %) in user_features_pure.csv, 0 (0.0 %) in video" in str(kuairand.read(tmp_path).notes)
    write(tmp_path, five_days(), videos=(7,))
    refused(tmp_path, VIDEOS, "not one video_id")


def test_files_of_two_versions(tmp_path):
    write(tmp_path, five_days())
    (tmp_path / USERS).rename(tmp_path / "user_features_1k.csv")
    refused(tmp_path, LOG, "user_features_1k.csv", "two versions")
    (tmp_path / "user_features_1k.csv").rename(tmp_path / USERS)
    (tmp_path / LOG.replace("pure", "1k")).write_bytes((tmp_path / LOG).read_bytes())
    refused(tmp_path, LOG, LOG.replace("pure", "1k"), "two versions")


def test_files_in_the_folder_and_in_its_data(tmp_path):
    write(tmp_path, five_days())
    (tmp_path / "data").mkdir()
    assert kuairand.read(tmp_path).train.n == 1
    write(tmp_path / "data", five_days())
    refused(tmp_path, "subfolder data")


def test_an_added_column_of_a_table_is_told(tmp_path):
    write(tmp_path, five_days())
    edit(
        tmp_path / VIDEOS,
        lambda data: b"\n".join(b"7," + line for line in data.splitlines()).replace(b"7,", b"more,", 1),
    )
    assert any(note.startswith(VIDEOS) and "'more'" in note for note in kuairand.read(tmp_path).notes)


def test_one_log_twice(tmp_path):
    path = write(tmp_path, five_days())
    path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes()))
    refused(tmp_path, path.name, "plain and as .gz")


def test_no_row_in_the_tabs_of_the_paper(tmp_path):
    write(tmp_path, [log_line(tab=3), log_line(tab=9)])
    refused(tmp_path, "none of the 2 rows", "tabs 0, 1, 2, 4, 6")


def test_tabs_without_training_rows_are_told(tmp_path):
    write(tmp_path, five_days())
    assert any("tab 0, tab 2, tab 4, tab 6" in note for note in kuairand.read(tmp_path).notes)


def test_a_log_that_is_no_file(tmp_path):
    path = write(tmp_path, five_days())
    path.unlink()
    path.mkdir()
    refused(tmp_path, path.name, "not a regular file")


def test_a_message_quotes_little(tmp_path):
    path = write(tmp_path, [*five_days(), log_line(tab="9" * 200_000)])
    with pytest.raises(InputError) as error:
        kuairand.read(tmp_path)
    assert len(str(error.value)) < len(str(path)) + 200


def test_many_categories_and_a_feature_without_any(tmp_path):
    rows = [user_line(u, degree=f"d{u:03}").removesuffix("1") for u in range(300)]
    log = [log_line(user=u, date=20220501, time=u) for u in range(300)]
    write(tmp_path, [*log, log_line(date=20220502), log_line(date=20220503)], users=rows)
    train = kuairand.read(tmp_path, 20220501, 20220502, min_count=1).train
    assert column(train, "user_active_degree") == list(range(1, 301))
    assert set(column(train, "onehot_feat17")) == {0}
