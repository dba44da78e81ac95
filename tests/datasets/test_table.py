"""A flat table of clicks becomes a data set: by hand on tiny tables, and by laws on drawn ones."""

import gzip
from itertools import pairwise

import kuairand_files
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from croco_np.datasets import kuairand, table_files
from croco_np.datasets.table import from_columns, read
from croco_np.datasets.table_split import cut
from croco_np.errors import InputError, OptionError

ROLES = {"label": "click", "user": "uid", "item": "iid", "domain": "tab"}


def columns(n=20):
    """n rows in order of time; users u0..u3, items 0..4, domains "a" and "b"."""
    i = np.arange(n)
    return {
        "click": (i % 3 == 0).astype(int),
        "uid": [f"u{k % 4}" for k in i],
        "iid": i % 5,
        "tab": ["ab"[k % 2] for k in i],
        "ts": 100 + i,
    }


def parts(splits):
    return splits.train, splits.valid, splits.test


def test_by_hand():
    table = {
        "click": [1, 0, 1, 0, 1],
        "uid": ["x", "y", "x", "x", None],
        "iid": [7, 7, 9, 9, 8],
        "tab": ["b", "a", "b", "a", "b"],
        "ts": [1, 2, 3, 4, 5],
    }
    splits = from_columns(table, **ROLES, time="ts", min_count=1, valid_share=0.2, test_share=0.2)
    assert splits.schema.fields == ("uid", "iid", "tab")
    assert splits.schema.vocabulary == (3, 3, 3)  # x, y; 7, 9; a, b: 8 is in no training row
    assert splits.schema.domains == ("a", "b")
    assert splits.train.ids.tolist() == [[1, 1, 2], [2, 1, 1], [1, 2, 2]]
    assert splits.valid.ids.tolist() == [[1, 2, 1]]
    assert splits.test.ids.tolist() == [[0, 0, 2]]
    assert splits.train.labels.tolist() == [1, 0, 1]
    assert splits.train.domains.tolist() == [1, 0, 1]
    assert splits.test.users.tolist() == [-1]
    assert splits.train.users[0] == splits.train.users[2] == splits.valid.users[0] != splits.train.users[1]
    assert splits.train.ids.dtype == np.int32
    assert splits.name == "table"


def test_rare_values_are_those_of_the_training_rows():
    table = columns(20)
    table["iid"] = [1] * 9 + [2] * 7 + [2] * 4  # 2 is there 11 times, 7 of them in training
    splits = from_columns(table, **ROLES, time="ts", min_count=8)
    assert splits.schema.vocabulary[1] == 2
    assert splits.train.ids[:, 1].tolist() == [1] * 9 + [0] * 7
    assert splits.schema.vocabulary[2] == 3  # domains are never rare


def test_a_domain_without_training_rows_is_told():
    splits = from_columns(columns() | {"tab": ["a"] * 19 + ["z"]}, **ROLES, time="ts", min_count=1)
    assert splits.test.domains.tolist() == [0, 1]
    assert any("nothing is learnt of: z" in note for note in splits.notes)


def test_domains_of_numbers_in_order_of_value():
    splits = from_columns(columns() | {"tab": [10, 9] * 10}, **ROLES, min_count=1)
    assert splits.schema.domains == ("tab 9", "tab 10")
    assert from_columns(columns() | {"tab": [3] * 20}, **ROLES).schema.domains == ("tab 3",)


def test_at_most_255_domains():
    table = columns(256) | {"tab": np.arange(256)}
    with pytest.raises(InputError, match=r"tab has 256 values \(0, 1, 2, ...\), want at most 255"):
        from_columns(table, **ROLES)
    assert len(from_columns(table | {"tab": np.arange(256) % 255}, **ROLES).schema.domains) == 255


