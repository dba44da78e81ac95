"""The encoder: how raw values become ids, and that it comes back from a file as it was."""

from datetime import date, datetime, timedelta, timezone

import kuairand_files
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from croco_np.datasets import aliccp, kuairand
from croco_np.datasets.encoder import Column, Encoder
from croco_np.datasets.simulate import simulate
from croco_np.datasets.splits import Schema
from croco_np.datasets.values import distinct, group_keys, inferred
from croco_np.datasets.vocabulary import Vocabulary
from croco_np.errors import InputError
from croco_np.storage import checkpoint


def texts(*values):
    return Vocabulary(np.array(values, object))


def tiny():
    """Users 7 and 9, items "a" and "é b", two prices, one duration, domains 0 and 4."""
    columns = (
        Column("uid", "integer", Vocabulary(np.array([7, 9]))),
        Column("iid", "text", texts("a", "é b")),
        Column("price", "number", Vocabulary(np.array([0.5, 2.0]))),
        Column("ms", "duration", Vocabulary(np.array([4]))),
        Column("tab", "integer", Vocabulary(np.array([0, 4]))),
    )
    schema = Schema(
        ("user", "item", "price", "length", "tab"), (3, 3, 3, 2, 3), "user", "item", "tab", ("tab 0", "tab 4")
    )
    return Encoder(schema, columns, label="click")


RAW = {
    "uid": [9, 7, 8, None],
    "iid": ["a", "é b", "A", ""],
    "price": [2, 0.5, "2.0", "NaN"],
    "ms": [1000, "1000", 999999, None],  # 4 log2(1 + 1) = 4
    "tab": [4, 0, "0", 4.0],
}


def test_by_hand():
    rows, unseen, missing = tiny().encode(RAW)
    assert rows.ids.tolist() == [[2, 1, 2, 1, 2], [1, 2, 1, 1, 1], [0, 0, 2, 0, 1], [0, 0, 0, 0, 2]]
    assert rows.domains.tolist() == [1, 0, 0, 1]
    assert rows.labels.tolist() == [0, 0, 0, 0]
    assert rows.users.tolist() == [9, 7, 8, -1]
    assert unseen == {"user": 1, "item": 1, "price": 0, "length": 1, "tab": 0}
    assert missing == {"user": 1, "item": 1, "price": 1, "length": 1, "tab": 0}
    assert [a.dtype for a in rows] == [np.int32, np.uint8, np.uint8, np.int64]


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([7, 9, 8, 7], index=[5, 5, 1, 0]),
        pd.Series([7, 9, 8, 7], dtype="int8"),
        pd.Series([7, 9, 8, 7], dtype="uint64"),
        pd.Series([7.0, 9.0, 8.0, 7.0]),
        pd.Series([7, 9, 8, 7], dtype="Int64"),
        pd.Series(["7", "9", "8", "7"]),
        pd.Series(["7", "9", "8", "7"], dtype="string"),
        pd.Series(["7", "9.0", 8, 7.0], dtype=object),
        pd.Series([7, 9, 8, 7]).astype("category"),
        pd.Series(["7", "9", "8", "7"]).astype("category"),
        np.array([7, 9, 8, 7], np.int16),
        np.array([7, 9, 8, 7], ">i4"),
        np.array(["7", "9", "8", "7"]),
        np.array([b"7", b"9", b"8", b"7"]),
        np.array([7, 9, 8, 7], object),
        np.ma.array([7, 9, 8, 7]),
        [7, 9.0, " 8", "+7"],
    ],
)
def test_one_value_however_it_is_held(column):
    columns = {"uid": column, "iid": ["a"] * 4, "price": [1] * 4, "ms": [1] * 4, "tab": [0] * 4}
    rows, unseen, missing = tiny().encode(columns)
    assert rows.ids[:, 0].tolist() == [1, 2, 0, 1]
    assert rows.users.tolist() == [7, 9, 8, 7]
    assert (unseen["user"], missing["user"]) == (1, 0)


def test_data_frame_with_any_index():
    frame = pd.DataFrame(RAW, index=[3, 3, -1, 0])
    assert all((a == b).all() for a, b in zip(tiny().encode(frame).rows, tiny().encode(RAW).rows, strict=True))


@pytest.mark.parametrize("nothing", [None, np.nan, pd.NA, pd.NaT, np.ma.masked, "", "NA", "null", "None"])
@pytest.mark.parametrize("kind", ["integer", "number", "text", "duration"])
def test_nothing_is_missing(nothing, kind):
    is_text = kind == "text" and isinstance(nothing, str) and nothing != ""
    assert distinct([nothing, "1"], kind).at.tolist() == ([0, 1] if is_text else [-1, 0])


