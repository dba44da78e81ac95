"""The data set a config asks for."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..command.progress import bars
from ..errors import InputError
from . import aliccp
from .simulate import simulate
from .splits import Splits, with_fingerprint

_NEEDED = {
    "path": "the file",
    "label": "its column of clicks",
    "user": "of users",
    "item": "of items",
    "domain": "of domains",
}
ALICCP_SOURCE = "https://tianchi.aliyun.com/dataset/408"


def load(config: Any, say: Callable[[str], Any] = print) -> Splits:
    """A config (`config.Config`) -> `Splits`. `say` gets lines for the user; long reading shows its progress.

    Without genuine AliCCP files in `data/aliccp` it simulates AliCCP, and says so.
    """
    if config.dataset == "table":
        return _table(config)
    if config.dataset == "laboratory":
        if config.data_dir:
            raise InputError("--data-dir: is not for --dataset laboratory, which is drawn in memory")
        return config.world.draw(config.min_count)
    folder = Path(config.data_dir or Path("data") / config.dataset)
    if config.data_dir and not folder.is_dir():
        raise InputError(f"--data-dir {folder}: no such folder")
    if config.dataset == "kuairand":
        from . import kuairand  # with it pandas, half a second that nobody else has to wait

        return with_fingerprint(kuairand.read(folder, config.train_until, config.valid_until, config.min_count))
    if config.dataset == "movielens":
        from . import movielens

        return movielens.read(folder, config.min_count)
    if not config.data_dir and not aliccp.present(folder):
        say(
            f"The genuine AliCCP files are not in {folder.absolute()} (they come from {ALICCP_SOURCE}, after a login): "
            "these are SIMULATED data."
        )
        name = f"rows{config.simulated_rows}-seed{config.simulated_seed}"
        folder = folder.with_name("aliccp-simulated") / name
        with bars("rows") as progress:
            simulate(folder, config.simulated_rows, config.simulated_seed, progress, say)
    if config.data_dir and (below := _simulations(folder)):
        raise InputError(f"--data-dir {folder}: holds simulated data in folders of their own; name one, {below[0]}")
    with bars() as progress:
        return aliccp.read(folder, config.min_count, progress=progress, say=say)


def _table(config):
    """The flat table of a config's flags."""
    if lacking := [name for name in _NEEDED if not getattr(config, name)]:
        flags = ", ".join(f"--{name}" for name in lacking)
        raise InputError(f"--dataset table: needs {flags} ({'; '.join(f'--{n}: {_NEEDED[n]}' for n in lacking)})")
    if config.data_dir:
        raise InputError("--data-dir: is not for --dataset table; --path says where the file is")
    if not Path(config.path).exists():
        raise InputError(f"{config.path}: no such file in {Path.cwd()}; --path says where the clicks are")
    from . import table  # with it pandas

    optional = {name: getattr(config, name) or None for name in ("time", "train_until", "valid_until")}
    return table.read(
        config.path,
        label=config.label,
        user=config.user,
        item=config.item,
        domain=config.domain,
        fields=[name.strip() for name in config.fields.split(",") if name.strip()] or None,
        split=None if config.split == "auto" else config.split,
        valid_share=config.valid_share,
        test_share=config.test_share,
        min_count=config.min_count,
        drop_duplicates=config.drop_duplicates,
        **optional,
    )


def _simulations(folder):
    """The folders of simulated data inside a folder, if that is all there is."""
    return [] if aliccp.present(folder) else sorted(path.parent for path in folder.glob(f"*/{aliccp.SIMULATED}"))
