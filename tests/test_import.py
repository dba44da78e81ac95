"""Importing croco_np as a library changes nothing in the process, its commands tune theirs; the public names."""

import ast
import inspect
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import croco_np
from croco_np.command import start

PACKAGE = Path(croco_np.__file__).parent
SETTINGS = ("OMP_", "OPENBLAS_", "KMP_", "MALLOC_", "GLIBC_", "CROCO_NP_")
LIBRARIES = ("numpy", "numba", "scipy", "pandas", "matplotlib", "safetensors", "threadpoolctl", "tqdm")


def fresh(*arguments, cwd=None, **environ):
    """A fresh Python with these arguments, without the settings of this one."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(SETTINGS)}
    return subprocess.run(
        [sys.executable, *arguments], cwd=cwd, env=clean | environ, capture_output=True, text=True, check=False
    )


def printed(code, *arguments, **environ):
    """JSON that a program in a fresh Python prints; what it writes to stderr is shown if it fails."""
    done = fresh(*arguments, "-c", code, **environ)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


# `state()` is what an import could change; `turned` are the knobs of malloc that somebody reached for.
STATE = """
import atexit, ctypes, json, logging, os, signal, sys, warnings
turned = []
class Spy(ctypes.CDLL):
    def __getattr__(self, name):
        if name == "mallopt":
            turned.append(name)
        return super().__getattr__(name)
ctypes.CDLL = Spy

def state():
    found = {
        "environ": dict(os.environ),
        "signals": [repr(signal.getsignal(n)) for n in sorted(signal.valid_signals())],
        "at exit": atexit._ncallbacks(),
        "warnings": [repr(entry) for entry in warnings.filters],
        "streams": [id(getattr(sys, name)) for name in ("stdin", "stdout", "stderr")],
        "hooks": [id(getattr(sys, name)) for name in ("excepthook", "unraisablehook", "displayhook")],
        "logging": [logging.root.level, len(logging.root.handlers)],
        "mallopt": list(turned),
        "path": list(sys.path),
    }
    if "numpy" in sys.modules:
        import numpy
        found |= {"errors": numpy.geterr(), "printing": repr(numpy.get_printoptions())}
    if "numba" in sys.modules:
        import numba
        found["numba"] = {k: repr(v) for k, v in vars(numba.config).items() if k.isupper()}
    if "matplotlib" in sys.modules:
        import matplotlib
        found["matplotlib"] = repr(dict(matplotlib.rcParams))
    return found
"""
ALL = """
import importlib, pkgutil, croco_np
names = [m.name for m in pkgutil.walk_packages(croco_np.__path__, "croco_np.")]
names = [n for n in names if "__main__" not in n and not n.startswith("croco_np.bench.peer")]
for name in names:
    importlib.import_module(name)