@pytest.mark.parametrize("labels", [[True, False] * 10, ["1", "0"] * 10, [1.0, 0.0] * 10, [1, "0"] * 10])
def test_labels_in_all_their_forms(labels):
    table = columns() | {"click": labels}
    assert from_columns(table, **ROLES, time="ts").train.labels.tolist() == [1, 0] * 8
    del table["click"]
    given = ROLES | {"label": np.array(labels, object)}
    assert from_columns(table, **given, time="ts").train.labels.tolist() == [1, 0] * 8


@pytest.mark.parametrize(("wrong", "shown"), [(2, "2"), ("yes", "'yes'"), (0.5, "0.5"), (-1, "-1")])
def test_a_label_that_is_none(wrong, shown):
    with pytest.raises(InputError, match=f"^row 7: click is {shown}, want 0 or 1"):
        from_columns(columns() | {"click": [0] * 7 + [wrong] + [1] * 12}, **ROLES)


def test_rows_that_lack_something_are_dropped_and_counted():
    table = columns()
    table["click"] = [None, None, *table["click"][2:]]
    table["tab"] = ["a", "", *table["tab"][2:]]  # its first lacks a click, too, and is counted once
    table["ts"] = [*table["ts"][:19], np.nan]
    splits = from_columns(table, **ROLES, time="ts")
    assert sum(part.n for part in parts(splits)) == 17
    assert "rows dropped: 2 without click, 1 without ts" in splits.notes
    assert "20 rows, 17 of them used; without click 2 (10.0 %); without ts 1 (5.0 %)" in splits.notes
    assert sum(part.n for part in parts(from_columns(table, **ROLES, time="ts", split="random"))) == 18


def test_repeated_rows_are_told_or_dropped():
    table = {name: np.concatenate([column, column[:3]]) for name, column in columns().items()}
    kept, dropped = (from_columns(table, **ROLES, time="ts", drop_duplicates=drop) for drop in (False, True))
    assert "rows that equal an earlier one in all columns used: 3 (13.0 %); they are kept" in kept.notes
    assert sum(part.n for part in parts(kept)) == 23
    assert sum(part.n for part in parts(dropped)) == 20
    assert any(note.startswith("rows dropped: 3 equal to an earlier one") for note in dropped.notes)


def test_the_time_and_the_label_are_no_fields():
    assert from_columns(columns(), **ROLES, time="ts").schema.fields == ("uid", "iid", "tab")
    assert from_columns(columns(), **ROLES).schema.fields == ("uid", "iid", "tab", "ts")
    assert from_columns(columns(), **ROLES, time="ts", fields=["ts"]).schema.fields == ("uid", "iid", "ts", "tab")
    with pytest.raises(InputError, match="'click' is the label"):
        from_columns(columns(), **ROLES, fields=["click"])


# Splits


def test_time_ties_stay_together():
    for times in ([1] * 3 + [2] * 3 + [3] * 14, list(range(18)) + [99] * 2, [5] * 18 + [6, 7]):
        splits = from_columns(columns() | {"ts": times}, **ROLES, time="ts", fields=["ts"], min_count=1)
        sizes = np.cumsum([part.n for part in parts(splits)])[:-1]
        assert all(times[cut - 1] < times[cut] for cut in sizes)


def test_time_of_any_order():
    order = np.random.default_rng(0).permutation(20)
    shuffled = {name: np.array(column)[order] for name, column in columns().items()}
    splits = from_columns(shuffled, **ROLES, time="ts", fields=["ts"], min_count=1)
    assert [len(part.ids) for part in parts(splits)] == [16, 2, 2]
    latest = from_columns(columns(), **ROLES, time="ts").test
    assert sorted(splits.test.users) == sorted(latest.users)


DAYS = [f"2022-05-{day:02d}" for day in range(1, 11) for _ in range(2)]


