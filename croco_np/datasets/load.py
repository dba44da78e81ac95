"""The data set a config asks for."""

from pathlib import Path

from ..command.progress import bars
from ..errors import InputError
from . import aliccp
from .simulate import simulate
from .splits import with_fingerprint

ALICCP_SOURCE = "https://tianchi.aliyun.com/dataset/408"


def load(config, say=print):
    """A config -> `Splits`. `say` gets lines for the user; long reading shows its progress.

    Without genuine AliCCP files in `data/aliccp` it simulates AliCCP, and says so.
    """
    folder = Path(config.data_dir or Path("data") / config.dataset)
    if config.data_dir and not folder.is_dir():
        raise InputError(f"--data-dir {folder}: no such folder")
    if config.dataset == "kuairand":
        from . import kuairand  # with it pandas, half a second that nobody else has to wait

        return with_fingerprint(kuairand.read(folder, config.train_until, config.valid_until, config.min_count))
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


def _simulations(folder):
    """The folders of simulated data inside a folder, if that is all there is."""
    return [] if aliccp.present(folder) else sorted(path.parent for path in folder.glob(f"*/{aliccp.SIMULATED}"))
