"""The folder that JupyterLab takes for its root: lessons at depth one, and all that they link to.

Lessons link to `../croco_np/...` and `../tests/...`. Wherever the learner's folder is, the desk shows it as `learning`
beside these, by symbolic links in a temporary folder.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import InputError

NAME = "learning"
HIDDEN = {"learning", "site", "runs", "experiments", "build"}  # made, not linked to by lessons


@contextmanager
def desk(root: Path, folder: Path) -> Iterator[Path]:
    """A folder with links to what stands in the repository `root` and, as `learning`, to `folder`; gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="croco_np-") as made:
        place = Path(made).resolve()
        try:
            for path in sorted(root.iterdir()):
                if not path.name.startswith(".") and path.name not in HIDDEN and path.suffix != ".egg-info":
                    (place / path.name).symlink_to(path, target_is_directory=path.is_dir())
            (place / NAME).symlink_to(folder.resolve(), target_is_directory=True)
        except (OSError, NotImplementedError) as error:
            raise InputError(
                f"symbolic links cannot be made here ({error}), and without them links between lessons and library "
                f"would be dead; use --only-copy, and open {folder} yourself"
            ) from None
        yield place
