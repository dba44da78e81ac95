"""python -m croco_np.doctor: what is advised of planted facts, and that the command says what it found."""

import json
import os
import subprocess
import sys
from copy import deepcopy

import pytest

from croco_np import backend
from croco_np.doctor import __main__ as command
from croco_np.doctor import facts, gpu, gpu_advice, rates
from croco_np.doctor.advice import advice
from croco_np.doctor.room import cannot_write, memory, room
from croco_np.errors import InputError

HEALTHY = {
    "cpu": {"name": "A CPU", "machine": "x86_64", "cores": 4, "cores_of_machine": 8, "vector": "", "avx512": True},
    "versions": {"croco_np": "0", "Python": "3", "NumPy": "2", "Numba": "1"},
    "blas": [{"library": "openblas", "version": "0.3", "kernels": "SkylakeX", "threads": 4, "file": "numpy.libs/a.so"}],
    "kernels": "numba",
    "numba": {"layer": "omp", "threads": 4},
    "environment": [{"name": "OMP_WAIT_POLICY", "value": "passive", "by": "croco_np"}],
    "hint": None,
    "heap": {"pages_kept": True, "mapped_above_bytes": 1 << 30, "why": None},
    "why_numpy": None,
    "cache": {"folder": "kernels", "why": None, "damaged": []},
    "room": {"folder": "here", "disk": 5e10, "error": None, "memory": 8e9},
    "libraries": {"numpy": {"version": "2", "error": None}, "matplotlib": {"version": "3", "error": None}},
    "rates": {"gemm_one": 100.0, "gemm_all": 380.0, "triad": 30.0, "peace": 1.05, "load": 0.5},
    "gpu": {
        **{"name": "A GPU", "standin": False, "capability": "9.0", "total": 80e9, "free": 79e9},
        **{"driver": "13.2", "runtime": "13.0", "cupy": "14", "numba_cuda": "0.30", "why_no_twins": None},
        "rates": {"copy": 3000.0, "pinned": 50.0, "pageable": 9.0, "float32": 50.0, "tf32": 400.0, "call": 8.0},
    },
}
PLANTS = {  # what is wrong -> where, the planted value, a word of the one line of advice
    "shared cores": ("rates.gemm_all", 101.0, "hardly faster than one"),
    "fighting pools": ("rates.peace", 2.5, "2.5 times"),
    "old kernels": ("blas.0.kernels", "Haswell", "OPENBLAS_CORETYPE=SkylakeX"),
    "more BLAS threads than cores": ("blas.0.threads", 64, "BLAS has 64 threads for 4 core(s)"),
    "more Numba threads than cores": ("numba.threads", 8, "NUMBA_NUM_THREADS=4"),
    "settings not made": ("hint", "training is slower: call croco_np.tune()", "croco_np.tune()"),
    "Numba absent": ("why_numpy", "Numba is not installed (pip install numba)", "pip install numba"),
    "kernels in NumPy": ("why_numpy", "CROCO_NP_KERNELS=numpy asks for it", "CROCO_NP_KERNELS"),
    "no place for kernels": ("cache.why", "nothing can be written to", "not kept"),
    "damaged kernels": ("cache.damaged", ["a.nbi", "a.1.nbc"], "2 file(s) of the kernel cache are damaged"),
    "no Matplotlib": ("libraries.matplotlib.error", "OSError: libfoo.so", "without matplotlib: no pictures"),
    "a full disk": ("room.disk", 3e6, "only 3 MB free on the disk"),
    "no memory": ("room.memory", 5e8, "only 500 MB of memory left"),
    "a folder of others": ("room.error", "Permission denied", "here cannot be written to (Permission denied)"),
    "left alone": ("environment", [{"name": "CROCO_NP_AS_IS", "value": "1", "by": "user"}], "CROCO_NP_AS_IS"),
    "a busy machine": ("rates.load", 40.0, "40.0 processes on 8 core(s)"),
    "no twins on the GPU": ("gpu.why_no_twins", "ModuleNotFoundError: No module named 'numba_cuda'", "croco-np[gpu]"),
    "a GPU that others use": ("gpu.free", 8e9, "taken 90% of the GPU's memory"),
    "a narrow slot": ("gpu.rates.pinned", 2.5, "2.5 GB/s only"),
    "a host that is late": ("gpu.rates.call", 90.0, "90 us"),
}