def test_the_texts_of_nothing_are_values_in_memory():
    for text in ("NA", "None", "null", "nan"):
        kind, column = inferred([text, "", "7", None])
        assert (kind, column.values[column.at[[0, 2]]].tolist()) == ("text", [text, "7"])
        assert column.at[[1, 3]].tolist() == [-1, -1]


def test_whole_numbers_beside_none_are_exact():
    assert distinct([2**53 + 1, None], "integer").values.tolist() == [2**53 + 1]


def test_what_is_no_value_of_the_kind_is_foreign():
    odd = np.array(["abc", 1.5, "1.5", 2**63, 10.0**30, float("inf"), 3], object)
    assert distinct(odd, "integer").at.tolist() == [-2] * 6 + [0]
    assert distinct(np.array([1.5, 1e30, np.inf, -np.inf, 3]), "integer").at.tolist() == [-2] * 4 + [0]
    assert distinct(np.array([2**64 - 1, 3], np.uint64), "integer").at.tolist() == [-2, 0]
    assert distinct(["x", "1_0", 2], "number").at.tolist() == [-2, -2, 0]
    assert distinct([-5, "x", float("inf"), 0], "duration").at.tolist() == [-2, -2, -2, 0]


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        ([1, "2", 3.0, None, ""], "integer"),
        ([True, False], "integer"),
        (["True", "false"], "integer"),
        ([1, "0.5"], "number"),
        ([1.5, np.inf], "number"),
        ([1, "a"], "text"),
        (["1"] * 200 + ["a"], "text"),
        ([2**63], "text"),
        ([1e300, 0.5], "text"),
        ([], "integer"),
        (pd.Series([1, None], dtype="Int64"), "integer"),
        (pd.Series([0.5, None], dtype="Float64"), "number"),
        (pd.to_datetime(pd.Series(["2022-05-01"])), "text"),
    ],
)
def test_kinds_are_inferred(column, kind):
    assert inferred(column)[0] == kind


def test_text_is_taken_as_it_is():
    column = distinct([" a", "a", "A", 7, 7.0, "7", True, 1, 0.5], "text")
    assert column.values[column.at].tolist() == [" a", "a", "A", "7", "7", "7", "True", "1", "0.5"]


def test_truth_values_are_whole_numbers():
    for column in (np.array([True, False]), pd.Series([True, False], dtype="boolean"), ["True", "false"], [True, 0]):
        values = distinct(column, "integer")
        assert values.values[values.at].tolist() == [1, 0]


def test_labels_are_read_where_there_are_any():
    assert tiny().encode(RAW | {"click": [True, "1", 0.0, "0"]}).rows.labels.tolist() == [1, 1, 0, 0]
    assert tiny().encode(RAW | {"click": ["", 2, None, "?"]}, labels=False).rows.labels.tolist() == [0, 0, 0, 0]
    for wrong in (None, 2, "yes"):
        with pytest.raises(ValueError, match=r"row 12: click is .*, want 0 or 1"):
            tiny().encode(RAW | {"click": [0, 1, wrong, 0]}, first_row=10)


@pytest.mark.parametrize(("wrong", "shown"), [(3, "3"), (None, "None"), ("x", "'x'"), (0.5, "0.5")])
def test_a_row_of_no_domain(wrong, shown):
    with pytest.raises(ValueError, match=f"row 101: tab is {shown}, none of the domains 0, 4"):
        tiny().encode(RAW | {"tab": [0, wrong, 4, 4]}, first_row=100)


def test_columns_that_do_not_fit():
    with pytest.raises(ValueError, match="no column 'ms'; there are: uid, iid, price, tab"):
        tiny().encode({name: column for name, column in RAW.items() if name != "ms"})
    with pytest.raises(ValueError, match="column iid: 3 rows, others have 4"):
        tiny().encode(RAW | {"iid": ["a"] * 3})
    with pytest.raises(ValueError, match="iid: has 2 dimensions"):
        tiny().encode(RAW | {"iid": np.zeros((4, 2))})
    with pytest.raises(ValueError, match="uid: holds what is no value"):
        tiny().encode(RAW | {"uid": [[7], [9], [], None]})
    twice = pd.DataFrame(RAW).rename(columns={"iid": "uid"})
    with pytest.raises(ValueError, match="2 columns are called 'uid'"):
        tiny().encode(twice.assign(iid="a"))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (None, "want a DataFrame or a dict of columns of one length, got a NoneType"),
        (pd.DataFrame(RAW).to_numpy(), "got a ndarray"),
        (pd.DataFrame(RAW).iloc[0], "want a DataFrame or a dict of columns of one length, got a Series"),
        ([RAW], "got a list"),
        ({name: column[0] for name, column in RAW.items()}, "columns of one length; uid is a single value, 9"),
        (RAW | {"uid": "abcd"}, "uid: is a single value, 'abcd'; want a column"),
        (RAW | {"price": 3}, "price: is a single value, 3"),
    ],
)
def test_what_is_no_table(rows, message):
    with pytest.raises(ValueError, match=message):
        tiny().encode(rows)


