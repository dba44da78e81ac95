"""The MovieLens-1M reader, on made-up files of the genuine format: the genuine ones were not at hand."""

import gzip
import os
from pathlib import Path

import numpy as np
import pytest
from movielens_files import make_up, movie_line, rating_line, ten_seconds, user_line, write

from croco_np.datasets import movielens, movielens_lines
from croco_np.datasets.movielens import DOMAINS, FIELDS
from croco_np.datasets.movielens_tables import AGES, LAST_MOVIE
from croco_np.errors import InputError

REAL = Path(os.environ.get("CROCO_NP_MOVIELENS", "data/movielens"))
RATINGS, USERS, MOVIES = "ratings.dat", "users.dat", "movies.dat"


def column(rows, name):
    return rows.ids[:, FIELDS.index(name)].tolist()


def parts(splits):
    return splits.train, splits.valid, splits.test


def equal(one, two):
    assert one.schema == two.schema
    for a, b in zip(parts(one), parts(two), strict=True):
        for x, y in zip(a, b, strict=True):
            np.testing.assert_array_equal(x, y)


def told(folder, *words):
    return [note for note in movielens.read(folder).notes if all(word in note for word in words)]


def refused(folder, *words):
    with pytest.raises(InputError) as caught:
        movielens.read(folder)
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message


def test_read_by_hand(tmp_path):
    users = [
        user_line(1, "M", 18, 20, "02460"),
        user_line(2, "F", 35, 0, "98107-2117"),
        user_line(3, "F", 25, 7, "T2N"),
    ]
    movies = [movie_line(1), movie_line(3952, "Misérables, Les (1935)", "Drama"), movie_line(7, "Untitled", "")]
    ratings = [
        rating_line(user=2, movie=3952, rating=4, time=30),  # the lines of the file are in no order of time
        rating_line(user=1, movie=1, rating=3, time=10),
        rating_line(user=3, movie=7, rating=5, time=20),
        rating_line(user=1, movie=9, rating=5, time=40),  # no movie of the table
        *(rating_line(user=1, movie=1, time=50 + i) for i in range(6)),
    ]
    splits = movielens.read(write(tmp_path, ratings, users, movies), min_count=1)
    train, valid, test = parts(splits)
    assert (splits.name, splits.simulated) == ("movielens", False)
    assert splits.schema.domains == ("24 and younger", "25 to 34", "35 and older")
    assert (splits.schema.user, splits.schema.item, splits.schema.domain) == ("user_id", "movie_id", "age_group")
    assert splits.schema.context == ()
    assert (train.n, valid.n, test.n) == (8, 1, 1)
    first = train._replace(ids=train.ids[:4])
    assert train.labels[:4].tolist() == [0, 1, 1, 1]  # three stars are no click, four are
    assert train.users[:4].tolist() == [1, 3, 2, 1]
    assert train.domains[:4].tolist() == [0, 1, 2, 0]
    assert column(first, "age_group") == [1, 2, 3, 1]  # domain s has id s + 1
    assert column(first, "user_id") == [1, 3, 2, 1]  # ids by value, from 1
    assert column(first, "movie_id") == [1, 2, 4, 3]  # 1, 7, 9, 3952
    assert column(first, "gender") == [2, 1, 1, 2]  # F, M
    assert column(first, "age") == [1, 2, 3, 1]  # 18, 25, 35
    assert column(first, "occupation") == [3, 2, 1, 3]  # 0, 7, 20
    assert column(first, "zip_area") == [1, 0, 2, 1]  # "0", "9"; T2N has no digit at its head: missing, id 0
    assert column(first, "year") == [2, 0, 1, 0]  # 1935, 1995; none in the title, no movie
    assert column(first, "genres") == [1, 0, 2, 0]  # "Animation|Children's|Comedy", "Drama"


def test_neither_rating_nor_time_is_a_field():
    assert not [name for name in FIELDS if any(leak in name for leak in ("rating", "time", "stars", "click"))]


@pytest.mark.parametrize(("age", "domain"), list(zip(AGES, (0, 0, 1, 2, 2, 2, 2), strict=True)))
def test_a_domain_is_an_age_group(tmp_path, age, domain):
    splits = movielens.read(write(tmp_path, ten_seconds(), users=(user_line(1, age=age), user_line(2, age=age))))
    assert splits.schema.domains == (DOMAINS[domain],)
    assert {s for part in parts(splits) for s in part.domains.tolist()} == {0}


def test_domains_are_in_order_of_age(tmp_path):
    users = [user_line(1 + i, age=age) for i, age in enumerate(AGES)]
    ratings = [rating_line(user=7 - i % 7, time=i) for i in range(70)]
    splits = movielens.read(write(tmp_path, ratings, users), min_count=1)
    assert splits.schema.domains == DOMAINS == tuple(sorted(DOMAINS))
    ages = np.array(column(splits.train, "age"))  # 1 is the youngest
    assert splits.train.domains.tolist() == np.array([0, 0, 1, 2, 2, 2, 2])[ages - 1].tolist()


