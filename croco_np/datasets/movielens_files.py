"""Which files of a folder are MovieLens-1M's: ratings, users and movies."""

from pathlib import Path

from ..errors import InputError
from .raw_files import is_there, names

SOURCE = "https://grouplens.org/datasets/movielens/1m/"
FILES = ("ratings.dat", "users.dat", "movies.dat")
INSIDE = "ml-1m"  # the folder in which the archive has them


def find(folder: Path | str) -> list[Path]:
    """The raw files, in the order of FILES, of a folder or of its `ml-1m`, each plain or `.gz`.

    Raises InputError if one is not there, or there twice.
    """
    root = Path(folder)
    if INSIDE in names(root) and (root / INSIDE).is_dir():
        if any(_versions(root, name) for name in FILES):
            raise InputError(f"{root}: raw files lie there and in its subfolder {INSIDE}; keep them in one of the two")
        root = root / INSIDE
    return [_one(root, name) for name in FILES]


def _one(root, name):
    versions = _versions(root, name)
    if len(versions) > 1:
        raise InputError(f"{root}: {name} is there plain and as .gz; keep the one that is complete")
    if not versions:
        raise InputError(
            f"{root}: no {name}[.gz] there; unpack ml-1m.zip of MovieLens-1M ({SOURCE}) into it; other versions of "
            "MovieLens have other files"
        )
    return versions[0]


def _versions(root, name):
    return [path for path in (root / name, root / f"{name}.gz") if is_there(path)]
