"""MovieLens-1M made up: a few lines written by hand, or any number drawn at random, in the genuine format."""

from pathlib import Path

import numpy as np

from croco_np.datasets.movielens_tables import AGES, GENRES, LAST_MOVIE, N_MOVIES, N_USERS

START = 975_000_000  # a second of November 2000
TITLES = ("Toy Story", "Misérables, Les", "Star Wars: Episode IV - A New Hope", "Alien³", 'My "Friend"', "M*A*S*H")


def rating_line(user=1, movie=1, rating=5, time=0):
    return f"{user}::{movie}::{rating}::{START + time}"


def user_line(user, gender="F", age=25, occupation=10, zip_code="48067"):
    return f"{user}::{gender}::{age}::{occupation}::{zip_code}"


def movie_line(movie, title="Toy Story (1995)", genres="Animation|Children's|Comedy"):
    return f"{movie}::{title}::{genres}"


def ten_seconds(n=10):
    """Ratings of users 1 and 2, one a second: eight of ten are training rows, one is validation, one is test."""
    return [rating_line(user=1 + i % 2, movie=1 + i % 2, rating=5 - 3 * (i % 2), time=i) for i in range(n)]


def write(folder, ratings, users=(1, 2), movies=(1, 2)):
    """The three files; users and movies are lines, or numbers for lines like the others. Returns the folder."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    users = [u if isinstance(u, str) else user_line(u) for u in users]
    movies = [m if isinstance(m, str) else movie_line(m) for m in movies]
    for name, lines in (("ratings", ratings), ("users", users), ("movies", movies)):
        (folder / f"{name}.dat").write_bytes("".join(line + "\n" for line in lines).encode("latin-1"))
    return folder


def make_up(folder, n_ratings, n_users=N_USERS, n_movies=N_MOVIES, seed=0):
    """Random files with as many users and movies as the genuine ones, ids of movies with gaps. Returns the folder."""
    rng = np.random.default_rng(seed)
    genders, ages = rng.choice(["F", "M"], n_users), rng.choice(AGES, n_users)
    jobs, zips = rng.integers(0, 21, n_users), rng.integers(0, 100_000, n_users)
    people = zip(genders, ages.tolist(), jobs.tolist(), zips.tolist(), strict=True)
    users = [user_line(1 + i, g, age, job, f"{code:05d}") for i, (g, age, job, code) in enumerate(people)]

    ids = np.sort(rng.permutation(LAST_MOVIE)[:n_movies]) + 1
    years, genres = rng.integers(1919, 2001, n_movies), np.array(sorted(GENRES))
    movies = [
        movie_line(i, f"{TITLES[i % len(TITLES)]} ({year})", "|".join(sorted(rng.choice(genres, 1 + i % 3, False))))
        for i, year in zip(ids.tolist(), years.tolist(), strict=True)
    ]

    times = rng.integers(0, 60_000_000, n_ratings)
    drawn = (rng.integers(1, n_users + 1, n_ratings), rng.choice(ids, n_ratings), rng.integers(1, 6, n_ratings), times)
    ratings = [rating_line(*values) for values in zip(*(a.tolist() for a in drawn), strict=True)]
    return write(folder, ratings, users, movies)