def test_a_domain_without_training_rows_is_told(tmp_path):
    ratings = [rating_line(user=1 + (t == 9), time=t) for t in range(10)]
    write(tmp_path, ratings, users=(1, user_line(2, age=56)))
    assert told(tmp_path, "no training rows, so nothing is learnt of: 35 and older")


def test_vocabularies_hold_what_the_files_say(tmp_path):
    users = (user_line(1, zip_code="02460"), user_line(2, "M", 56, 0, "98107-2117"))
    splits = movielens.read(write(tmp_path, ten_seconds(), users, [movie_line(1, "Heat (1935)", "")]), min_count=1)
    kept = {column.source: (column.kind, column.vocabulary.kept.tolist()) for column in splits.encoder.columns}
    assert kept == {
        "user_id": ("integer", [1, 2]),
        "movie_id": ("integer", [1, 2]),
        "gender": ("text", ["F", "M"]),
        "age": ("integer", [25, 56]),
        "occupation": ("integer", [0, 10]),
        "zip_area": ("integer", [0, 9]),
        "year": ("integer", [1935]),
        "genres": ("text", []),  # whatever is there to infer it from
        "age_group": ("text", ["25 to 34", "35 and older"]),
    }


def test_the_encoder_makes_the_same_rows_of_the_flat_table(tmp_path):
    folder = make_up(tmp_path, 500, 20, 30)
    splits, columns = movielens.read(folder, 3), movielens.read_columns(folder)
    encoded = splits.encoder.encode(columns.rows.iloc[-splits.test.n :])  # they are in order of time
    for a, b in zip(encoded.rows, splits.test, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(("stars", "click"), [(1, 0), (2, 0), (3, 0), (4, 1), (5, 1)])
def test_four_stars_are_a_click(tmp_path, stars, click):
    ratings = [rating_line(rating=stars, time=i) for i in range(10)]
    assert set(movielens.read(write(tmp_path, ratings)).train.labels.tolist()) == {click}


SECONDS = [
    (range(20), (16, 2, 2)),
    ([0] * 15 + [1] * 3 + [2, 3], (15, 3, 2)),  # 15 is nearer to 16 than 18 is
    ([0] * 14 + [1] * 3 + [2] * 3, (14, 3, 3)),  # 17 is nearer to 16 and to 18: the second cut comes first
    ([0] * 17 + [1, 2, 3], (17, 1, 2)),
]


@pytest.mark.parametrize(("seconds", "rows"), SECONDS)
def test_the_split_is_by_time_and_divides_no_second(tmp_path, seconds, rows):
    lines = [rating_line(movie=1 + i, time=t) for i, t in enumerate(seconds)]
    order = np.random.default_rng(0).permutation(20)
    splits = movielens.read(write(tmp_path, [lines[i] for i in order], users=(1,), movies=range(1, 21)), min_count=1)
    assert tuple(part.n for part in parts(splits)) == rows
    assert sorted(column(splits.train, "movie_id")) == list(range(1, rows[0] + 1))  # the oldest
    assert not any(column(splits.test, "movie_id"))  # new movies: id 0


@pytest.mark.parametrize("seconds", [[0] * 20, [0] * 10 + [1] * 10])
def test_seconds_that_cannot_be_parted(tmp_path, seconds):
    write(tmp_path, [rating_line(movie=1 + i, time=t) for i, t in enumerate(seconds)])
    refused(tmp_path, f"{tmp_path}: no rows are left for", f"of 20 with {len(set(seconds))} times")


def test_validation_and_test_rows_teach_no_vocabulary(tmp_path):
    ratings = [rating_line(user=1 if t < 8 else 2, time=t) for t in range(10)]
    splits = movielens.read(write(tmp_path, ratings), min_count=1)
    assert column(splits.test, "user_id") == [0]
    assert splits.test.users.tolist() == [2]  # to group by
    assert "rows of users without a training row: valid 1 (100.0 %), test 1 (100.0 %)" in splits.notes


def test_rare_values_share_id_0_but_a_domain_is_never_rare(tmp_path):
    ratings = [rating_line(user=2 if t == 3 else 1, time=t) for t in range(10)]
    splits = movielens.read(write(tmp_path, ratings, users=(1, user_line(2, age=56))), min_count=3)
    assert column(splits.train, "user_id") == [1, 1, 1, 0, 1, 1, 1, 1]
    assert column(splits.train, "age_group") == [1, 1, 1, 2, 1, 1, 1, 1]


def test_exact_duplicates_are_dropped_and_second_ratings_kept(tmp_path):
    ratings = [rating_line(movie=1 + t, time=t) for t in range(10)]
    second = rating_line(movie=1, rating=2, time=0)
    splits = movielens.read(write(tmp_path, [*ratings, ratings[4], ratings[4], second]))
    assert splits.train.n + splits.valid.n + splits.test.n == 11
    assert "13 ratings, 2 exact duplicates dropped, 11 left" in splits.notes
    assert "1 ratings of a movie that the same user rated before; they are kept" in splits.notes


def test_ratings_without_user_or_movie(tmp_path):
    ratings = [rating_line(user=1 + (t == 5), movie=1 + (t in (2, 3)), time=t) for t in range(11)]
    splits = movielens.read(write(tmp_path, ratings, users=(1,), movies=(1,)), min_count=1)
    assert splits.train.n == 8
    assert column(splits.train, "year") == [1, 1, 0, 0, 1, 1, 1, 1]
    assert "ratings without their user in users.dat, dropped: 1 (9.1 %)" in splits.notes
    assert "ratings without their movie in movies.dat: 2 (18.2 %)" in splits.notes


def test_titles_may_hold_what_separates_elsewhere(tmp_path):
    titles = ("Misérables, Les", 'My "Friend"', "Star Wars: Episode IV: A (New) Hope", "1984", "Why? |;\\")
    ratings = [rating_line(movie=1 + t % 5, time=t) for t in range(20)]
    movies = [movie_line(1 + i, f"{title} (1995)") for i, title in enumerate(titles)]
    splits = movielens.read(write(tmp_path, ratings, (1,), movies), min_count=1)
    assert splits.schema.vocabulary[FIELDS.index("year")] == 2  # all of 1995
    assert set(column(splits.train, "year")) == {1}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "mac-roman"])
