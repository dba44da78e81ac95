"""What is optional never takes the result along: streams, pictures, Numba, its cache and threads, by user's command."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from typing import ClassVar

import numpy as np
import pytest
from commands import IN_NUMPY, NO_PICTURES, SMALL, command, make_data, train
from safetensors.numpy import load_file

from croco_np.command import streams
from croco_np.errors import InputError
from croco_np.kernels import twin
from croco_np.kernels.twin import numba

FLAGS = [*SMALL, "--dataset", "kuairand", "--epochs", 1]
NO_MAP = ["--compare-steps", 0]
RESULTS = ("checkpoint.safetensors", "config.json", "history.jsonl", "metrics.json", "model.safetensors")
WITH_NUMBA = pytest.mark.skipif(numba is None, reason="Numba is not there")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return make_data(tmp_path_factory.mktemp("kuairand"), rows=400)


@pytest.fixture(scope="module")
def right(data, tmp_path_factory):
    """Weights of a run that nothing was in the way of."""
    folder = tmp_path_factory.mktemp("right")
    done = train(*FLAGS, *NO_MAP, "--data-dir", data, "--out", "run", cwd=folder, **IN_NUMPY)
    assert done.returncode == 0, done.stderr
    return load_file(folder / "run" / "model.safetensors")


def shell(line, cwd, **environ):
    return subprocess.run(
        ["bash", "-c", line],
        cwd=cwd,
        env=os.environ | environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def results(run, right):
    """The run is complete, and its weights are the right ones."""
    assert all((run / name).exists() for name in RESULTS)
    ours = load_file(run / "model.safetensors")
    assert ours.keys() == right.keys()
    for name, w in right.items():
        np.testing.assert_allclose(
            ours[name], w, rtol=1e-4, atol=1e-5, err_msg=name
        )  # float32; NumPy adds up otherwise


@pytest.mark.parametrize(
    ("redirection", "said"),
    [
        (">&- 2>&- <&-", ""),
        ("> /dev/full", "note: standard output is lost"),
        ("2>&- | head -1", ""),
    ],
)
def test_streams_do_not_decide(redirection, said, data, right, tmp_path):
    line = " ".join(command(*FLAGS, *NO_MAP, "--data-dir", data, "--out", "run"))
    done = shell(f"set -o pipefail; {line} {redirection}", tmp_path, **IN_NUMPY)
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith(said)
    assert len(done.stderr.splitlines()) == bool(said)
    results(tmp_path / "run", right)


@pytest.mark.parametrize(
    ("module", "redirection"),
    [
        ("croco_np", "| head -1"),
        ("croco_np", "> /dev/full"),
        ("croco_np", ">&- 2>&-"),
        ("croco_np.gradcheck --loss bce", "| head -1"),
    ],
)
def test_every_command_ends_quietly(module, redirection, tmp_path):
    done = shell(f"set -o pipefail; {sys.executable} -m {module} {redirection}", tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(done.stderr.splitlines()) == ("full" in redirection)


def test_a_letter_that_an_encoding_lacks(tmp_path):
    done = shell(f"{sys.executable} -m croco_np rün", tmp_path, PYTHONIOENCODING="ascii:strict")
    assert done.returncode == 2
    assert done.stderr.startswith("error: python -m croco_np 'r\\xfcn': ")


@pytest.mark.parametrize("kind", ["ImportError", "SystemError"])
def test_a_broken_numba_is_one_line(kind, data, right, tmp_path):
    (tmp_path / "numba.py").write_text(f"raise {kind}('cannot be used')\n")
    out = ["--data-dir", data, "--out", "run"]
    path = os.pathsep.join([str(tmp_path), NO_PICTURES["PYTHONPATH"]])
    done = train(*FLAGS, *NO_MAP, *out, cwd=tmp_path, PYTHONPATH=path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == (
        f"note: Numba cannot be loaded ({kind}: cannot be used): kernels run in NumPy, more slowly\n"
    )
    results(tmp_path / "run", right)


def test_numpy_kernels_load_no_numba(tmp_path):
    """The fastest way round a Numba that ends the process when it is imported."""
    (tmp_path / "numba.py").write_text("import os; os._exit(9)\n")
    code = "import croco_np.train.loop, sys; assert 'numba' not in sys.modules"
    done = shell(f'{sys.executable} -c "{code}"', tmp_path, PYTHONPATH=str(tmp_path), CROCO_NP_KERNELS="numpy")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("module", ["train", "doctor", "gradcheck"])
def test_a_wrong_choice_of_kernels_is_one_line(module, tmp_path):
    done = shell(f"{sys.executable} -m croco_np.{module}", tmp_path, CROCO_NP_KERNELS="bogus")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: CROCO_NP_KERNELS=bogus: must be numba or numpy\n"


def test_a_wrong_choice_of_kernels_is_a_value_error_to_programs(tmp_path):
    done = shell(f"{sys.executable} -c 'import croco_np.kernels.twin'", tmp_path, CROCO_NP_KERNELS="bogus")
    assert done.stderr.splitlines()[-1] == "ValueError: CROCO_NP_KERNELS=bogus: must be numba or numpy"


USE = """
import croco_np
import numpy as np
from croco_np.kernels.relu import bias_relu
z = np.ones((4, 3), np.float32)
def use():
    assert bias_relu(z.copy(), z[0]).sum() == 24
