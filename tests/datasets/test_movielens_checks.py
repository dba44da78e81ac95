"""MovieLens-1M's files are what they claim: a damaged line is named, what is cut or missing is refused or told."""

import gzip

import pytest
from movielens_files import make_up, movie_line, ten_seconds, user_line, write
from test_movielens import MOVIES, RATINGS, USERS, refused, told

from croco_np.datasets import movielens_lines


@pytest.mark.parametrize(("users", "movies", "words"), [((3,), (1,), (USERS, "user")), ((1,), (3,), (MOVIES, "movie"))])
def test_tables_of_another_version(tmp_path, users, movies, words):
    write(tmp_path, ten_seconds(), users, movies)
    refused(tmp_path, "has not one", "one version", *words)


LONG = 20 * "1"
DAMAGED = [
    (RATINGS, "1::1::5", ("3 columns instead of the 4 of UserID::MovieID::Rating::Timestamp",)),
    (RATINGS, "1::1::5::975000000::", ("5 columns",)),
    (RATINGS, "1::1::5:975000000", ("3 columns",)),
    (RATINGS, "1,1,5,975000000", ("1 columns",)),
    (RATINGS, "1:::1::5::975000000", ("MovieID is ':1'",)),
    (RATINGS, "::1::5::975000000", ("UserID is ''",)),
    (RATINGS, "0::1::5::975000000", ("UserID is '0'", "from 1 to 6040")),
    (RATINGS, "6041::1::5::975000000", ("UserID is '6041'", "MovieLens-1M?")),
    (RATINGS, "é::1::5::975000000", ("UserID is ",)),
    (RATINGS, f"{LONG}::1::5::975000000", (f"UserID is '{LONG}'",)),
    (RATINGS, "1::3953::5::975000000", ("MovieID is '3953'", "from 1 to 3952")),
    (RATINGS, "1::-1::5::975000000", ("MovieID is '-1'",)),
    (RATINGS, "1::1::0::975000000", ("Rating is '0'", "from 1 to 5")),
    (RATINGS, "1::1::6::975000000", ("Rating is '6'",)),
    (RATINGS, "1::1::4.5::975000000", ("Rating is '4.5'",)),  # as in MovieLens-10M
    (RATINGS, "1::1::5::97500000", ("Timestamp is '97500000'", "second of the years 2000 to 2003")),
    (RATINGS, "1::1::5::975000000000", ("Timestamp is '975000000000'",)),
    (RATINGS, "1::1::5::975000000 ", ("Timestamp is '975000000 '",)),
    (RATINGS, "1::1::5::975000000\r2", ("control character '\\r'",)),
    (RATINGS, "1::1::5::\0", ("control character '\\x00'",)),
    (RATINGS, "1\x011::5::975000000", ("control character '\\x01'",)),  # is no separator in the file
    (USERS, "3::F::25::10", ("4 columns instead of the 5 of UserID::Gender::Age::Occupation::Zip-code",)),
    (USERS, "3::F::25::10::48067::1", ("6 columns",)),
    (USERS, "x::F::25::10::48067", ("UserID is 'x'",)),
    (USERS, "1::M::56::10::48068", ("UserID 1 has two lines",)),
    (USERS, "3::f::25::10::48067", ("Gender is 'f'", "F or M")),
    (USERS, "3::::25::10::48067", ("Gender is ''",)),
    (USERS, "3::F::26::10::48067", ("Age is 26", "1, 18, 25, 35, 45, 50, 56")),
    (USERS, "3::F::::10::48067", ("Age is ''",)),
    (USERS, "3::F::25::21::48067", ("Occupation is '21'", "from 0 to 20")),
    (USERS, "3::F::25::writer::48067", ("Occupation is 'writer'",)),
    (MOVIES, "3::Heat (1995)", ("2 columns instead of the 3 of MovieID::Title::Genres",)),
    (MOVIES, "3::Heat::2 (1995)::Action", ("4 columns",)),
    (MOVIES, "4000::Heat (1995)::Action", ("MovieID is '4000'",)),
    (MOVIES, "1::Heat (1995)::Action", ("MovieID 1 has two lines",)),
    (MOVIES, "3::He\tat (1995)::Action", ("control character '\\t'",)),
]