@pytest.mark.parametrize(
    ("times", "until"),
    [
        (np.repeat(np.arange(10), 2), (5, 7)),
        (np.repeat(np.arange(10), 2) + 0.25, (5.25, 7.5)),
        (np.repeat(np.arange(20220501, 20220511), 2), (20220506, 20220508)),
        (DAYS, (20220506, 20220508)),
        (DAYS, ("2022-05-06", "2022-05-08")),
        ([f"{day}T23:59:59.999" for day in DAYS], (20220506, 20220508)),
        ([f"{day} 23:00:00+00:00" for day in DAYS], (20220506, 20220508)),
        (pd.to_datetime(pd.Series(DAYS)) + pd.Timedelta(hours=23), (20220506, 20220508)),
        (pd.to_datetime(pd.Series(DAYS, index=range(5, 25))).dt.tz_localize("UTC"), (20220506, 20220508)),
        (np.array(DAYS, "datetime64[D]"), (20220506, 20220508)),
    ],
)
def test_bounds_of_time(times, until):
    splits = from_columns(
        columns() | {"ts": times}, **ROLES, time="ts", train_until=until[0], valid_until=until[1], min_count=1
    )
    assert [part.n for part in parts(splits)] == [12, 4, 4]


def test_one_bound_and_shares_for_the_rest():
    sizes = [[part.n for part in parts(from_columns(columns(), **ROLES, time="ts", **bound))] for bound in (
        {"train_until": 109}, {"valid_until": 113})]  # fmt: skip
    assert sizes == [[10, 5, 5], [12, 2, 6]]


def test_shares_of_nothing():
    for shares, sizes in (((0, 0.1), [18, 0, 2]), ((0.1, 0), [18, 2, 0]), ((0, 0), [20, 0, 0])):
        for how in ({"time": "ts"}, {"split": "random"}):
            splits = from_columns(columns(), **ROLES, **how, valid_share=shares[0], test_share=shares[1])
            assert [part.n for part in parts(splits)] == sizes
            assert not any("HAS NO ROWS" in note for note in splits.notes)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"time": "ts", "train_until": 119}, "no rows are left for valid and test"),
        ({"time": "ts", "train_until": 99}, "no rows are left for train"),
        ({"time": "ts", "train_until": 110, "valid_until": 105}, "train_until 110: not before valid_until 105"),
        ({"train_until": 3}, "train_until: is for a split by time"),
        ({"split": "time"}, "split time: needs the column of times, time"),
        ({"split": "month"}, "split 'month': choose one of time, random, user"),
        ({"valid_share": 0.5, "test_share": 0.5}, "leave no training rows"),
        ({"valid_share": -0.1}, "valid_share -0.1: must be at least 0"),
        ({"min_count": 0}, "min_count 0: must be at least 1"),
        ({"user": "uidd"}, "user: no column 'uidd', did you mean 'uid'\\?; there are: click, uid, iid, tab, ts"),
        ({"fields": ["uid", "x"]}, "fields: no column 'x'"),
        ({"fields": ["uid", "uid"]}, "fields: 'uid' is there twice"),
        ({"user": "iid"}, "user and item are one column, 'iid'"),
        ({"time": "click"}, "label and time are one column"),
        ({"kinds": {"uid": "colour"}}, "kinds: 'colour' is none of"),
        ({"context": ["ts"], "fields": ["uid"]}, "context: 'ts' is none of the fields"),
    ],
)
def test_options_that_do_not_go_together(wrong, message):
    with pytest.raises(InputError, match=message):
        from_columns(columns(), **ROLES | wrong)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (columns() | {"ts": ["2022-05-01"] * 19 + ["soon"]}, "row 19: ts is 'soon', neither a number nor a date"),
        (columns() | {"ts": ["01/05/2022"] * 20}, "row 0: ts is '01/05/2022', neither a number nor a date"),
        (columns() | {"ts": [1] * 20}, "no rows are left for valid and test"),
        (columns() | {"ts": [1, 2] * 10}, "no rows are left for"),
        (columns() | {"ts": [1] * 3}, "column ts: 3 rows, click has 20"),
        (columns() | {"uid": ["x"]}, "column uid: 1 rows, click has 20"),
        (columns() | {"uid": np.zeros((20, 2))}, "column uid: has 2 dimensions"),
        (columns() | {"click": [None] * 20}, "no row has a click"),
        (columns() | {"tab": [None] * 20}, "no row has all of click, tab, ts"),
        (columns(0), "no rows"),
        (columns() | {1: [0] * 20}, "the name 1 is no text"),
        ([1, 2], "a list, want a pandas DataFrame"),
        (None, "a NoneType, want a pandas DataFrame"),
        ({}, "label: no column 'click'; there are: none"),
        (pd.DataFrame(columns()).iloc[0], "a Series, want a pandas DataFrame"),
        (pd.DataFrame(columns())["click"], "a Series, want a pandas DataFrame"),
        (columns() | {"uid": 3}, "column uid: is a single value, 3; want a column of one value a row"),
        (columns() | {"click": np.int64(1)}, "click: is a single value, 1;"),
        (pd.concat([pd.DataFrame(columns())] * 2, axis=1), "two columns are called 'click'"),
    ],
)
def test_tables_that_cannot_be_used(table, message):
    with pytest.raises(InputError, match=message):
        from_columns(table, **ROLES, time="ts")