"""


def python(code, cwd, **environ):
    return subprocess.run(
        [sys.executable, "-c", USE + code],
        cwd=cwd,
        env=os.environ | environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@WITH_NUMBA
@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"NUMBA_DISABLE_JIT": "1"}, "NUMBA_DISABLE_JIT"),
        ({"NUMBA_THREADING_LAYER": "nonsense"}, "threading layer"),
        ({"NUMBA_NUM_THREADS": "0"}, "threads"),
    ],
)
def test_a_numba_that_cannot_run_is_one_line(environ, words, tmp_path):
    done = python(
        "from croco_np.kernels import twin; use(); twin.note_numpy(); print(twin.running())", tmp_path, **environ
    )
    assert (done.returncode, done.stdout) == (0, "numpy\n"), done.stderr
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1


@WITH_NUMBA
def test_an_error_of_a_twin_is_raised_and_not_run_twice():
    """Only a twin that was never compiled may be replaced: another may have changed its arguments already."""
    calls = []

    class Twin:
        overloads: ClassVar = {("types",)}

        def __call__(self, *args):
            calls.append(args)
            raise ZeroDivisionError

        def typeof_pyval(self, value):
            return "types"

    kernel = twin.Kernel(lambda x: calls.append("definition"))
    del twin.KERNELS["<lambda>"]
    kernel.check, kernel.compiled = lambda args: args, Twin()
    with pytest.raises(ZeroDivisionError):
        kernel(1)
    assert calls == [(1,)]
    assert twin.running() == "numba"


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A cache with a compiled kernel."""
    cache = tmp_path_factory.mktemp("cache")
    done = python("use()", cache, NUMBA_CACHE_DIR=str(cache))
    assert (done.returncode, done.stderr) == (0, "")
    return cache


@WITH_NUMBA
@pytest.mark.parametrize("damage", ["cut", "bit", "forbidden"])
def test_a_damaged_cache_is_one_line_and_mended(damage, filled, tmp_path):
    """One line says so, and the next process finds whole files. One bit of machine code is enough."""
    cache = shutil.copytree(filled, tmp_path / "cache")
    environ = {"NUMBA_CACHE_DIR": str(cache)}
    files = [path for path in cache.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} == {".nbi", ".nbc"}
    for path in files:
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        match damage:
            case "cut":
                path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
            case "bit" if path.suffix == ".nbc":
                path.write_bytes(content)
            case "forbidden":
                path.unlink()
                path.mkdir()  # as good as no permission, for root too
    done = python("use()", tmp_path, **environ)
    assert done.returncode == 0, done.stderr
    assert ("cannot be" if damage == "forbidden" else "is damaged") in done.stderr
    assert len(done.stderr.splitlines()) <= (2 if damage == "forbidden" else 1)  # not read, and not written
    if damage != "forbidden":
        assert python("use()", tmp_path, **environ).stderr == ""


