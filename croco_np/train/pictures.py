"""The pictures of a finished run. One that cannot be drawn is a line, and changes nothing else."""

from dataclasses import replace
from itertools import chain, count, islice

from ..command.progress import bar
from ..command.streams import one_line
from ..diagnostics import between_experts
from ..errors import InputError
from .loop import Setup


def draw(setup, state, folder, metrics, say=print):
    """Draw what there is to draw into the run's folder -> names of the pictures."""
    simulated = setup.splits.simulated

    def learning(plots, path):
        plots.learning(state.facts["history"], path, simulated)
        return True

    def domains(plots, path):
        plots.domains(metrics, path, simulated)
        return True

    def covariance(plots, path):
        maps = covariance_maps(setup, state, folder)
        if maps:
            plots.covariance(maps, _n_experts(setup.config, next(iter(maps.values()))), path, simulated)
        return bool(maps)

    pictures = {"learning.png": learning, "domains.png": domains, "covariance.png": covariance}
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


def covariance_maps(setup, state, folder):
    """Covariance maps after `compare_steps` steps, {title: map}: of this run, and of a twin without its loss.

    The twin has the same start, the same batches and alpha = 0, so what differs between the maps is the loss alone,
    CovLoss or another. No maps for a model without the tap `experts`.
    """
    c = setup.config
    if not c.compare_steps:
        return {}
    cov, steps = folder.load_map(setup) or (setup.covariance(state.params), state.facts["step"])
    if cov is None:
        return {}
    n_experts = _n_experts(c, cov)
    if not setup.objective.active:
        return {_title("no loss on the experts", cov, n_experts, steps): cov}
    twin = Setup(replace(c, alpha=0.0), setup.splits)
    other = twin.start()
    batches = chain.from_iterable(twin.batches(epoch) for epoch in count(1))
    with bar(steps, f"twin without {setup.objective.title}", unit="steps") as progress:
        for batch in islice(batches, steps):
            twin.step(other, batch, defer=True)
            progress.update(1)
    twin.settle(other)
    bare = twin.covariance(other.params)
    return {
        _title(f"without {setup.objective.title}", bare, n_experts, steps): bare,
        _title(f"with {setup.objective.title}, alpha = {c.alpha:g}", cov, n_experts, steps): cov,
    }


def _n_experts(c, cov):
    """Number of experts in a map: not always `--n-experts`."""
    return len(cov) // c.expert_sizes[-1]


def _title(what, cov, n_experts, steps):
    covariance, correlation = between_experts(cov, n_experts)
    return f"{what}, {steps} steps\nbetween experts\nmean |cov| {covariance:.2g}, |corr| {correlation:.2f}"