def test_masked_entries_are_missing():
    hidden = np.ma.array([9, 7, 7, 7], mask=[0, 0, 1, 0])
    masked = RAW | {"uid": hidden, "iid": np.ma.array(["a", "é b", "a", "a"], mask=[0, 1, 0, 0])}
    rows, _, missing = tiny().encode(masked | {"price": np.ma.array([2, 0.5, 2, 2], mask=[1, 1, 0, 0])})
    assert rows.ids[:, :3].tolist() == [[2, 1, 0], [1, 0, 0], [0, 1, 2], [1, 1, 2]]
    assert rows.users.tolist() == [9, 7, -1, 7]
    assert (missing["user"], missing["item"], missing["price"]) == (1, 1, 2)
    kind, column = inferred(np.ma.array(["7", "?", "9"], mask=[0, 1, 0]))
    assert (kind, column.values.tolist(), column.at.tolist()) == ("integer", [7, 9], [0, -1, 1])
    with pytest.raises(ValueError, match="row 2: tab is masked, none of the domains"):
        tiny().encode(RAW | {"tab": np.ma.array([4, 0, 0, 4], mask=[0, 0, 1, 0])})


@pytest.mark.parametrize(
    "column",
    [
        np.array([0.1, 2.5, 0.1], np.float32),
        pd.Series([0.1, 2.5, 0.1], dtype="Float32"),
        pd.Series(np.array([0.1, 2.5, 0.1], np.float32)).astype("category"),
        np.array([0.1, 2.5, 0.1], np.float16),
        np.ma.array([0.1, 2.5, 0.1], dtype=np.float32),
        [np.float32(0.1), "2.5", 0.1],
        ["0.1", "2.5", "0.1"],
    ],
)
def test_short_floats_are_their_decimals(column):
    kind, found = inferred(column)
    assert (kind, found.values[found.at].tolist()) == ("number", [0.1, 2.5, 0.1])
    found = distinct(column, "text")
    assert found.values[found.at].tolist() == ["0.1", "2.5", "0.1"]


@pytest.mark.parametrize(
    "texts",
    [
        ["007", "7"],
        ["+7", "7"],
        [" 7", "7"],
        ["7e0", "7"],
        ["1.10", "1.1"],
        ["00.5", "1.5"],
        ["-0", "0"],
        ["1_0", "10"],
        ["7", "x7"],
        ["True", "1"],
    ],
)
def test_texts_that_look_like_numbers_stay_apart(texts):
    for raw in (texts, np.array(texts), pd.Series(texts), pd.Series(texts).astype("category"), [*texts, 3, None]):
        kind, column = inferred(raw)
        assert kind == "text"
        assert column.values[column.at[:2]].tolist() == texts


@pytest.mark.parametrize(
    ("texts", "kind"),
    [
        (["7", "-7", "0", "7.0"], "integer"),
        (["0.5", "-1.25", "3"], "number"),
        (["1e-05", "inf", "2.50"], "number"),
        ([str(2**62), str(2**62 + 1)], "integer"),
        (["0.10000000000000001", "0.1"], "text"),
    ],
)
def test_texts_that_are_numbers(texts, kind):
    assert inferred(texts)[0] == kind


MOMENTS = ["2022-05-01", "2022-05-01T10:00:00", "2022-05-02T23:59:59.5"]
WRITTEN = ["2022-05-01 00:00:00.000", "2022-05-01 10:00:00", "2022-05-02 23:59:59.500000"]


@pytest.mark.parametrize(
    "column",
    [
        MOMENTS,
        WRITTEN,
        np.array(MOMENTS, "datetime64[ms]"),
        np.array(MOMENTS, "datetime64[ns]"),
        np.ma.array(np.array(MOMENTS, "datetime64[ms]")),
        pd.Series(pd.to_datetime(MOMENTS, format="ISO8601")),
        pd.Series(pd.to_datetime(MOMENTS, format="ISO8601")).astype("category"),
        pd.to_datetime(MOMENTS, format="ISO8601"),
        pd.to_datetime(MOMENTS, format="ISO8601").to_pydatetime(),
        list(pd.to_datetime(MOMENTS, format="ISO8601")),
        list(np.array(MOMENTS, "datetime64[ms]")),
    ],
)
def test_moments_have_one_form(column):
    kind, found = inferred(column)
    assert (kind, found.values[found.at].tolist()) == ("text", MOMENTS)
    assert (distinct(column, "integer").at == -2).all()