def test_a_series_that_is_a_column_is_the_label():
    frame = pd.DataFrame(columns())
    by_name = from_columns(frame, **ROLES, time="ts")
    given = from_columns(frame, **ROLES | {"label": frame["click"].astype(bool)}, time="ts")
    assert given.schema == by_name.schema
    assert given.fingerprint == by_name.fingerprint
    assert given.encoder == by_name.encoder
    with pytest.raises(InputError, match="fields: 'click' is the label"):
        from_columns(frame, **ROLES | {"label": frame["click"]}, fields=["uid", "click"])


@pytest.mark.parametrize(
    "written",
    [
        [0, 1],
        [1, 0],
        ["no", "yes"],
        [-1.0, 1.0],
        [None, 1],
        ["", "2022-05-01"],
        [True, False],
        [b"no", b"yes"],
        [np.float32(0.1), np.float32(0.2)],
    ],
)
def test_a_field_that_is_the_label_is_refused(written):
    table = columns(40)
    clicks = np.array(table["click"])
    table["seen"] = [written[click] for click in table["click"]]
    with pytest.raises(InputError, match=r"^column 'seen' says the same as the labels; leave it out of the fields"):
        from_columns(table, **ROLES)
    with pytest.raises(InputError, match=r"^column 'click' says the same as the labels"):
        from_columns(table, **ROLES | {"label": clicks}, fields=["click"])
    assert from_columns(table, **ROLES, fields=["ts"]).train.n
    almost = table | {"seen": [*table["seen"][:-1], written[1 - clicks[-1]]]}
    assert "seen" in from_columns(almost, **ROLES).schema.fields
    few = {name: column[:31] for name, column in table.items()}
    assert "seen" in from_columns(few, **ROLES).schema.fields
    none = table | {"click": [0] * 40, "seen": ["no"] * 40}
    assert "seen" in from_columns(none, **ROLES).schema.fields
    assert from_columns(table, **ROLES | {"domain": "seen"}).train.n


def test_a_label_given_apart_has_no_name_in_messages():
    table = columns()
    clicks = table.pop("click")
    with pytest.raises(InputError, match=r"domain: no column 'labe'; there are: uid, iid, tab, ts$"):
        from_columns(table, **ROLES | {"label": clicks, "domain": "labe"})
    with pytest.raises(InputError, match=r"no row has all of the label, tab$"):
        from_columns(table | {"tab": [None] * 20}, **ROLES | {"label": clicks})
    with pytest.raises(InputError, match=r"^row 3: the label is 5, want 0 or 1"):
        from_columns(table, **ROLES | {"label": [0, 1, 0, 5] * 5})
    with pytest.raises(InputError, match="column uid: 20 rows, there are 3 labels"):
        from_columns(table, **ROLES | {"label": [0, 1, 0]})
    with pytest.raises(InputError, match=r"^the label: has 2 dimensions"):
        from_columns(table, **ROLES | {"label": np.zeros((20, 1))})


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"fields": "uid"}, "fields: want a list of names, got 'uid'"),
        ({"fields": ["uid", 3]}, "fields: want a list of names, got"),
        ({"fields": 3}, "fields: want a list of names, got 3"),
        ({"context": "uid"}, "context: want a list of names, got 'uid'"),
        ({"domain": None}, "domain: want the name of a column, got None"),
        ({"label": None}, "label: want the name of a column, got None"),
        ({"user": 3}, "user: want the name of a column, got 3"),
        ({"time": 3}, "time: want the name of a column, got 3"),
        ({"valid_share": "0.1"}, "valid_share: want a number, got '0.1'"),
        ({"test_share": None}, "test_share: want a number, got None"),
        ({"valid_share": float("nan")}, "valid_share nan: must be at least 0"),
        ({"min_count": "3"}, "min_count: want a whole number, got '3'"),
        ({"seed": 0.5}, "seed: want a whole number, got 0.5"),
    ],
)
def test_options_of_the_wrong_type(wrong, message):
    with pytest.raises(OptionError, match=message):
        from_columns(columns(), **ROLES | wrong)