def planted(where, value):
    found = deepcopy(HEALTHY)
    *path, last = [int(key) if key.isdigit() else key for key in where.split(".")]
    node = found
    for key in path:
        node = node[key]
    node[last] = value
    return found


def test_nothing_to_change():
    assert advice(HEALTHY) == []
    assert command.text(HEALTHY | {"advice": []}).endswith("Nothing to change.")


@pytest.mark.parametrize(("where", "value", "word"), PLANTS.values(), ids=list(PLANTS))
def test_each_plant_gets_its_line(where, value, word):
    found = planted(where, value)
    (line,) = advice(found)
    assert word in line
    assert f"* {line}" in command.text(found | {"advice": [line]})


@pytest.mark.parametrize(
    ("where", "value"),
    [
        ("rates.peace", None),  # no twins
        ("blas.0.library", "mkl"),
        ("blas.0.kernels", None),  # a build with one set of kernels does not tell
        ("blas", []),  # a BLAS that threadpoolctl does not know
        ("rates.load", None),
        ("rates.gemm_one", None),  # no threadpoolctl
        ("rates.triad", None),
        ("room.disk", None),
        ("room.memory", None),
        ("cache", None),  # no Numba
        ("gpu", {"none": "CuPy is not installed"}),  # few machines have one
        ("gpu.rates", dict.fromkeys(HEALTHY["gpu"]["rates"])),  # a GPU with no room, say
        ("environment", [{"name": "CROCO_NP_AS_IS", "value": "0", "by": "user"}]),
    ],
)
def test_what_is_unknown_is_no_fault(where, value):
    found = planted(where, value)
    assert advice(found) == []
    assert command.text(found | {"advice": []})


def test_haswell_kernels_are_right_without_avx512():
    found = planted("blas.0.kernels", "Haswell")
    found["cpu"]["avx512"] = False
    assert advice(found) == []


def test_who_set_what(monkeypatch):
    monkeypatch.setattr(facts.threads, "OURS", {"OMP_WAIT_POLICY": "passive", "OPENBLAS_THREAD_TIMEOUT": "4"})
    environ = {"OMP_WAIT_POLICY": "passive", "OPENBLAS_THREAD_TIMEOUT": "9", "HOME": "/", "MALLOC_ARENA_MAX": "1"}
    by = {e["name"]: e["by"] for e in facts.environment(environ)}
    assert by == {"OMP_WAIT_POLICY": "croco_np", "OPENBLAS_THREAD_TIMEOUT": "user", "MALLOC_ARENA_MAX": "user"}


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(rates, "REPEATS", 2)
    monkeypatch.setattr(rates, "SHAPE", (64, 32, 16))


def test_the_command_prints_and_writes_the_same(quick, tmp_path, capsys):
    file = tmp_path / "doctor.json"
    assert command.main(["--json", str(file)]) == 0
    found = json.loads(file.read_text())
    assert found.keys() == HEALTHY.keys() | {"advice"}
    assert {topic: found[topic].keys() for topic in ("cpu", "versions", "heap", "rates")} == {
        topic: HEALTHY[topic].keys() for topic in ("cpu", "versions", "heap", "rates")
    }
    assert all(found["rates"][name] > 0 for name in ("gemm_one", "gemm_all", "triad"))
    assert capsys.readouterr().out == command.text(found) + "\n"
    for unit in ("GFLOP/s", "GB/s", "thread(s)", "GB free", "MiB" if found["heap"]["pages_kept"] else "as it was"):
        assert unit in command.text(found)


