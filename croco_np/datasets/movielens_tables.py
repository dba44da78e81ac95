"""The three files of MovieLens-1M as tables: ratings, users and movies, every value checked.

What the columns mean, and between which numbers they lie, is said by the README of the data set.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .movielens_lines import DatFile
from .oddities import Oddities
from .raw_files import shown

if TYPE_CHECKING:  # a function that needs it imports it: half a second, and a browser has none
    import pandas as pd

N_RATINGS, N_USERS, N_MOVIES = 1_000_209, 6_040, 3_883  # lines of the genuine files
LAST_USER, LAST_MOVIE = 6_040, 3_952  # ids; 69 of the movies' numbers belong to none
SINCE, UNTIL = 946_684_800, 1_072_915_199  # seconds of the years 2000 to 2003: April 2000 to February 2003 are genuine
AGES = (1, 18, 25, 35, 45, 50, 56)  # the youngest age of each group, 1 for all under 18
LAST_OCCUPATION = 20
GENRES = frozenset(
    (
        *("Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama", "Fantasy"),
        *("Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western"),
    )
)
_YEAR = re.compile(r"\((\d{4})\)\s*\Z", re.ASCII)
_AREA = re.compile(r"\d", re.ASCII)


class Table(NamedTuple):
    """One file.

    rows   frame of its columns; a missing value is NA, texts are categories
    notes  what a user should know of the file, in lines
    """

    rows: "pd.DataFrame"
    notes: list[str]


def read_ratings(path: Path) -> Table:
    """`ratings.dat`: columns user_id, movie_id, rating, timestamp (int64), in order of time, without exact duplicates.

    Raises InputError, with file and line, for a value that no line of MovieLens-1M has.
    """
    import pandas as pd

    file = DatFile(path, ("UserID", "MovieID", "Rating", "Timestamp"))
    blocks = []
    for lines in file:
        columns = {
            "user_id": lines.numbers(0, 1, LAST_USER),
            "movie_id": lines.numbers(1, 1, LAST_MOVIE),
            "rating": lines.numbers(2, 1, 5),
            "timestamp": lines.numbers(3, SINCE, UNTIL, ", a second of the years 2000 to 2003"),
        }
        blocks.append(pd.DataFrame(columns))
    rows = pd.concat(blocks, ignore_index=True)
    fresh = ~rows.duplicated()
    notes = file.notes(N_RATINGS, "ratings")
    notes.append(f"{len(rows):,} ratings, {(~fresh).sum():,} exact duplicates dropped, {fresh.sum():,} left")
    rows = rows[fresh].sort_values("timestamp", kind="stable", ignore_index=True)
    again = rows.duplicated(["user_id", "movie_id"]).sum()
    if again:
        notes.append(f"{again:,} ratings of a movie that the same user rated before; they are kept")
    return Table(rows, notes)


def read_users(path: Path) -> Table:
    """`users.dat`: rows by user_id, columns gender, age, occupation, zip_area.

    The zip area is the first digit of the zip code, one of ten regions of the United States with some 600 users each.
    More digits would leave a handful of users in an area, and say little that the user's id does not.

    Raises InputError, with file and line, for a value that no line of MovieLens-1M has, and for a user with two lines.
    """
    file = DatFile(path, ("UserID", "Gender", "Age", "Occupation", "Zip-code"))
    odd, keys = Oddities(), _Keys(LAST_USER)
    columns: dict[str, list] = {"gender": [], "age": [], "occupation": [], "zip_area": []}
    for lines in file:
        keys.add(lines)
        genders = lines.texts(1)
        known = np.array([gender in ("F", "M") for gender in genders])
        lines.check(known, "Gender is {}, must be F or M", [shown(gender) for gender in genders])
        ages = lines.numbers(2, AGES[0], AGES[-1])
        lines.check(np.isin(ages, AGES), f"Age is {{}}, must be one of the codes {', '.join(map(str, AGES))}", ages)
        areas = [_AREA.match(zip_code) for zip_code in lines.texts(4)]
        lines.report(odd, "users whose zip code does not begin with a digit", [area is None for area in areas])
        columns["gender"] += genders
        columns["age"] += ages.tolist()
        columns["occupation"] += lines.numbers(3, 0, LAST_OCCUPATION).tolist()
        columns["zip_area"] += [area and int(area[0]) for area in areas]
    return Table(_frame(keys, columns, texts=("gender",)), [*file.notes(N_USERS, "users"), *odd.notes()])


def read_movies(path: Path) -> Table:
    """`movies.dat`: rows by movie_id, columns year (of release, from the title), genres (as they are listed).

    Genres are listed by the alphabet, so the first of them is not the main one; the whole list is one value. Titles are
    entered by hand: one without a year has none, and a genre that the README does not list is told, not refused.

    Raises InputError, with file and line, for a MovieID that is none of MovieLens-1M's or has two lines.
    """
    file = DatFile(path, ("MovieID", "Title", "Genres"))
    odd, keys = Oddities(), _Keys(LAST_MOVIE)
    columns: dict[str, list] = {"year": [], "genres": []}
    for lines in file:
        keys.add(lines)
        years = [_YEAR.search(title) for title in lines.texts(1)]
        genres = lines.texts(2)
        lines.report(odd, "movies without a year at the end of the title", [year is None for year in years])
        lines.report(odd, "movies without genres", [not text for text in genres])
        strange = [bool(text) and not GENRES.issuperset(text.split("|")) for text in genres]
        lines.report(odd, "movies of a genre that is none of MovieLens-1M's", strange)
        columns["year"] += [year and int(year[1]) for year in years]
        columns["genres"] += [text or None for text in genres]
    return Table(_frame(keys, columns, texts=("genres",)), [*file.notes(N_MOVIES, "movies"), *odd.notes()])


class _Keys:
    """The ids of a table, in the order of its lines; an id with two lines is refused."""

    def __init__(self, last):
        self.line, self.met = np.zeros(last + 1, np.int64), []

    def add(self, lines):
        import pandas as pd

        keys = lines.numbers(0, 1, len(self.line) - 1)
        first = ~pd.Series(keys).duplicated().to_numpy() & (self.line[keys] == 0)
        lines.check(first, f"{lines.file.names[0]} {{}} has two lines; keep one", keys)
        self.line[keys] = lines.number
        self.met += keys.tolist()


def _frame(keys: _Keys, columns: dict[str, list], texts: Sequence[str]) -> "pd.DataFrame":
    """A table by its ids: texts as categories, in order of the text, whole numbers as Int64; None is NA."""
    import pandas as pd

    arrays = {
        name: pd.Categorical(values) if name in texts else pd.array(values, dtype="Int64")
        for name, values in columns.items()
    }
    return pd.DataFrame(arrays, index=keys.met)