def test_dates_in_a_file_and_in_memory_meet(tmp_path):
    days = pd.to_datetime(pd.Series(DAYS)) + pd.Timedelta(hours=10)
    frame = pd.DataFrame(columns()).assign(day=days)
    given = from_columns(frame, **ROLES, time="ts", min_count=1)
    assert read(written(tmp_path, frame.to_csv(index=False)), **ROLES, time="ts", min_count=1).encoder == given.encoder
    kept = given.encoder.columns[given.schema.fields.index("day")].vocabulary.kept
    assert kept[0] == "2022-05-01T10:00:00"


def test_all_rows_of_a_user_are_in_one_part():
    table = columns(400) | {"uid": [f"u{k % 40}" if k % 40 else None for k in range(400)]}
    splits = from_columns(table, **ROLES, split="user", seed=3)
    users = [set(part.users[part.users >= 0].tolist()) for part in parts(splits)]
    assert sum(map(len, users)) == len(set().union(*users)) == 39
    assert 30 <= splits.valid.n <= 50


def _raw(splits, of, clicks):
    """The rows of a part: ids, users, and clicks; which of two rows that differ in clicks alone is drawn is open."""
    part = getattr(splits, of)
    columns = [*part.ids.T, part.users, part.domains, part.labels if clicks else part.domains]
    return list(zip(*(column.tolist() for column in columns), strict=True))


@settings(deadline=None, max_examples=40)
@given(
    st.integers(0, 2**32),
    st.sampled_from([{"split": "random"}, {"split": "user"}, {"time": "ts"}]),
    st.sampled_from(["dict", "frame", "strings", "category", "nullable"]),
)
def test_neither_order_nor_container_matters(seed, how, container):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(30, 200))
    table = {
        "click": rng.integers(0, 2, n),
        "uid": rng.integers(0, 20, n),
        "iid": np.array([f"é{k}" for k in range(9)])[rng.integers(0, 9, n)],
        "tab": rng.integers(0, 3, n),
        "ts": rng.permutation(n),
    }
    how = how | {"fields": ["uid", "iid"], "min_count": 2, "seed": seed % 7}
    before = from_columns(table, **ROLES, **how)
    order = rng.permutation(n)
    frame = pd.DataFrame(table).iloc[order]  # with its index in that order
    change = {
        "dict": lambda f: {name: f[name].tolist() for name in f},
        "frame": lambda f: f,
        "strings": lambda f: f.astype(str),
        "category": lambda f: f.astype("category"),
        "nullable": lambda f: f.convert_dtypes(),
    }
    after = from_columns(change[container](frame), **ROLES, **how)
    assert after.schema.domains == before.schema.domains
    assert after.encoder == before.encoder
    for part in ("train", "valid", "test"):
        of_rows = [sorted(_raw(splits, part, how.get("split") != "random")) for splits in (before, after)]
        assert of_rows[0] == of_rows[1]
    encoded = after.encoder.encode(change[container](frame))
    assert encoded.rows.labels.tolist() == table["click"][order].tolist()