"""


def test_the_package_by_itself_changes_nothing():
    before, after = printed(STATE + "one = state(); import croco_np; print(json.dumps([one, state()]))")
    assert before == after


def test_all_its_modules_together_change_nothing():
    """What NumPy and its like do at their own import is theirs: they come first."""
    libraries = "import concurrent.futures, multiprocessing, numba, numpy, pandas, safetensors.numpy, threadpoolctl\n"
    libraries += "import matplotlib.backends.backend_agg, matplotlib.figure, numba.core.caching, tqdm\n"
    libraries += "import concurrent.futures.process, scipy.optimize, scipy.stats\n"
    code = f"{libraries}{STATE}one = state(){ALL}print(json.dumps([one, state(), len(names)]))"
    before, after, n_modules = printed(code)
    assert n_modules > 100
    assert before == after


def test_the_environment_stays_whatever_comes_first():
    before, after = printed(f"import os, json; one = dict(os.environ){ALL}print(json.dumps([one, dict(os.environ)]))")
    assert before == after


def test_the_spy_sees_what_tune_does():
    turned, heap = printed(STATE + "import croco_np; heap = croco_np.tune().heap; print(json.dumps([turned, heap]))")
    assert bool(turned) == (heap is None)


STEP = """
import json, sys
import numpy as np
from croco_np.backend import load
from croco_np.layers import Linear
from croco_np.optim import Adam
layer, adam = Linear(2, 1), Adam()
params = layer.init(np.random.default_rng(0))
state = adam.init(params)
y, cache = layer.forward(params, load("numpy").bring(np.ones((3, 2))))
adam.step(params, layer.backward(cache, np.ones_like(y))[1], state)
print(json.dumps([name for name in ("cupy", "numba.cuda", "croco_np.standin") if name in sys.modules]))
"""


@pytest.mark.parametrize("kernels", ["numpy", "numba"])
def test_a_step_on_the_host_loads_nothing_of_a_gpu(kernels):
    assert printed(STEP, CROCO_NP_KERNELS=kernels) == []


@pytest.mark.parametrize("module", ["croco_np", "croco_np.train.loop", "croco_np.gradcheck", "croco_np.models"])
def test_numpy_first_and_warnings_as_errors(module):
    done = fresh("-W", "error", "-c", f"import numpy, {module}")
    assert (done.returncode, done.stderr) == (0, "")


def test_no_library_is_loaded_before_it_is_needed():
    code = "import sys, time, json; t = time.perf_counter(); import croco_np; t = time.perf_counter() - t\n"
    loaded, seconds = printed(code + "print(json.dumps([sorted(sys.modules), t]))")
    print(f"import croco_np: {1e3 * seconds:.1f} ms")
    assert not {name.partition(".")[0] for name in loaded} & set(LIBRARIES)


@pytest.mark.parametrize("name", croco_np.__all__)
def test_a_public_name_is_there_and_explained(name):
    found = getattr(croco_np, name)
    assert name in croco_np.__doc__
    if inspect.isclass(found) or inspect.isfunction(found):
        assert inspect.getdoc(found)
        assert not inspect.getdoc(found).startswith(f"{name}(")  # what dataclasses write themselves


def test_the_three_lists_of_public_names_agree():
    tree = ast.parse((PACKAGE / "__init__.py").read_text())
    (block,) = (node for node in tree.body if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test))
    typed = {alias.name: node.module for node in block.body for alias in node.names}
    assert typed == croco_np._HOME
    assert set(croco_np.__all__) == set(typed)


def test_every_room_is_in_the_map_and_within_reach():
    rooms = {path.stem for path in PACKAGE.glob("[a-z]*.py")}
    rooms |= {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert set(croco_np._ROOMS) == rooms - {"arguments", "overlap"}  # these two serve kernels only
    assert all(room in croco_np.__doc__ for room in croco_np._ROOMS)
    assert printed("import croco_np, json; print(json.dumps(croco_np.losses.__name__))") == "croco_np.losses"


def test_dir_lists_what_there_is():
    listed = printed("import croco_np, json; print(json.dumps(dir(croco_np)))")
    assert set(listed) >= {*croco_np.__all__, *croco_np._ROOMS, "__version__"}
    with pytest.raises(AttributeError, match="module 'croco_np' has no attribute 'Alligator'"):
        _ = croco_np.Alligator


def test_all_is_shipped():
    """A folder without __init__.py is no package, and would be left out of a wheel without a word."""
    shipped = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
    data = {path for pattern in shipped["croco_np"] for path in PACKAGE.glob(pattern)}
    assert PACKAGE / "py.typed" in data
    left_out = [path for path in PACKAGE.rglob("*.py") if not (path.parent / "__init__.py").exists()]
    assert set(left_out) <= data


# In the place of NumPy: says what the process is like when it loads, and ends it.
LOADS = """
import json, os, signal, sys
from croco_np.machine import heap, threads
ready = signal.getsignal(signal.SIGINT) is not signal.default_int_handler
kept = heap.STATE["pages_kept"] or heap.STATE["why"] == "not the GNU C library"
print(json.dumps({"ours": threads.OURS, "kept": kept, "ready": ready, "environ": dict(os.environ)}), flush=True)
os._exit(0)
"""


def process_at_numpy(folder, *arguments, **environ):
    """{"ours", "kept", "ready", "environ"} of a process with these arguments, at the moment when it loads NumPy."""
    (folder / "numpy.py").write_text(LOADS)
    done = fresh(*arguments, cwd=folder, PYTHONPATH=str(folder), **environ)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def is_tuned(process):
    from croco_np.machine.threads import wanted

    tuned = [process["ours"] == wanted(), process["environ"].items() >= wanted().items()]
    tuned += [process["kept"], process["ready"]]
    assert len(set(tuned)) == 1, process
    return tuned[0]


@pytest.mark.parametrize("name", ["bench", "costs", "diagnostics", "doctor", "gradcheck", "predict", "report", "train"])
def test_commands_are_tuned_before_numpy_loads(name, tmp_path):
    assert is_tuned(process_at_numpy(tmp_path, "-m", f"croco_np.{name}"))
    assert is_tuned(process_at_numpy(tmp_path, "-m", "croco_np", name))


def test_however_python_is_told(tmp_path):
    assert is_tuned(process_at_numpy(tmp_path, "-mcroco_np.costs"))
    assert is_tuned(process_at_numpy(tmp_path, "-X", "utf8", "-Bm", "croco_np.costs"))
    assert is_tuned(process_at_numpy(tmp_path, "-Bmcroco_np.costs", "-m"))


def test_a_command_that_is_to_be_left_alone(tmp_path):
    process = process_at_numpy(tmp_path, "-m", "croco_np.train", CROCO_NP_AS_IS="1")
    assert (process["ours"], process["kept"], process["ready"]) == ({}, False, True)


def test_other_programs_are_not_tuned(tmp_path):
    use = "import croco_np.train.loop\n"
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "__init__.py").write_text("import croco_np\n")
    (tmp_path / "other" / "__main__.py").write_text(use)
    (tmp_path / "croco_np_script.py").write_text(use)
    run = "import runpy; runpy.run_module('croco_np.costs', run_name='__main__', alter_sys=True)"
    for arguments in (
        ["-c", use, "-m", "croco_np.train"],
        ["croco_np_script.py", "croco_np"],
        ["-m", "croco_np_script"],
        ["-m", "other", "croco_np"],
        ["-m", "other", "-m", "croco_np.train"],
        ["-c", run],
    ):
        assert not is_tuned(process_at_numpy(tmp_path, *arguments)), arguments


@pytest.mark.parametrize(
    ("argv", "orig_argv"),
    [
        (["-m"], ["python", "-m", "pytest"]),
        (["-m", "croco_np"], ["python", "-m", "pytest", "croco_np"]),
        (["-m", "--pyargs", "croco_np.layers"], ["python", "-mpytest", "--pyargs", "croco_np.layers"]),
        (["-m", "--out", "croco_np_site"], ["python", "-m", "tutorials.publish", "--out", "croco_np_site"]),
        (["-m"], ["python", "-m", "croco_np_fork.train"]),
        (["-m", "a", "b"], ["python"]),  # a program that sets sys.argv
        ([], ["python"]),
    ],
)
def test_what_is_no_command(argv, orig_argv, monkeypatch):
    monkeypatch.setattr(sys, "argv", argv)
    monkeypatch.setattr(sys, "orig_argv", orig_argv)
    assert not start.is_command()


def test_a_command_by_its_name():
    assert fresh("-m", "croco_np", "costs", "--help").stdout == fresh("-m", "croco_np.costs", "--help").stdout
    done = fresh("-m", "croco_np", "trian")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: python -m croco_np 'trian': no such command; there are train, ")