def test_the_stand_in_is_measured_and_says_what_it_is(monkeypatch):
    monkeypatch.setenv(backend.CHOSEN, "standin")
    state = gpu.gpu()
    assert state.keys() == HEALTHY["gpu"].keys()
    assert state["rates"].keys() == HEALTHY["gpu"]["rates"].keys()
    assert all(rate > 0 for rate in state["rates"].values())
    found = HEALTHY | {"gpu": state}
    assert advice(found) == []
    lines = [line for line in command.text(found | {"advice": []}).splitlines() if line.startswith("GPU ")]
    assert len(lines) == 5
    assert all("stand-in, no GPU: times mean nothing" in line for line in lines)
    assert gpu.version(13020) == "13.2"
    assert gpu_advice.INSTALL == backend.EXTRA


def test_no_gpu_is_a_fact(monkeypatch):
    monkeypatch.delenv(backend.CHOSEN, raising=False)
    monkeypatch.setattr(backend.importlib.util, "find_spec", lambda name: None)
    assert "not installed" in gpu.gpu()["none"]
    monkeypatch.setattr(backend, "is_installed", lambda: True)
    for error, word in (
        (InputError("--backend cupy: there is no GPU"), "there is no GPU"),
        (RuntimeError("the card\nfell off"), "RuntimeError: the card fell off"),
    ):
        monkeypatch.setattr(backend, "load", lambda name, error=error: (_ for _ in ()).throw(error))
        none = gpu.gpu()["none"]
        assert none.startswith((word, f"it cannot be used ({word}"))
        assert f"GPU          none: {none}" in command.text(HEALTHY | {"gpu": {"none": none}, "advice": []})


def test_without_numba(quick, monkeypatch, capsys):
    monkeypatch.setattr(facts, "numba", None)
    monkeypatch.setattr(rates, "numba", None)
    monkeypatch.setattr(facts.twin, "_why_numpy", "Numba is not installed (pip install numba)")
    assert command.main([]) == 0
    out = capsys.readouterr().out
    assert "(pip install numba): kernels run in NumPy" in out
    assert "* all kernels run in NumPy, more slowly: Numba is not installed" in out


BROKEN = ("cupy", "numba", "matplotlib", "pandas", "tqdm", "threadpoolctl", "safetensors")


def test_it_starts_with_every_library_broken(tmp_path):
    """Each of them is there and cannot be loaded; all are named, with the reason."""
    for name in BROKEN:
        (tmp_path / f"{name}.py").write_text(f"raise OSError('lib{name}.so: cannot open shared object file')\n")
    done = doctor(tmp_path, PYTHONPATH=str(tmp_path))
    assert done.returncode == 0, done.stderr
    for name in BROKEN:
        assert f"lib{name}.so: cannot open" in done.stdout
    assert len(done.stderr.splitlines()) == 1  # Numba's, at its import
    assert "Numba cannot be loaded" in done.stderr


def test_without_numpy_it_says_so(tmp_path):
    (tmp_path / "numpy.py").write_text("raise ImportError('no NumPy here')\n")
    done = doctor(tmp_path, PYTHONPATH=str(tmp_path))
    assert done.returncode == 2
    assert "NumPy cannot be loaded" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_room_where_the_system_does_not_tell(tmp_path):
    assert memory(tmp_path / "meminfo", tmp_path) is None
    (tmp_path / "meminfo").write_text("MemTotal: 9 kB\nMemAvailable: 4 kB\n")
    assert memory(tmp_path / "meminfo", tmp_path) == 4096
    for name, limit in (("memory.max", "1000"), ("memory.current", "400")):
        (tmp_path / name).write_text(f"{limit}\n")
    assert memory(tmp_path / "meminfo", tmp_path) == 600
    assert cannot_write(tmp_path / "none") == "No such file or directory"
    assert cannot_write(tmp_path) is None


def doctor(cwd, **environ):
    command = [sys.executable, "-m", "croco_np.doctor"]
    return subprocess.run(
        command, cwd=cwd, env=os.environ | environ, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("flags", [["--bad"], ["--json", "no/such/folder/x.json"]])
def test_bad_flags_are_one_line(flags, quick, capsys):
    assert command.main(flags) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_it_starts_in_a_folder_that_is_gone(tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    found = room()
    assert found["error"] == "No such file or directory"
    assert found["disk"] is None
    monkeypatch.chdir(tmp_path)
