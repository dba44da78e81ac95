"""Train a system of the Crocodile paper on real or simulated clicks, on CPU, with hand-written gradients."""

import os
import shlex
import sys
from collections.abc import Sequence
from contextlib import contextmanager

from .. import backend
from ..command import status
from ..command.interrupts import handled, stop
from ..config import Config
from ..config.flags import Command, parse, resumed, without_effect
from ..datasets.load import load
from ..diagnostics import abundance_during
from ..kernels import device
from ..kernels.pools import set_threads
from ..kernels.twin import note_numpy
from ..runs.folder import RunFolder
from ..runs.state import State
from .loop import fit
from .memory import require_room, require_room_on, room_named
from .results import finish
from .trainer import Trainer


def run(argv: Sequence[str] | None) -> int:
    """The command; returns the exit status."""
    asked = parse(argv, "python -m croco_np.train", __doc__)
    if asked.config is None:
        folder, config = RunFolder.existing(asked.resume)
        with folder:
            return train(resumed(config, asked.given), folder, asked)
    RunFolder.refuse_taken(asked.out)  # now, not when the data have been read
    return train(asked.config, None, asked)


def train(config: Config, folder: RunFolder | None, asked: Command) -> int:
    """Train what `config` says, in the folder of a run that is taken up again, or in a new one (None)."""
    for line in without_effect(config, asked.given):
        _say(line)
    place = backend.load(config.backend)  # now, too: there may be no GPU
    cores = os.cpu_count() or 1
    if config.threads > cores:
        print(f"the run began with {config.threads} threads, this machine has {cores}: rounding may differ", flush=True)
    if config.threads:
        set_threads(min(config.threads, cores))
    note_numpy()
    splits = load(config)
    for note in splits.notes:
        print(note, flush=True)
    trainer = Trainer.from_config(config, splits)
    require_room(trainer.model, config.dtype)
    require_room_on(place, trainer.model, config.dtype)
    if folder is None:
        with RunFolder.new(asked.out, config) as folder:
            folder.begin(config, splits)
            return fit_and_finish(trainer, trainer.start(), config, folder, report=asked.report)
    state = folder.restore(trainer.start(), config, splits, asked.changed_data)
    folder.begin(config, splits)
    return fit_and_finish(trainer, state, config, folder, resumed=True, report=asked.report)


def fit_and_finish(
    trainer: Trainer, state: State, config: Config, folder: RunFolder, resumed: bool = False, report: bool = False
) -> int:
    """Train to the end and show the results; returns the exit status.

    report  whether to write the page of the run, too, and to measure the abundance that it shows for each epoch
    """
    splits = trainer.splits
    sizes = ", ".join(
        f"{name} {part.n:,}" for name, part in zip(("train", "valid", "test"), _parts(splits), strict=True)
    )
    print(f"{config.system} on {config.dataset}: {sizes} rows; writing to {folder.path}", flush=True)
    if config.backend != "numpy":
        print(f"computing on {trainer.backend.where}, kernels by {device.side()}", flush=True)
    if resumed:
        print(_where(config, state.facts), flush=True)
    with _interrupts(folder.path) as interrupted:
        fit(
            trainer,
            state,
            folder,
            epochs=config.epochs,
            patience=config.patience,
            checkpoint_steps=config.checkpoint_steps,
            map_step=config.compare_steps,
            interrupted=interrupted,
            each_epoch=abundance_during(splits, config) if report else None,
            say=_say,
        )
        if interrupted():
            print(f"stopped at step {state.facts['step']}; {_go_on(folder.path)}", file=sys.stderr)
            return 128 + interrupted()
    with room_named(trainer.backend, trainer.batch_size, state, folder):
        finish(trainer, state, config, folder, say=_say)
    if report:
        from ..report.run import write  # with it Jinja2 and Matplotlib

        predictor = trainer.predictor(state.chosen).brought(backend.host)
        _say(f"{write(folder, predictor, splits, config)}: open it in a browser")
    return 0


def _say(line):
    print(line, flush=True)


def _where(config, facts):
    """A line on where a resumed run goes on."""
    if facts["epochs_without_better"] >= config.patience:
        return f"training had ended at step {facts['step']}: {config.patience} epoch(s) without a better validation AUC"
    if facts["epoch"] > config.epochs:
        return f"training had ended at step {facts['step']}, after all {config.epochs} epochs (--epochs N goes on)"
    return f"going on at step {facts['step']}, row {facts['position']:,} of epoch {facts['epoch']}"


def _parts(splits):
    return splits.train, splits.valid, splits.test


@contextmanager
def _interrupts(path):
    """A function that returns the number of the signal, Ctrl-C or SIGTERM, that asked training to stop, or None.

    The step under way is finished first, and saved; at a second signal it is not.
    """
    asked = []

    def note(signum, _):
        if asked:
            stop(signum, line=f"stopped at once, at the last checkpoint; {_go_on(path)}")
        asked.append(signum)
        print("\nstopping after this step (Ctrl-C again: at once)", file=sys.stderr)

    with handled(note):
        yield lambda: asked[0] if asked else None


def _go_on(path):
    return f"go on with: python -m croco_np.train --resume {shlex.quote(str(path))}"


def main(argv: Sequence[str] | None = None) -> int:
    return status(run, argv)


if __name__ == "__main__":
    sys.exit(main())
