"""Damaged artefacts: runs, prepared and simulated data. Each is refused in one line, or gives the very same results.

CROCO_NP_DAMAGED=500 damages that many; some otherwise.
"""

import json
import os
import random
import shutil
import signal
from collections import Counter
from pathlib import Path

import pytest
from children import finish, start
from safetensors.numpy import load_file

from croco_np.diagnostics.__main__ import main as diagnose
from croco_np.predict.__main__ import main as predict
from croco_np.train.__main__ import main as train

DAMAGED = int(os.environ.get("CROCO_NP_DAMAGED", 24))
SECONDS = 60  # a child that takes longer hangs
SIZES = ["--n-experts", "2", "--expert-sizes", "4", "--tower-sizes", "2", "--embedding-width", "2", "--prior-width"]
FLAGS = ["--dataset", "aliccp", "--simulated-rows", "2000", "--epochs", "1", "--batch-size", "512", *SIZES, "2"]
FLAGS += ["--compare-steps", "2", "--min-count", "3", "--threads", "1", "--out", "run"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A folder with a finished run and its data, and what each command says of them."""
    folder = tmp_path_factory.mktemp("whole")
    assert run(folder, lambda: train(FLAGS), folder.parent / "said") == 0, (folder.parent / "said").read_text()
    return folder, {name: results(name, folder, folder.parent / "said") for name in COMMANDS}


COMMANDS = {
    "train": lambda: train(["--resume", "run"]),
    "predict": lambda: predict(["run", "--out", "p.csv"]),
    "diagnostics": lambda: diagnose(["run"]),
}


def run(folder, command, said):
    def there():
        os.chdir(folder)
        signal.alarm(SECONDS)
        return command()

    return finish(start(there, said))


def results(name, folder, said):
    """(exit status, what it printed last, the numbers it wrote) of a command."""
    status = run(folder, COMMANDS[name], said)
    if status:
        return status, Path(said).read_text(), None
    try:
        return status, Path(said).read_text(), NUMBERS[name](folder)
    except Exception as error:  # the command was content with what cannot be read
        return status, Path(said).read_text(), repr(error)


def trained(folder):
    metrics = json.loads((folder / "run" / "metrics.json").read_text())
    weights = load_file(folder / "run" / "checkpoint.safetensors"), load_file(folder / "run" / "model.safetensors")
    numbers = {name: a.tobytes() for arrays in weights for name, a in arrays.items()}
    return metrics["overall"], metrics["domains"], numbers


NUMBERS = {  # what a command wrote
    "train": trained,
    "predict": lambda folder: (folder / "p.csv").read_text(),
    "diagnostics": lambda folder: (folder / "run" / "diagnostics.json").read_text(),
}


def damage(rng, path, others):
    """Do something to a file; returns what, in words."""
    text = bytearray(path.read_bytes())
    at = rng.randrange(len(text)) if text else 0
    kinds = ["bit", "byte", "cut", "longer", "empty", "zeros", "insert", "delete", "other", "gone", "folder", "fifo"]
    kind = rng.choice(kinds)
    if kind == "bit" and text:
        text[at] ^= 1 << rng.randrange(8)
    elif kind == "byte" and text:
        text[at] = rng.randrange(256)
    elif kind == "cut":
        del text[at:]
    elif kind == "longer":
        text += bytes(rng.randrange(256) for _ in range(rng.randrange(1, 99)))
    elif kind == "empty":
        text.clear()
    elif kind == "zeros":
        text[at : at + 512] = bytes(len(text[at : at + 512]))
    elif kind == "insert":
        text[at:at] = bytes(rng.randrange(256) for _ in range(rng.randrange(1, 9)))
    elif kind == "delete":
        del text[at : at + rng.randrange(1, 9)]
    path.unlink()
    if kind == "other":
        other = rng.choice(others)
        shutil.copy(other, path)
        return f"{other.name} in its place"
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind != "gone":
        path.write_bytes(bytes(text))
    return f"{kind} at {at}"


def json_values(rng, path):
    """Change one value in a JSON file, or its type; returns what, in words."""
    entries = json.loads(path.read_text())
    node, key = entries, rng.choice(list(entries))
    while isinstance(node[key], dict) and node[key]:
        node = node[key]
        key = rng.choice(list(node))
    before = node[key]
    node[key] = rng.choice([None, 0, -1, 10**30, "", "x" * 100_000, [], {}, [1], 0.5, True, float("nan")])
    if rng.random() < 0.2:
        del node[key]
    path.write_text(json.dumps(entries))
    return f"{key}: {before!r:.40} -> {node.get(key, 'nothing')!r:.40}"


def verdict(status, said, numbers, wanted):
    """What became of a command on something damaged; "refused" and "same" are right."""
    if status == -signal.SIGALRM:
        return "hang"
    if status < 0:
        return "crash"
    if status == 0:
        return "same" if numbers == wanted else "other numbers"
    lines = [line for line in said.splitlines() if line.startswith("error: ")]
    is_one_line = status == 2 and len(lines) == 1 and "Traceback" not in said and len(lines[0]) < 600
    return "refused" if is_one_line else "traceback"


def test_damaged(whole, tmp_path):
    undamaged, wanted = whole
    files = sorted(p.relative_to(undamaged) for p in undamaged.rglob("*") if p.is_file())
    rng, found, wrong = random.Random(0), Counter(), []
    for k in range(DAMAGED):
        folder = shutil.copytree(undamaged, tmp_path / "copy", symlinks=True)
        for path in folder.rglob("*"):  # prepared data are found by the times of the raw files
            time = (undamaged / path.relative_to(folder)).stat().st_mtime_ns
            os.utime(path, ns=(time, time))
        victim = rng.choice(files)
        others = [folder / name for name in files if name.suffix == victim.suffix and name != victim]
        others = others or [folder / name for name in files if name != victim]
        is_json = victim.suffix == ".json" and rng.random() < 0.5
        done = json_values(rng, folder / victim) if is_json else damage(rng, folder / victim, others)
        name = rng.choice(list(COMMANDS))
        status, said, numbers = results(name, folder, tmp_path / "said")
        said_of_it = verdict(status, said, numbers, wanted[name][2])
        found[said_of_it] += 1
        if said_of_it not in ("refused", "same"):
            wrong.append(f"number {k}, {name}, {victim}, {done}: {said_of_it}: {said[-2000:]}")
        shutil.rmtree(folder)
    print(f"{DAMAGED} damaged: {dict(found)}")
    assert not wrong, "\n".join(wrong)
    assert found["refused"] > DAMAGED // 5