@settings(deadline=None)
@given(st.lists(st.integers(0, 30), min_size=1), st.sampled_from([(0.1, 0.1), (0.3, 0.2), (0, 0.2), (0.2, 0), (0, 0)]))
def test_a_cut_is_a_partition_in_order(scores, shares):
    scores = np.array(scores)
    try:
        found = cut(scores, shares, (None, None), "scores")
    except InputError:
        assert len(np.unique(scores)) < 1 + sum(share > 0 for share in shares)
        return
    assert sorted(np.concatenate(found).tolist()) == list(range(len(scores)))
    ranges = [(scores[part].min(), scores[part].max()) for part in found if len(part)]
    assert all(a[1] < b[0] for a, b in pairwise(ranges))
    assert [len(part) > 0 for part in found] == [True, *(share > 0 for share in shares)]


def test_the_encoder_gives_the_rows_of_the_splits():
    table = columns(50)
    splits = from_columns(table, **ROLES, time="ts", min_count=3)
    rows = splits.encoder.encode(table).rows
    whole = [np.concatenate(columns) for columns in zip(*parts(splits), strict=True)]
    assert all((a == b).all() for a, b in zip(rows, whole, strict=True))


def test_seeds_are_different_and_fields_are_not():
    table = columns(400)
    first, again, other = (from_columns(table, **ROLES, seed=seed) for seed in (0, 0, 1))
    assert first.fingerprint == again.fingerprint != other.fingerprint
    fewer = from_columns(table, **ROLES, fields=["uid"])
    assert fewer.test.users.tolist() == first.test.users.tolist()  # the same rows: runs can be compared


def test_kuairand_as_a_flat_table(tmp_path):
    """Logs and feature tables, joined to one table, become the rows that KuaiRand's own reader makes of them."""
    rng = np.random.default_rng(0)
    day = np.sort(rng.integers(1, 9, 2000))
    lines = [
        kuairand_files.log_line(u, v, 20220500 + d, i, c, length, t)
        for i, (u, v, d, c, length, t) in enumerate(
            zip(
                rng.integers(0, 30, 2000).tolist(),
                rng.integers(0, 40, 2000).tolist(),
                day.tolist(),
                rng.integers(0, 2, 2000).tolist(),
                rng.integers(0, 99999, 2000).tolist(),
                rng.choice([0, 1, 2, 4, 6], 2000).tolist(),
                strict=True,
            )
        )
    ]
    users = [kuairand_files.user_line(u, degree=["full_active", "", "2_14_day+"][u % 3]) for u in range(29)]
    videos = [kuairand_files.video_line(v, author=v % 7, tag=['"3,5"', "NA", "12", "7"][v % 4]) for v in range(39)]
    kuairand_files.write(tmp_path, lines, users, videos)
    log, user, video = (pd.read_csv(next(tmp_path.glob(f"{kind}*"))) for kind in ("log", "user", "video"))
    joined = log.merge(user, on="user_id", how="left").merge(video, on="video_id", how="left")
    joined["duration"] = kuairand.duration_bucket(joined["duration_ms"])
    joined[[*kuairand.FIELDS, "date", "is_click"]].to_csv(tmp_path / "flat.csv", index=False)

    roles = {"label": "is_click", "user": "user_id", "item": "video_id", "domain": "tab", "time": "date"}
    flat = read(tmp_path / "flat.csv", **roles, train_until=20220504, valid_until=20220506, context=("author_id",))
    own = kuairand.read(tmp_path)
    assert flat.schema == own.schema
    assert max(own.schema.vocabulary) > 20
    for a, b in zip(parts(flat), parts(own), strict=True):
        assert all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


# Files


def written(folder, text, name="clicks.csv"):
    path = folder / name
    data = text.encode() if isinstance(text, str) else text
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return path