NOWHERE = """
import os, sys, tempfile
from numba.core import caching
def ensure_cache_path(self):
    if not self.get_cache_path().startswith(os.environ["WRITABLE"]):
        raise PermissionError(13, "Permission denied")
    os.makedirs(self.get_cache_path(), exist_ok=True)
caching._CacheLocator.ensure_cache_path = ensure_cache_path
"""


@WITH_NUMBA
def test_a_read_only_install_without_a_home(tmp_path):
    """Kernels go to a folder of this user alone; a second process loads them from there."""
    (tmp_path / "sitecustomize.py").write_text(NOWHERE)
    environ = {"PYTHONPATH": str(tmp_path), "WRITABLE": str(tmp_path), "TMPDIR": str(tmp_path)}
    tmp_path.chmod(0o700)
    done = python("use()", tmp_path, **environ)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / f"croco_np-{os.geteuid()}"
    assert done.stderr.startswith(f"note: compiled kernels are kept in {folder}")
    assert len(done.stderr.splitlines()) == 1
    assert folder.stat().st_mode & 0o777 == 0o700
    assert list(folder.rglob("*.nbc"))


@WITH_NUMBA
@pytest.mark.parametrize("plant", ["open", "link", "file", "open parent"])
def test_no_folder_of_others_is_used(plant, tmp_path, monkeypatch):
    """Cached kernels are programs: a folder that others could have written to, or may replace, is not read."""
    from croco_np.kernels import cache as kernel_cache

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    folder = tmp_path / f"croco_np-{os.geteuid()}"
    assert kernel_cache.temporary_folder.__wrapped__() == str(folder)
    folder.rmdir()
    match plant:
        case "open":
            folder.mkdir()
            folder.chmod(0o770)
        case "link":
            (tmp_path / "theirs").mkdir(mode=0o700)
            folder.symlink_to(tmp_path / "theirs")
        case "file":
            folder.write_text("")
        case "open parent":
            tmp_path.chmod(0o777)
    assert kernel_cache.temporary_folder.__wrapped__() is None


