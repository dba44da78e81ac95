"""KuaiRand's files are complete and bear their names: what is cut or copied is refused, what may be is told."""

import gzip

import pytest
from kuairand_files import five_days, log_line, write
from test_kuairand import refused
from test_kuairand_checks import LOG, USERS, VIDEOS

from croco_np.datasets import kuairand, kuairand_dates

DAYS = [*range(20220425, 20220431), *range(20220501, 20220509)]


def fortnight(rows, days=DAYS):
    return [log_line(user=1 + i % 2, date=day, time=i, click=i % 2) for day in days for i in range(rows)]


def told(folder, *words):
    return [note for note in kuairand.read(folder).notes if all(word in note for word in words)]


@pytest.mark.parametrize("packed", [False, True])
def test_a_log_cut_inside_a_line_is_refused(tmp_path, packed):
    path = write(tmp_path, fortnight(40))
    data = path.read_bytes()
    data = data[: data.index(b"\n", len(data) * 3 // 4) - 9]
    if packed:
        path.unlink()
        path = path.with_name(path.name + ".gz")
        data = gzip.compress(data)
    path.write_bytes(data)
    refused(tmp_path, f"{path.name}: line 42", "ends inside this line", "fetch it again")


@pytest.mark.parametrize("name", [LOG, USERS, VIDEOS])
def test_a_last_line_without_end_may_be_cut_and_is_told(tmp_path, name):
    write(tmp_path, fortnight(2))
    assert not told(tmp_path, "complete")
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:-1])
    assert told(tmp_path, name, "no line end")


def test_a_ragged_last_line_with_an_end_is_told(tmp_path):
    write(tmp_path, [*fortnight(2), "1,2,3"])
    assert told(tmp_path, "skipped line 30 ", "last line", "complete?")


@pytest.mark.parametrize(("days", "first"), [(DAYS[:-1], "05-08"), (DAYS[1:], "04-25"), (DAYS[:5] + DAYS[6:], "04-30")])
def test_days_without_a_row_are_told_of_few_rows_and_refused_of_many(tmp_path, monkeypatch, days, first):
    path = write(tmp_path, fortnight(2, days))
    assert told(tmp_path, path.name, "1 of these 14 days", f"first: 2022-{first}")
    monkeypatch.setattr(kuairand_dates, "SURE", 26)
    refused(tmp_path, path.name, "1 of these 14 days", f"first: 2022-{first}", "fetch it again")
    path.rename(tmp_path / "log_standard_pure.csv")  # a name without dates announces none
    assert not told(tmp_path, "complete")


@pytest.mark.parametrize(
    "copy", ["pure (1)", "pure(1)", "pure - Copy", "pure copy", "pure_1", "part_of_pure", "pure.1"]
)
@pytest.mark.parametrize("name", [LOG, USERS, VIDEOS])
@pytest.mark.parametrize("second", [False, True])
def test_a_copy_has_no_name_of_kuairand(tmp_path, name, copy, second):
    write(tmp_path, five_days())
    path = tmp_path / name.replace("pure", copy)
    path.write_bytes((tmp_path / name).read_bytes())
    if not second:
        (tmp_path / name).unlink()
    refused(tmp_path, path.name, "not a name of KuaiRand's")


@pytest.mark.parametrize("days", ["5_08_to_4_25", "4_31_to_5_08", "13_1_to_14_1"])
def test_dates_of_a_name_that_cannot_be(tmp_path, days):
    path = write(tmp_path, five_days())
    path = path.rename(tmp_path / f"log_standard_{days}_pure.csv")
    refused(tmp_path, path.name, "dates in its name")


def test_a_log_by_the_name_of_another(tmp_path):
    path = write(tmp_path, five_days())
    path.rename(tmp_path / "log_standard_4_08_to_4_21_pure.csv")
    refused(tmp_path, "line 2", "by its name", "2022-04-08 to 2022-04-21", "mend the name")


def test_the_click_rate_of_each_part_is_told(tmp_path):
    write(tmp_path, fortnight(2))
    assert told(tmp_path, "train: 20 rows, clicks 10 (50.0 %)")
    assert told(tmp_path, "test: 4 rows, clicks 2 (50.0 %)")
    assert not told(tmp_path, " HAS ")


@pytest.mark.parametrize(("click", "what"), [(0, "NO CLICKS"), (1, "NOTHING BUT CLICKS")])
def test_a_part_of_one_label_is_told(tmp_path, click, what):
    write(tmp_path, [*fortnight(2, DAYS[:-2]), *(log_line(date=day, time=5, click=click) for day in DAYS[-2:])])
    assert told(tmp_path, "test HAS", what)
    assert not told(tmp_path, "train HAS")


def test_labels_of_another_column_are_told(tmp_path):
    path = write(tmp_path, fortnight(2))
    path.write_text(path.read_text().replace("is_click,is_like", "is_like,is_click", 1))
    assert len(told(tmp_path, "HAS NO CLICKS")) == 3