def csv(n=20):
    return pd.DataFrame(columns(n)).to_csv(index=False)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (csv(), "a.csv"),
        (csv(), "a.csv.gz"),
        ("\ufeff" + csv(), "a.csv"),
        (csv().replace("\n", "\r\n"), "a.csv"),
        (csv().replace("\n", "\n\n"), "a.csv"),
        (csv().replace("u1", '"u1"'), "a.csv"),
        (pd.DataFrame(columns()).to_csv(), "a.csv"),  # with the index, a column without a name
    ],
)
def test_files_are_read_as_columns_are(tmp_path, text, name):
    splits = read(written(tmp_path, text, name), **ROLES, time="ts")
    assert splits.fingerprint == from_columns(columns(), **ROLES, time="ts").fingerprint
    assert splits.encoder == from_columns(columns(), **ROLES, time="ts").encoder


def test_long_ids_beside_gaps_stay_whole(tmp_path):
    rows = "".join(f"{i % 2},{'' if i == 9 else 2**62 + i % 2},{i},a\n" for i in range(20))
    splits = read(written(tmp_path, "click,uid,iid,tab\n" + rows), **ROLES, min_count=1)
    assert splits.encoder.columns[0].vocabulary.kept.tolist() == [2**62, 2**62 + 1]


@pytest.mark.parametrize(
    ("values", "kept", "note"),
    [
        (
            [2**53, 2**53 + 1, 0.5],
            ["0.5", "9007199254740992", "9007199254740993"],
            "digits than can be told apart",
        ),
        (["1e300", "", "0.5"], ["0.5", "1e300"], "digits than can be told apart"),
        (["007", "7", ""], ["007", "7"], "zeros or a plus in front"),
        (['"007"', "7", "07"], ["007", "07", "7"], "zeros or a plus in front"),
        (["-07", "-7", "1"], ["-07", "-7", "1"], "zeros or a plus in front"),
        (["+7", "7", "1"], ["+7", "1", "7"], "zeros or a plus in front"),
        (["00.5", "0.5", "1"], ["0.5", "00.5", "1"], "zeros or a plus in front"),
        (["0", "0.5", "100"], [0.0, 0.5, 100.0], None),
        (["0", "-1", "2022"], [-1, 0, 2022], None),
        (["x", "NA", "null"], ["x"], "iid: 13 rows have no value, by one of the texts NA, N/A"),
        (["x", '"NA"', ""], ["x"], "iid: 7 rows have no value, by one of the texts NA, N/A"),
        (["x", "NAM", "Nan"], ["NAM", "Nan", "x"], None),
        (["1", "NA", "2"], [1, 2], None),
    ],
)
@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("block_bytes", [64, 1 << 20])
def test_a_file_keeps_values_apart(tmp_path, monkeypatch, values, kept, note, first, block_bytes):
    monkeypatch.setattr(table_files, "BLOCK_BYTES", block_bytes)
    columns = {"iid": [values[i % 3] for i in range(20)], "click": [i % 5 % 2 for i in range(20)], "uid": range(20)}
    columns = columns | {"tab": ["a"] * 20}
    names = list(columns) if first else ["click", "uid", "tab", "iid"]
    rows = [",".join(str(columns[name][i]) for name in names) for i in range(20)]
    path = written(tmp_path, "\n".join([",".join(names), *rows, ""]))
    splits = read(path, **ROLES, min_count=1, valid_share=0, test_share=0)
    column = next(c for c in splits.encoder.columns if c.source == "iid")
    assert column.vocabulary.kept.tolist() == kept
    told = [line for line in splits.notes if line.startswith("clicks.csv")]
    assert (len(told) == 1 and note in told[0]) if note else not told
    ids = np.concatenate([splits.encoder.encode(block).rows.ids for block in table_files.read_blocks(path, 7)])
    assert (np.sort(ids, axis=0) == np.sort(splits.train.ids, axis=0)).all()
    assert set(ids[:, splits.schema.fields.index("iid")].tolist()) - {0} == set(range(1, len(kept) + 1))


