"""The pictures of a finished run. One that cannot be drawn is a line, and changes nothing else."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..command.streams import one_line
from ..config import Config
from ..diagnostics import between_experts
from ..errors import InputError
from ..runs.folder import RunFolder
from ..runs.state import State
from .maps import covariance, without_loss
from .trainer import Trainer


def draw(
    trainer: Trainer,
    state: State,
    config: Config,
    folder: RunFolder,
    metrics: dict,
    say: Callable[[str], Any] = print,
) -> list[str]:
    """Draw what there is to draw into the run's folder -> names of the pictures."""
    simulated = trainer.splits.simulated

    def learning(plots, path):
        plots.learning(state.facts["history"], path, simulated)
        return True

    def domains(plots, path):
        plots.domains(metrics, path, simulated)
        return True

    def maps(plots, path):
        found = covariance_maps(trainer, state, config, folder)
        if found:
            plots.covariance(found, _n_experts(config, next(iter(found.values()))), path, simulated)
        return bool(found)

    pictures = {"learning.png": learning, "domains.png": domains, "covariance.png": maps}
    return [name for name, picture in pictures.items() if _is_drawn(picture, folder.path / name, say)]


def _is_drawn(picture, path, say):
    """Draw a picture if there is one, or say why it cannot be: Matplotlib, its fonts or the disk may fail."""
    try:
        from . import plots  # with it matplotlib: half a second, due when there is something to draw

        return picture(plots, path)
    except InputError as error:  # the line of a file that cannot be written
        say(f"{path.name}: not drawn ({error})")
        return False
    except Exception as error:
        said = getattr(error, "strerror", None) or one_line(error)
        say(f"{path.name}: not drawn ({type(error).__name__}: {said})")
        return False


def covariance_maps(trainer: Trainer, state: State, config: Config, folder: RunFolder) -> dict[str, np.ndarray]:
    """Covariance maps after `compare_steps` steps, {title: map}: of this run, and of a twin without its loss.

    No maps for a model without the tap `experts`.
    """
    if not config.compare_steps:
        return {}
    cov, steps = folder.load_map() or (covariance(trainer, state.params), state.facts["step"])
    if cov is None:
        return {}
    n_experts, loss = _n_experts(config, cov), trainer.objective
    if not loss.active:
        return {_title("no loss on the experts", cov, n_experts, steps): cov}
    bare = without_loss(trainer, steps)
    maps = (f"without {loss.title}", bare), (f"with {loss.title}, alpha = {loss.alpha:g}", cov)
    return {_title(what, found, n_experts, steps): found for what, found in maps if found is not None}


def _n_experts(c, cov):
    """Number of experts in a map: not always `--n-experts`."""
    return len(cov) // c.expert_sizes[-1]


def _title(what, cov, n_experts, steps):
    """What a map shows, with the dead units beside its figures: they lower the covariance, too."""
    found = between_experts(cov, n_experts)
    covariance, correlation = (
        "undefined" if value is None else format(value, form)
        for value, form in ((found.covariance, ".2g"), (found.correlation, ".2f"))
    )
    dead = f"{found.dead} of {found.units} units dead"
    return f"{what}, {steps} steps\nbetween experts: mean |cov| {covariance},\n|corr| {correlation}; {dead}"