@pytest.mark.parametrize(
    "column",
    [
        [date(2022, 5, 1), date(2022, 6, 1), None],
        [datetime(2022, 5, 1), pd.Timestamp("2022-06-01"), pd.NaT],
        np.array(["2022-05-01", "2022-06-01", "NaT"], "datetime64[D]"),
        np.array(["2022-05", "2022-06", "NaT"], "datetime64[M]"),
        pd.Series(pd.to_datetime(["2022-05-01", "2022-06-01", None])),
    ],
)
def test_days_have_one_form(column):
    kind, found = inferred(column)
    assert (kind, found.at.tolist()) == ("text", [0, 1, -1])
    assert found.values.tolist() == ["2022-05-01", "2022-06-01"]


def test_moments_with_a_zone_and_lengths_have_one_form():
    zone = timezone(timedelta(hours=2))
    series = pd.Series(pd.to_datetime(["2022-05-01T00:00:00+02:00"]))
    moment = datetime(2022, 5, 1, tzinfo=zone)
    for column in (series, [moment], ["2022-05-01 00:00:00+02:00"], ["2022-05-01T00:00+0200"]):
        assert distinct(column, "text").values.tolist() == ["2022-05-01T00:00:00+02:00"]
    for column in ([timedelta(hours=26)], np.array([26], "timedelta64[h]"), pd.Series([pd.Timedelta(hours=26)])):
        assert inferred(column)[1].values.tolist() == ["1 days 02:00:00"]


def test_no_rows():
    rows, _, _ = tiny().encode({name: [] for name in RAW})
    assert rows.n == 0
    assert rows.ids.shape == (0, 5)


def saved(encoder, path):
    checkpoint.save(path, *encoder.state())
    arrays, facts, _ = checkpoint.load(path)
    return Encoder.from_state(arrays, facts)


def test_state_by_hand(tmp_path):
    arrays, facts = tiny().state()
    assert arrays["1.text"].tobytes() == "aé b".encode()
    assert arrays["1.ends"].tolist() == [1, 5]
    assert facts["columns"][3] == {"source": "ms", "kind": "duration"}
    assert saved(tiny(), tmp_path / "encoder.safetensors") == tiny()


def test_state_of_odd_texts_and_of_nothing(tmp_path):
    odd = texts("\0", "\n", "a", "a\0", "\ud800", "\U0001f40a")
    none = Vocabulary(np.empty(0, object))
    schema = Schema(("u", "i", "d"), (7, 1, 2), "u", "i", "d", ("x",))
    encoder = Encoder(schema, (Column("u", "text", odd), Column("i", "text", none), Column("d", "text", texts("x"))))
    assert saved(encoder, tmp_path / "encoder.safetensors") == encoder
    assert encoder.encode({"u": ["a\0"], "i": ["z"], "d": ["x"]}).rows.ids.tolist() == [[4, 0, 1]]


@pytest.mark.parametrize(
    "damage",
    [
        lambda a, f: a.pop("0.values"),
        lambda a, f: a.update({"0.values": a["0.values"][::-1]}),
        lambda a, f: a.update({"0.values": a["0.values"][:1]}),
        lambda a, f: a.update({"0.values": a["0.values"].astype(np.float64)}),
        lambda a, f: a.update({"2.values": np.array([0.5, np.nan])}),
        lambda a, f: a.update({"1.ends": a["1.ends"] + 1}),
        lambda a, f: a.update({"1.ends": np.array([2, 5])}),  # inside a character
        lambda a, f: a.update({"9.values": a["0.values"]}),
        lambda a, f: f.update(format=0),
        lambda a, f: f.pop("schema"),
        lambda a, f: f.update(schema=[]),
        lambda a, f: f["columns"].pop(),
        lambda a, f: f["columns"][0].update(kind="colour"),
        lambda a, f: f["columns"][0].update(kind=["text"]),
        lambda a, f: f.update(columns=3),
        lambda a, f: f["schema"].update(domains=["tab 0"]),
    ],
)
def test_a_damaged_state_is_told(damage):
    arrays, facts = tiny().state()
    damage(arrays, facts)
    with pytest.raises(InputError, match="vocabularies"):
        Encoder.from_state(arrays, facts)


