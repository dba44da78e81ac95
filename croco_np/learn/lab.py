"""JupyterLab as a process that starts on the learner's page, and ends with ours."""

import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from ..errors import InputError
from .ending import with_parent

PATIENCE = 60  # seconds that it may take to answer
END = 10  # seconds that it may take to end, kernels included
FIRST, PORTS = 8888, 100
SETTINGS = {  # defaults of this Lab: what its user has set counts more
    "@jupyterlab/docmanager-extension:plugin": {"defaultViewers": {"markdown": "Markdown Preview"}},  # to be read
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},  # asks no network
}


class Lab(NamedTuple):
    """A JupyterLab that answers: its address, on the learner's page, and its process."""

    address: str
    process: subprocess.Popen


def need() -> None:
    """Raise InputError, with the line that installs it, if JupyterLab is absent."""
    if missing := [name for name in ("jupyterlab", "ipykernel") if find_spec(name) is None]:
        raise InputError(f"not installed: {', '.join(missing)}; run pip install -e '.[tutorials]'")


@contextmanager
def lab(root: Path, page: str, checkpoints: Path, settings: Path) -> Iterator[Lab]:
    """JupyterLab with `root` as its root, which answers; at the end of the block it and its kernels end.

    page         the file that its address opens, below root
    checkpoints  the folder for its copies of files at their last save, also of files of the library that are looked at
    settings     an empty folder for the defaults that we set
    """
    need()
    port, token = _free_port(), secrets.token_hex(16)
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", f"--ServerApp.root_dir={root}"]
    command += ["--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--ServerApp.port_retries=0"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:  # in a container: Jupyter asks whether that is meant
        command += ["--allow-root"]
    environment = os.environ | {"JUPYTER_TOKEN": token}  # not among the arguments, which all users of a machine see
    (settings / "overrides.json").write_text(json.dumps(SETTINGS), encoding="utf-8")
    command += [f"--LabApp.app_settings_dir={settings}", f"--FileCheckpoints.checkpoint_dir={checkpoints}"]
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,  # Ctrl-C reaches us, and we end it without its question
            preexec_fn=with_parent(),
        )
        try:
            _wait(process, f"http://127.0.0.1:{port}/api", said)
            yield Lab(f"http://127.0.0.1:{port}/lab/tree/{page}?token={token}", process)
        finally:
            _end(process)


def watch(
    process: subprocess.Popen, look: Callable[[], object], write: Callable[[], object], pause: float = 1.0
) -> int:
    """Call `write` when what `look` returns changes, until `process` ends -> its exit status."""
    seen = look()
    while process.poll() is None:
        time.sleep(pause)
        if (now := look()) != seen:
            seen = now
            write()
    return process.returncode


def _free_port():
    """The first port from 8888 on that nobody listens at."""
    for port in range(FIRST, FIRST + PORTS):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise InputError(f"ports {FIRST} to {FIRST + PORTS - 1} are all taken; end other servers, such as JupyterLab")


def _wait(process, address, said):
    """Until it answers; InputError with its last line if it does not."""
    end = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < end:
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except (OSError, urllib.error.URLError):
            time.sleep(0.1)
    said.seek(0)
    lines = said.read().decode(errors="replace").strip().splitlines() or ["it said nothing"]
    raise InputError(f"JupyterLab does not start: {lines[-1]}")


def _end(process):
    """End it as a user would, who answers yes; if it does not, at once."""
    process.terminate()
    try:
        process.wait(END)
    except subprocess.TimeoutExpired:
        pass
    finally:  # it takes too long, or Ctrl-C came once more
        if process.poll() is None:
            process.kill()
            process.wait()
