"""MovieLens-1M (Harper and Konstan, TiiS 2015, doi 10.1145/2827872): the raw `.dat` files, plain or gzipped.

The genuine files were not at hand when this was written: it is tested on made-up files of the same format.
"""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..errors import InputError
from .movielens_files import find
from .movielens_tables import read_movies, read_ratings, read_users
from .oddities import share
from .splits import Splits
from .table import from_columns

if TYPE_CHECKING:  # a function that needs it imports it: half a second, and a browser has none
    import pandas as pd

FIELDS = ("user_id", "movie_id", "gender", "age", "occupation", "zip_area", "year", "genres", "age_group")
KINDS = {name: "text" if name in ("gender", "genres", "age_group") else "integer" for name in FIELDS}
DOMAINS = ("24 and younger", "25 to 34", "35 and older")  # by age, which is the order of the names as well
_OLDEST_OF = (18, 25, 56)  # the last age code of each domain
LIKED = 4  # stars from which a rating is a click


class Columns(NamedTuple):
    """MovieLens-1M as one flat table, N ratings in order of time.

    rows   frame with a column for each of FIELDS, `click` (0 or 1) and `timestamp` (seconds); `age_group` is the
           domain; texts are categories, whole numbers with gaps Int64, missing values NA
    notes  what a user should know of the files, in lines
    """

    rows: "pd.DataFrame"
    notes: list[str]


def read(folder: Path | str, min_count: int = 10) -> Splits:
    """MovieLens-1M -> Splits.

    folder     holds `ratings.dat`, `users.dat` and `movies.dat`, there or in `ml-1m`, each plain or `.gz`
    min_count  values of a field that occur less often in the training rows become id 0

    Label: four or five stars. Domain: the user's age group, those of DOMAINS that there are. The oldest 80 % of the
    ratings are training rows, the next 10 % validation, the rest test; ratings of one second stay together. Neither the
    rating nor the time is a field. Ratings of a movie without a line in `movies.dat` stay, its features are id 0; those
    of a user without a line in `users.dat` have no domain and are dropped.

    Raises InputError, one line with file and line number, for whatever does not fit that form.
    """
    columns = read_columns(folder)
    try:
        splits = from_columns(
            columns.rows,
            label="click",
            user="user_id",
            item="movie_id",
            domain="age_group",
            time="timestamp",
            fields=FIELDS,
            kinds=KINDS,
            min_count=min_count,
            name="movielens",
        )
    except InputError as error:
        raise InputError(f"{folder}: {error}") from error
    return replace(splits, notes=(*columns.notes, _on_users(splits), *splits.notes))


def read_columns(folder: Path | str) -> Columns:
    """The three files joined, before anything is encoded; as `read` says, and with its errors."""
    import pandas as pd

    ratings_path, users_path, movies_path = find(folder)
    ratings, users, movies = read_ratings(ratings_path), read_users(users_path), read_movies(movies_path)
    rows = ratings.rows
    has_user, has_movie = rows["user_id"].isin(users.rows.index), rows["movie_id"].isin(movies.rows.index)
    for has, path, key in ((has_user, users_path, "user"), (has_movie, movies_path, "movie")):
        if not has.any():
            raise InputError(f"{path}: has not one {key} of the ratings; are both of one version of MovieLens?")
    no_user = f"ratings without their user in {users_path.name}, dropped: {share((~has_user).sum(), len(rows))}"
    no_movie = f"ratings without their movie in {movies_path.name}: {share((~has_movie).sum(), len(rows))}"
    rows = rows[has_user].join(users.rows, on="user_id").join(movies.rows, on="movie_id").reset_index(drop=True)
    domain = np.searchsorted(_OLDEST_OF, rows["age"].to_numpy(np.int64))
    rows["age_group"] = pd.Categorical.from_codes(domain, pd.Index(DOMAINS))
    rows["click"] = (rows.pop("rating") >= LIKED).astype(np.uint8)
    return Columns(rows, [*ratings.notes, *users.notes, *movies.notes, no_user, no_movie])


def _on_users(splits):
    """A note on the rows whose user is not met in training: MovieLens' users rate for a day or two, and then rarely."""
    known = np.unique(splits.train.users)
    parts = {"valid": splits.valid, "test": splits.test}
    new = {name: np.count_nonzero(~np.isin(part.users, known)) for name, part in parts.items()}
    said = ", ".join(f"{name} {share(n, parts[name].n)}" for name, n in new.items())
    return f"rows of users without a training row: {said}"
