"""Client of the PyTorch peer, a process of its own that does the same steps.

    PYTHON croco_np/bench/peer FOLDER        FOLDER holds job.json, params.npz, batches.npz

It is asked and answers in lines of JSON: {"do": "settings"}, {"do": "train", "setting": ..., "batch": ...}, ...; what
it cannot do is answered by {"error": "one line"}.
"""

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import numpy as np

from ..backend import host
from ..errors import InputError
from ..machine.threads import OURS
from ..tree import flatten
from .ours import Ours
from .place import is_gpu, is_standin

PEER = Path(__file__).parent / "peer"
PAUSE = 0.1  # seconds after a step on the processor: its threads may spin on, and would slow down whoever is next


class Refused(InputError):
    """The peer cannot do what it was asked; its message says why."""


class Peer:
    """The process, and the job it was started for. A context manager.

    python   interpreter that has PyTorch
    ours     `Ours` before its first step: parameters, batches and config are handed over
    program  what to run, a folder or a file (default: `PEER`)
    """

    def __init__(self, python: str, ours: Ours, threads: int, program: str | Path | None = None) -> None:
        self.do = "predict" if ours.predict else "train"
        self.n_batches = len(ours.batches)
        self.pause = 0.0 if is_gpu(ours.backend) else PAUSE  # a GPU's step is over when it is over, and short
        self.first: dict[str, float] = {}
        self.scratch = ExitStack()
        folder = Path(self.scratch.enter_context(tempfile.TemporaryDirectory(prefix="croco-np-peer-")))
        self.errors = folder / "stderr.txt"
        try:
            _write_job(folder, ours, threads)
            with self.errors.open("w") as errors:
                self.process: Any = subprocess.Popen(  # Any: a Popen need not have the pipes that this one has
                    [python, str(program or PEER), str(folder)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    env=environment(),
                    text=True,
                )
        except OSError as error:
            self.scratch.close()
            raise InputError(f"--peer-python {python}: cannot be started: {error.strerror or error}") from error

    def ask(self, do: str, **more: Any) -> dict[str, Any]:
        """One question -> the answer; raises `Refused` for an error, InputError if the process is gone."""
        try:
            self.process.stdin.write(json.dumps({"do": do, **more}) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
            answer = json.loads(line)
        except (OSError, ValueError):
            raise InputError(f"the peer ended or did not answer: {self._last_words()}") from None
        if "error" in answer:
            raise Refused(answer["error"])
        return answer

    def step(self, setting: str) -> Callable[[int], float]:
        """function(i) -> seconds of a step by this setting, as `measure.interleave` wants it."""

        def step(i):
            answer = self.ask(self.do, setting=setting, batch=i % self.n_batches)
            time.sleep(self.pause)
            self.first.setdefault(setting, answer["loss" if self.do == "train" else "mean"])
            return answer["seconds"]

        return step

    def _last_words(self):
        """The end of what the process wrote to stderr."""
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
        lines = self.errors.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"no message, exit status {self.process.poll()}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.process.stdin.write('{"do": "quit"}\n')
            self.process.stdin.close()
            self.process.wait(10)
        except (OSError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.scratch.close()


def environment() -> dict[str, str]:
    """Our environment without what this command set for its own thread pools; what the user set stays."""
    return {name: value for name, value in os.environ.items() if OURS.get(name) != value}


def _write_job(folder: Path, ours: Ours, threads: int) -> None:
    config, schema, objective = ours.workload.config, ours.workload.schema, ours.trainer.objective
    job = {
        "model": config.model,
        "config": config.json() | {"loss": config.resolved_loss},
        "schema": {
            "vocabulary": schema.vocabulary,
            "prior_fields": schema.prior_fields,
            "personal_fields": schema.personal_fields,
            "n_domains": len(schema.domains),
        },
        "alpha": objective.alpha if objective.active else 0.0,
        "lr": config.lr,
        "running": ours.trainer.model.running,
        "threads": threads,
        "device": "cuda" if is_gpu(ours.backend) and not is_standin(ours.backend) else "cpu",
        "precision": config.precision,
    }
    (folder / "job.json").write_text(json.dumps(job))
    np.savez(folder / "params.npz", **{k: host(w).astype(np.float32) for k, w in flatten(ours.state.params).items()})
    batches: dict[str, Any] = {}
    for i, batch in enumerate(batch.brought(host) for batch in ours.batches):
        batches[f"{i}.ids"] = batch.ids.astype(np.int64)
        batches[f"{i}.labels"] = batch.labels.astype(np.float32)
        batches[f"{i}.sizes"] = np.array([rows.stop - rows.start for rows in batch.domains], np.int64)
    np.savez(folder / "batches.npz", **batches)