@WITH_NUMBA
def test_without_any_folder_kernels_compile_anew(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(NOWHERE)
    done = python("use()", tmp_path, PYTHONPATH=str(tmp_path), WRITABLE="nowhere")
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("note: kernels are compiled anew")
    assert len(done.stderr.splitlines()) == 1


FORK = """
import os, signal
use()
child = os.fork()
if not child:
    signal.alarm(20)
    use(), use()
    os._exit(0)
print(os.waitpid(child, 0)[1], flush=True)
use()
import multiprocessing
with multiprocessing.get_context("fork").Pool(2) as pool:
    assert pool.map(abs, [use() or -1, -2]) == [1, 2]
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.parametrize("layer", ["default", "workqueue"])
def test_a_forked_child_does_not_hang(layer, tmp_path):
    done = python(FORK, tmp_path, NUMBA_THREADING_LAYER=layer)
    assert (done.returncode, done.stdout) == (0, "0\n"), done.stderr
    assert len(done.stderr.splitlines()) <= 1
    assert all("forked while Numba's threads ran" in line for line in done.stderr.splitlines())


THREADS = """
from threading import Thread
def work():
    for _ in range(300):
        use()
threads = [Thread(target=work) for _ in range(4)]
for t in threads: t.start()
for t in threads: t.join()
print("done")
"""


@pytest.mark.parametrize("layer", ["default", "workqueue"])
def test_threads_may_call_kernels_at_once(layer, tmp_path):
    done = python(THREADS, tmp_path, NUMBA_THREADING_LAYER=layer)
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")


def test_the_command_in_another_thread(data, tmp_path):
    flags = [str(f) for f in [*FLAGS, *NO_MAP, "--data-dir", data, "--out", tmp_path / "run"]]
    code = f"""
from threading import Thread
from croco_np.train.__main__ import main
status = []
t = Thread(target=lambda: status.append(main({flags})))
t.start(), t.join()
raise SystemExit(status[0])"""
    done = python(code, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr  # the process is not tuned, and a line may say so


PICTURES = ["learning.png", "domains.png", "covariance.png"]


def test_pictures_do_not_depend_on_settings(data, tmp_path):
    (tmp_path / "matplotlibrc").write_text("text.usetex: true\naxes.facecolor: black\n")  # LaTeX that is not there
    done = train(
        *FLAGS,
        "--compare-steps",
        3,
        "--data-dir",
        data,
        "--out",
        "run",
        cwd=tmp_path,
        MPLBACKEND="nonsense",
        CROCO_NP_KERNELS="numpy",
    )
    assert done.returncode == 0, done.stderr
    assert "not drawn" not in done.stdout
    for name in PICTURES:
        assert (tmp_path / "run" / name).read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


@pytest.mark.parametrize("asked", ["module://backend_of_a_notebook", "svg", "nonsense"])
def test_the_backend_of_others_is_left_to_them(asked, tmp_path):
    """A notebook that imports us before pyplot keeps its backend; one that does not exist is in nobody's way."""
    (tmp_path / "backend_of_a_notebook.py").write_text("from matplotlib.backends.backend_agg import *\n")
    code = """
import os
from croco_np.train import plots
import matplotlib
print(os.environ["MPLBACKEND"], matplotlib.rcParams._get_backend_or_none())
plots.learning([{"epoch": 1, "bce": 1, "valid": {"logloss": 1, "auc": 0.5}}], "x.png")"""
    done = python(code, tmp_path, MPLBACKEND=asked, CROCO_NP_KERNELS="numpy")
    assert done.stdout.split() == [asked, "None" if asked == "nonsense" else asked], done.stderr
    assert (tmp_path / "x.png").exists()


def test_a_broken_matplotlib_is_a_line_a_picture(data, right, tmp_path):
    (tmp_path / "matplotlib.py").write_text("raise OSError('libfreetype.so: cannot open')\n")
    environ = {"PYTHONPATH": str(tmp_path), "CROCO_NP_KERNELS": "numpy"}
    done = train(*FLAGS, *NO_MAP, "--data-dir", data, "--out", "run", cwd=tmp_path, **environ)
    assert (done.returncode, done.stderr) == (0, "")
    for name in PICTURES:
        assert f"{name}: not drawn (OSError: libfreetype.so: cannot open)\n" in done.stdout
    assert done.stdout.index("all domains") < done.stdout.index("not drawn")
    results(tmp_path / "run", right)


def test_a_disk_that_is_full_at_a_picture(data, tmp_path):
    """Room for the results and none for pictures: these are lines, and nothing half-written is left."""
    limit = 40_000
    out = ["--data-dir", data, "--out", "run"]
    small = ["--embedding-width", 2, "--prior-width", 2, "--n-experts", 2, "--expert-sizes", 4]

    def small_disk():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    done = subprocess.run(
        command(*FLAGS, *small, *NO_MAP, *out),
        cwd=tmp_path,
        env=os.environ | {"CROCO_NP_KERNELS": "numpy"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        preexec_fn=small_disk,
    )
    assert done.returncode == 0, done.stderr
    assert "learning.png: not drawn (run/learning.png: cannot write (File too large); " in done.stdout
    assert all((tmp_path / "run" / name).exists() for name in RESULTS)
    assert not list((tmp_path / "run").glob("*.png*"))


def test_ctrl_c_at_the_pictures(data, right, tmp_path):
    """The results are saved and shown before; the line says what is missing, and how to get it."""
    (tmp_path / "matplotlib.py").write_text("import time; time.sleep(60)\n")  # so that it is not over too soon
    out = [*NO_MAP, "--data-dir", data, "--out", "run"]
    process = start(*FLAGS, *out, cwd=tmp_path, PYTHONPATH=str(tmp_path), CROCO_NP_KERNELS="numpy")
    _until(process, "metrics.json")
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=60)[0]
    assert process.returncode == 130
    assert "the results are complete" in said
    assert "--resume run" in said
    assert "Traceback" not in said
    results(tmp_path / "run", right)


@pytest.mark.parametrize(("signals", "status"), [([signal.SIGTERM], 143), ([signal.SIGINT] * 3, 130)])
def test_signals_end_without_a_traceback(signals, status, data, tmp_path):
    out = ["--epochs", 500, "--patience", 500, "--data-dir", data, "--out", "run"]
    process = start(*FLAGS, *out, cwd=tmp_path, CROCO_NP_KERNELS="numpy")
    _until(process, "epoch 1:")
    for signum in signals:
        process.send_signal(signum)
    said = process.communicate(timeout=60)[0]
    assert process.returncode == status, said
    assert "Traceback" not in said
    assert "--resume run" in said
    history = (tmp_path / "run" / "history.jsonl").read_text().splitlines()
    assert json.loads(history[0])["epoch"] == 1  # saved before it was shown


def test_ctrl_c_while_libraries_load(tmp_path):
    """A library whose import takes for ever, so that the signal surely comes in between."""
    (tmp_path / "numba.py").write_text("print('loading', flush=True)\nimport time; time.sleep(60)\n")
    process = start("--dataset", "aliccp", cwd=tmp_path, PYTHONPATH=str(tmp_path))
    _until(process, "loading")
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=60)[0] == ""
    assert process.returncode == 130