def test_parquet(tmp_path):
    pytest.importorskip("pyarrow", reason="Parquet is read by pyarrow: pip install -e '.[parquet]'")
    pd.DataFrame(columns()).to_parquet(tmp_path / "a.parquet")
    splits = read(tmp_path / "a.parquet", **ROLES, time="ts")
    assert splits.fingerprint == from_columns(columns(), **ROLES, time="ts").fingerprint
    with pytest.raises(InputError, match="not a whole Parquet file"):
        read(written(tmp_path, (tmp_path / "a.parquet").read_bytes()[:-9], "b.parquet"), **ROLES)


def test_parquet_without_pyarrow(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(InputError, match=r"needs pyarrow: pip install 'croco-np\[parquet\]'"):
        read(written(tmp_path, b"PAR1", "a.parquet"), **ROLES)


HEADER = "click,uid,iid,tab\n"


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        ("", "a.csv", "empty file"),
        (HEADER, "a.csv", "no rows below the header"),
        (HEADER + "\n\n", "a.csv", "no rows below the header"),
        ("click,uid,uid,tab\n1,1,1,1\n", "a.csv", "line 1: two columns are called 'uid'"),
        (HEADER + "1,2,3,4\n1,2,3\n", "a.csv", "line 3: 3 columns, the header has 4"),
        (HEADER + "1,2,3,4\n1,2,3,4,5\n", "a.csv", "line 3: 5 columns, the header has 4"),
        (HEADER + "1,2,3,4\n1,2\0,3,4\n", "a.csv", "line 3: holds the control character"),
        (HEADER + '1,2,3,4\n1,"2,3,4\n', "a.csv", "line 3: a quote is not closed"),
        (HEADER.encode() + b"1,\xff,3,4\n", "a.csv", "line 2: not UTF-8"),
        (bytes(range(255, 191, -1)) + b"\0\n\0", "a.csv", "line 1"),
        ("\t".join(HEADER.split(",")), "a.csv", "line 1: columns are separated by tabs"),
        (HEADER.replace(",", ";"), "a.csv", "line 1: columns are separated by semicolons"),
        (HEADER + "1,2,3,4\n\n7,2,3,4\n", "a.csv", "line 4: click is 7, want 0 or 1"),
        ("uid,iid,tab\n1,2,3\n", "a.csv", "label: no column 'click'"),
        (gzip.compress(csv().encode(), mtime=0), "a.csv", "holds gzip data; name it a.csv.gz"),
        (HEADER, "a.txt", "want a file that ends in .csv, .csv.gz or .parquet"),
    ],
)
def test_files_that_are_wrong(tmp_path, text, name, message):
    path = written(tmp_path, text, name)
    with pytest.raises(InputError, match=message) as told:
        read(path, **ROLES)
    assert str(told.value).startswith(str(path))
    assert "\n" not in str(told.value)
    assert str(told.value).count(str(path)) == 1


def test_files_that_are_none(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read(tmp_path / "a.csv", **ROLES)
    (tmp_path / "b.csv").mkdir()
    with pytest.raises(InputError, match="not a regular file"):
        read(tmp_path / "b.csv", **ROLES)
    damaged = gzip.compress(csv(2000).encode())
    for name, data in (("c.csv.gz", damaged[:-20]), ("d.csv.gz", damaged[:200] + b"\0" * 99 + damaged[299:])):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(InputError, match="broken gzip stream"):
            read(tmp_path / name, **ROLES)


def test_notes_on_a_file(tmp_path):
    splits = read(written(tmp_path, csv().rstrip("\n")), **ROLES, time="ts")
    assert splits.notes[0] == "clicks.csv: the last line has no line end; is the file complete?"


def test_a_field_of_rare_values_only_is_told():
    rng = np.random.default_rng(0)
    table = {"click": [0, 1] * 50, "uid": [1, 2, 2, 1] * 25, "iid": [1] * 100, "tab": ["a"] * 100, "x": rng.random(100)}
    splits = from_columns(table, label="click", user="uid", item="iid", domain="tab", fields=["uid", "iid", "tab", "x"])
    line = "x: no value occurs 10 times in the training rows, so nothing is learnt from it; cut it into bins"
    assert line in splits.notes