def test_a_copy_saved_in_another_encoding_reads_alike(tmp_path, encoding):
    one = make_up(tmp_path / "one", 300, 20, 30)
    two = make_up(tmp_path / "two", 300, 20, 30)
    text = (two / MOVIES).read_text("latin-1").replace("³", "é")
    assert "é" in text
    (two / MOVIES).write_bytes(text.encode(encoding))
    assert (one / MOVIES).read_bytes() != (two / MOVIES).read_bytes()
    equal(movielens.read(one, 2), movielens.read(two, 2))


def test_any_byte_of_a_title_is_a_character(tmp_path):
    folder = write(tmp_path, ten_seconds(), movies=(movie_line(1, "".join(map(chr, range(127, 256))) + " (1995)"), 2))
    assert set(column(movielens.read(folder, 1).train, "year")) == {1}


@pytest.mark.parametrize("change", [lambda data: data.replace(b"\n", b"\r\n"), lambda data: b"\n" + data + b"\n\n"])
def test_line_ends_and_blank_lines(tmp_path, change):
    one, two = make_up(tmp_path / "one", 200, 20, 30), make_up(tmp_path / "two", 200, 20, 30)
    for path in two.iterdir():
        path.write_bytes(change(path.read_bytes()))
    equal(movielens.read(one, 2), movielens.read(two, 2))


def test_gzip_small_blocks_and_the_folder_of_the_archive(tmp_path, monkeypatch):
    one, two = make_up(tmp_path / "one", 200, 20, 30), make_up(tmp_path / "two" / "ml-1m", 200, 20, 30)
    for name in (RATINGS, MOVIES):
        (two / f"{name}.gz").write_bytes(gzip.compress((two / name).read_bytes()))
        (two / name).unlink()
    expected = movielens.read(one, 2)
    monkeypatch.setattr(movielens_lines, "BLOCK_BYTES", 50)
    equal(expected, movielens.read(two.parent, 2))


def test_as_many_users_and_movies_as_the_genuine_files(tmp_path):
    splits = movielens.read(make_up(tmp_path, 20_000), min_count=1)
    assert not [note for note in splits.notes if "but MovieLens-1M has" in note and "20,000 ratings" not in note]
    assert (splits.train.n, splits.valid.n, splits.test.n) == (16_000, 2_000, 2_000)
    for rows in parts(splits):
        assert (rows.ids.dtype, rows.labels.dtype, rows.domains.dtype) == (np.int32, np.uint8, np.uint8)
        assert (rows.ids < splits.schema.vocabulary).all()
        assert (rows.ids[:, FIELDS.index("age_group")] == rows.domains + 1).all()
        assert 0.35 < rows.labels.mean() < 0.45  # two of five numbers of stars
    assert max(column(splits.train, "movie_id")) < LAST_MOVIE


@pytest.mark.skipif(
    not ((REAL / RATINGS).exists() or (REAL / "ml-1m" / RATINGS).exists()),
    reason="genuine MovieLens-1M files are not in data/movielens; set CROCO_NP_MOVIELENS to their folder",
)
def test_genuine_counts():
    """Ratings, users and movies by the README of the data set, and that nothing in the files is odd."""
    splits = movielens.read(REAL, min_count=1)
    assert sum(rows.n for rows in parts(splits)) == 1_000_209
    assert not [note for note in splits.notes if "but MovieLens-1M has" in note]
    assert "1,000,209 ratings, 0 exact duplicates dropped, 1,000,209 left" in splits.notes
    assert len(np.unique(np.concatenate([rows.users for rows in parts(splits)]))) == 6_040
    assert splits.schema.vocabulary[FIELDS.index("age")] == len(AGES) + 1