def start(*flags, cwd, **environ):
    return subprocess.Popen(
        command(*flags),
        cwd=cwd,
        env=os.environ | environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _until(process, words):
    for line in process.stdout:
        if words in line:
            return
    raise AssertionError(f"it ended with status {process.wait()} before it said {words}")


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (PermissionError(13, "Permission denied", "here/x"), "error: here/x: Permission denied"),
        (OSError(28, "No space left on device"), "error: [Errno 28] No space left on device"),
        (MemoryError("Unable to allocate 9 GiB"), "error: out of memory (Unable to allocate 9 GiB); a smaller"),
        (ModuleNotFoundError("No module named 'pandas'", name="pandas"), "error: pandas cannot be loaded (No module"),
    ],
)
def test_what_a_system_refuses_is_one_line(error, line, capsys):
    from croco_np.command import status

    def run(argv):
        raise error

    assert status(run, []) == 2
    said = capsys.readouterr().err
    assert said.startswith(line)
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("no\nsuch\t\x1b[31m", "no\\nsuch\\t\\x1b[31m"),
        (os.fsdecode(b"caf\xe9"), "caf\\xe9"),
        ("café \u202e", "café \\u202e"),
        ("a" * 600, "a" * 600),
        ("a" * 4000 + "z" * 1000, "a" * 297 + " ... " + "z" * 298),
    ],
)
def test_an_error_is_one_line_whatever_a_path_holds(text, shown, capsys):
    from croco_np.command import status

    assert streams.printable(text) == shown
    assert len(shown) <= 600

    def run(argv):
        raise InputError(text)

    assert status(run, []) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: " + shown[:290])


@pytest.mark.parametrize(
    "fault", [ZeroDivisionError(), ImportError("no name x", name="croco_np.tree"), RecursionError()]
)
def test_a_fault_of_the_program_keeps_its_traceback(fault):
    from croco_np.command import status

    def run(argv):
        raise fault

    with pytest.raises(type(fault)):
        status(run, [])
    assert not isinstance(sys.stdout, streams.Steady)