@settings(deadline=None)
@given(st.lists(st.one_of(st.integers(-9, 9), st.sampled_from([2**62, -(2**63), 2**63 - 1])), min_size=1), st.data())
def test_ids_of_whole_numbers_are_decoded_to_them(values, data):
    """encode, then look up in `kept`, is the identity on known values, however they are written."""
    known = np.unique(values)
    write = data.draw(st.sampled_from([int, str, "{:+d}".format, " {} ".format, np.int64]))
    column = distinct([write(v) for v in values], "integer")
    ids = column.take(Vocabulary(known).encode(column.values))
    assert known[ids - 1].tolist() == values


@settings(deadline=None)
@given(st.lists(st.text(), min_size=1), st.randoms())
def test_ids_of_texts_know_no_order(values, random):
    column = distinct(values, "text")
    kept = np.array(sorted(column.values), object)
    ids = column.take(Vocabulary(kept).encode(column.values))
    shuffled = random.sample(range(len(values)), len(values))
    again = distinct(pd.Series([values[i] for i in shuffled], index=shuffled, dtype=object), "text")
    assert again.take(Vocabulary(kept).encode(again.values)).tolist() == ids[shuffled].tolist()
    assert [kept[i - 1] for i in ids if i] == [v for v, at in zip(values, column.at, strict=True) if at >= 0]


@settings(deadline=None)
@given(
    st.lists(st.one_of(st.text(), st.integers(-(2**63), 2**63 - 1), st.none())), st.sampled_from(["text", "integer"])
)
def test_a_group_is_a_value(values, kind):
    column = distinct(values, kind)
    keys = group_keys(column)
    assert ((keys == -1) == (column.at < 0)).all()
    assert (keys >= -1).all()
    pairs = {(k, a) for k, a in zip(keys.tolist(), column.at.tolist(), strict=True) if a >= 0}
    assert len(pairs) == len(column.values)
    parts = [group_keys(distinct([v], kind))[0] for v in values]
    assert parts == keys.tolist()  # row by row as all at once


def test_kuairand_keeps_its_vocabularies(tmp_path):
    users = [kuairand_files.user_line(1), kuairand_files.user_line(2, degree="")]
    videos = [kuairand_files.video_line(1), kuairand_files.video_line(2, author=8, tag="NA")]
    days = [(20220501 + day, user, 1 + (user + day) % 2) for day in range(5) for user in (1, 2)]
    lines = [kuairand_files.log_line(u, v, d, time=i, click=i % 2, tab=4) for i, (d, u, v) in enumerate(days)]
    kuairand_files.write(tmp_path, lines, users, videos)
    splits = kuairand.read(tmp_path, min_count=1)
    log, user, video = (pd.read_csv(next(tmp_path.glob(f"{kind}*"))) for kind in ("log", "user", "video"))
    joined = log.merge(user, on="user_id").merge(video, on="video_id")
    rows, unseen, missing = splits.encoder.encode(joined)
    for part in (splits.train, splits.valid, splits.test):
        here = rows.ids[: part.n]
        assert (part.ids == here).all()
        rows = type(rows)(*(column[part.n :] for column in rows))
    assert rows.n == 0
    assert not any(unseen.values())
    assert {f: n for f, n in missing.items() if n} == {"user_active_degree": 5, "tag": 5}
    assert splits.encoder._column("tag").vocabulary.kept.tolist() == ["3,5"]


def test_aliccp_keeps_its_vocabularies(tmp_path):
    simulate(tmp_path / "raw", rows=2000)
    splits = aliccp.read(tmp_path / "raw")
    again = aliccp.read(tmp_path / "raw")  # from the prepared folder
    assert splits.encoder == again.encoder
    columns = {}
    for f, column in enumerate(splits.encoder.columns):
        raw = np.append(np.nan, column.vocabulary.kept)  # what id 0 stands for is not known
        columns[column.source] = raw[splits.test.ids[:, f]]
    columns["click"] = splits.test.labels
    rows = splits.encoder.encode(columns).rows
    assert all((a == b).all() for a, b in zip(rows[:3], splits.test[:3], strict=True))


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_bytes(b"garbage")])
def test_lost_vocabularies_of_prepared_data(tmp_path, damage):
    simulate(tmp_path / "raw", rows=2000)
    aliccp.read(tmp_path / "raw")
    damage(next(tmp_path.glob("raw/prepared-*/encoder.safetensors")))
    with pytest.raises(InputError, match=r"encoder.safetensors.*delete .*prepared-.*made anew"):
        aliccp.read(tmp_path / "raw")