@pytest.mark.parametrize(("name", "line", "words"), DAMAGED)
@pytest.mark.parametrize("block", [1, 1 << 20])
def test_a_damaged_line_is_named(tmp_path, monkeypatch, name, line, words, block):
    """It is the fourth line of its file, after a blank one, or the last; blocks hold one line, or all."""
    monkeypatch.setattr(movielens_lines, "BLOCK_BYTES", block)
    path = write(tmp_path, ten_seconds()) / name
    first, second, *rest = path.read_text("latin-1").splitlines()
    for lines in ([first, second, "", line, *rest], [first, second, *rest, line]):
        path.write_bytes("".join(text + "\n" for text in lines).encode("latin-1"))
        refused(tmp_path, f"{name}: line {lines.index(line) + 1}: ", *words)


README_GENRES = (
    "Action|Adventure|Animation|Children's|Comedy|Crime|Documentary|Drama|Fantasy|Film-Noir|Horror|Musical|Mystery|"
    "Romance|Sci-Fi|Thriller|War|Western"
)


def test_what_people_typed_is_told(tmp_path):
    movies = [
        movie_line(1, genres=README_GENRES),
        movie_line(2, "Heat (195)", "Action|Acton"),
        movie_line(3, "Heat (1995) again", ""),
    ]
    write(tmp_path, ten_seconds(), users=(user_line(1, zip_code=""), user_line(2, zip_code="V5K")), movies=movies)
    assert told(tmp_path, "2 users whose zip code does not begin with a digit", f"{USERS}: line 1)")
    assert told(tmp_path, "2 movies without a year", f"{MOVIES}: line 2)")
    assert told(tmp_path, "1 movies without genres", f"{MOVIES}: line 3)")
    assert told(tmp_path, "1 movies of a genre", f"{MOVIES}: line 2)")


@pytest.mark.parametrize("name", [RATINGS, USERS, MOVIES])
def test_a_file_that_is_not_there_or_there_twice(tmp_path, name):
    path = write(tmp_path, ten_seconds()) / name
    other = path.with_name(f"{name}.gz")
    other.write_bytes(gzip.compress(path.read_bytes()))
    refused(tmp_path, name, "plain and as .gz")
    other.unlink()
    (tmp_path / "ml-1m").mkdir()
    refused(tmp_path, "subfolder ml-1m", "keep them in one")
    (tmp_path / "ml-1m").rmdir()
    path.unlink()
    refused(tmp_path, str(tmp_path), f"no {name}[.gz] there", "ml-1m.zip")


@pytest.mark.parametrize("name", [RATINGS, USERS, MOVIES])
def test_a_file_without_lines_or_cut(tmp_path, name):
    path = write(tmp_path, ten_seconds()) / name
    data = path.read_bytes()
    assert not told(tmp_path, name, "no line end")
    path.write_bytes(data[:-1])
    assert told(tmp_path, name, "no line end", "complete?")
    path.write_bytes(data[: data.rindex(b"::")])
    refused(tmp_path, f"{name}: line {len(data.splitlines())}: the file ends inside this line")
    path.write_bytes(b"\n\n")
    refused(tmp_path, name, "no lines but blank ones")
    path.write_bytes(b"")
    refused(tmp_path, name, "empty file")


def test_fewer_lines_than_the_genuine_files_are_told(tmp_path):
    folder = make_up(tmp_path, 200, 20, 30)
    assert told(folder, "ratings.dat: 200 ratings, but MovieLens-1M has 1,000,209")
    assert told(folder, "users.dat: 20 users, but MovieLens-1M has 6,040")
    assert told(folder, "movies.dat: 30 movies, but MovieLens-1M has 3,883")
