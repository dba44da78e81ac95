"""What `tune` sets, what comes too late, what `hint` says of it, and what --threads rules."""

import json
import os
import subprocess
import sys

import pytest

from croco_np.machine import cpu, heap, threads, tuning
from croco_np.machine.threads import core_type, slowing

SKYLAKE = {"sse2", "avx", "avx2", "fma", "avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512cd"}
OURS = {"OMP_WAIT_POLICY": "passive", "OPENBLAS_THREAD_TIMEOUT": "4", "OPENBLAS_CORETYPE": "SkylakeX"}


def python(code, **environ):
    """JSON that a fresh Python prints, without the settings of this one, and its standard error."""
    ours = ("OMP_", "OPENBLAS_", "MALLOC_", "GLIBC_", "CROCO_NP_")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    done = subprocess.run([sys.executable, "-c", code], env=clean | environ, capture_output=True, text=True, check=True)
    return json.loads(done.stdout), done.stderr


@pytest.mark.parametrize(
    ("machine", "vendor", "flags", "kernels"),
    [
        pytest.param("x86_64", "AuthenticAMD", SKYLAKE, "SkylakeX", id="EPYC, Zen 4 or 5"),
        pytest.param("x86_64", "AuthenticAMD", SKYLAKE | {"avx512_bf16"}, "SkylakeX", id="the same, with bfloat16"),
        pytest.param("AMD64", "AuthenticAMD", SKYLAKE, "SkylakeX", id="in Windows's words"),
        pytest.param("x86_64", "AuthenticAMD", {"avx", "avx2", "fma"}, None, id="EPYC, Zen 3"),
        pytest.param("x86_64", "GenuineIntel", SKYLAKE, None, id="Xeon: OpenBLAS knows it"),
        pytest.param("x86_64", "GenuineIntel", {"avx", "avx2", "fma"}, None, id="Core"),
        pytest.param("aarch64", None, {"asimd", "sve"}, None, id="Graviton"),
        pytest.param("aarch64", "AuthenticAMD", SKYLAKE, None, id="not x86"),
        pytest.param("x86_64", None, set(), None, id="no /proc/cpuinfo"),
    ],
)
def test_kernels_by_processor(machine, vendor, flags, kernels):
    assert core_type(machine, vendor, frozenset(flags)) == kernels


@pytest.mark.parametrize("missing", sorted(cpu.AVX512))
def test_one_subset_missing_is_no_avx512(missing):
    assert core_type("x86_64", "AuthenticAMD", frozenset(SKYLAKE - {missing})) is None


def test_the_first_core_of_cpuinfo(tmp_path):
    file = tmp_path / "cpuinfo"
    file.write_text("vendor_id\t: AuthenticAMD\nmodel name\t: A: B\nflags\t\t: fpu avx\n\nvendor_id\t: Other\n")
    assert cpu.first_core(file) == {"vendor_id": "AuthenticAMD", "model name": "A: B", "flags": "fpu avx"}
    assert cpu.first_core(tmp_path / "none") == {}


@pytest.mark.parametrize(("quota", "most"), [("50000 100000", 1), ("100000 100000", 1), ("max 100000", None)])
def test_a_container_has_no_more_cores_than_its_quota(tmp_path, quota, most):
    file = tmp_path / "cpu.max"
    file.write_text(quota + "\n")
    assert cpu.cores(file) == (most or cpu.cores(tmp_path / "none"))


def openblas(kernels):
    return [{"internal_api": "openblas", "architecture": kernels}]


@pytest.mark.parametrize(
    ("libraries", "pool_started", "cores", "missed"),
    [
        (openblas("Haswell"), False, 2, {"OPENBLAS_THREAD_TIMEOUT", "OPENBLAS_CORETYPE"}),
        (openblas("Haswell"), True, 2, set(OURS)),
        (openblas("SkylakeX"), False, 2, {"OPENBLAS_THREAD_TIMEOUT"}),
        (openblas("Haswell"), True, 1, {"OPENBLAS_CORETYPE"}),
        (openblas("SapphireRapids"), True, 1, set()),
        ([{"internal_api": "mkl"}], False, 2, set()),
        ([], False, 2, set()),
    ],
)
def test_what_matters_of_what_comes_late(libraries, pool_started, cores, missed):
    assert set(slowing(OURS, libraries, pool_started, cores)) == missed


TUNE = """import croco_np, json, os
tuning = croco_np.tune()
again = croco_np.tune() == tuning
print(json.dumps([dict(os.environ), tuning.environment, tuning.late, tuning.heap, repr(tuning), again]))"""


def test_a_bare_environment_gets_all_settings():
    (environ, ours, late, heap, said, again), stderr = python(TUNE)
    assert ours == threads.wanted()
    assert environ.items() >= ours.items()
    assert ours["OMP_WAIT_POLICY"] == "passive"
    assert heap in (None, "not the GNU C library")
    assert (late, stderr) == ({}, "")
    assert said.startswith("set: OMP_WAIT_POLICY=passive OPENBLAS_THREAD_TIMEOUT=4")
    assert len(said.splitlines()) == 1
    assert again


def test_what_the_user_set_wins():
    (environ, ours, _, heap, said, _), _ = python(
        TUNE, OMP_WAIT_POLICY="active", OPENBLAS_CORETYPE="x", MALLOC_ARENA_MAX="2"
    )
    assert (environ["OMP_WAIT_POLICY"], environ["OPENBLAS_CORETYPE"]) == ("active", "x")
    assert set(ours) == {"OPENBLAS_THREAD_TIMEOUT"}
    assert heap == "the user set MALLOC_ARENA_MAX"
    assert said == "set: OPENBLAS_THREAD_TIMEOUT=4; heap as it was (the user set MALLOC_ARENA_MAX)"


def test_the_switch_leaves_all_as_it_is():
    (environ, ours, _, heap, said, again), _ = python(TUNE, CROCO_NP_AS_IS="1")
    assert not set(OURS) & set(environ)
    assert (ours, heap, again) == ({}, "CROCO_NP_AS_IS is set", True)
    assert said == "set: no variables; heap as it was (CROCO_NP_AS_IS is set)"


def test_after_numpy_it_sets_what_it_can_and_says_what_came_too_late():
    (environ, ours, late, _, said, again), stderr = python("import numpy, threadpoolctl; " + TUNE)
    assert environ.items() >= ours.items()
    assert ours == threads.wanted()
    assert late.items() <= ours.items()
    assert "OMP_WAIT_POLICY" not in late  # Numba's pool has not loaded: it will read this
    assert ("too late, since NumPy is loaded: " in said) == bool(late)
    assert all(f"{name}={value}" in said.splitlines()[-1] for name, value in late.items())
    assert (again, stderr) == (True, "")
    late = python("import numpy, threadpoolctl; " + TUNE, **threads.wanted())[0][2]
    assert late == {}


@pytest.fixture
def untuned(monkeypatch):
    """As if this process were one in which nobody has set anything, with two cores and OpenBLAS's oldest kernels."""
    monkeypatch.setattr(os, "environ", {})
    monkeypatch.setitem(sys.modules, "numpy", sys.modules.get("numpy"))  # it is loaded
    monkeypatch.setattr(threads, "OURS", {})
    monkeypatch.setattr(threads, "LATE", {})
    monkeypatch.setattr(threads, "wanted", lambda: dict(OURS))
    monkeypatch.setattr(threads, "loaded", lambda: openblas("Haswell"))
    monkeypatch.setattr(threads, "pool_started", lambda: False)
    monkeypatch.setattr(cpu, "cores", lambda: 2)
    monkeypatch.setattr(heap, "STATE", {"pages_kept": False, "mapped_above_bytes": None, "why": None})
    monkeypatch.setattr(heap, "_c_library", GnuLibrary)


class GnuLibrary:
    """A C library whose knobs turn nothing."""

    def gnu_get_libc_version(self):
        return b"2"

    def mallopt(self, knob, value):
        return 1


def test_hint_before_and_after_tune(untuned, monkeypatch):
    assert tuning.hint() == (
        "training is slower with the settings of this process: call croco_np.tune(), "
        "or export OMP_WAIT_POLICY=passive OPENBLAS_THREAD_TIMEOUT=4 OPENBLAS_CORETYPE=SkylakeX before Python starts"
    )
    assert set(tuning.tune().late) == {"OPENBLAS_THREAD_TIMEOUT", "OPENBLAS_CORETYPE"}
    assert tuning.hint() == (
        "croco_np.tune() came too late for OPENBLAS_CORETYPE=SkylakeX: "
        "call croco_np.tune() before importing NumPy, or export these before Python starts"
    )
    monkeypatch.setattr(threads, "LATE", {"OPENBLAS_THREAD_TIMEOUT": "4"})
    assert tuning.hint() is None


def test_no_hint_where_nothing_is_to_gain(untuned, monkeypatch):
    for name, value in OURS.items():
        monkeypatch.setenv(name, value)
    assert tuning.hint() == "training is slower with the settings of this process: call croco_np.tune()"  # the heap
    monkeypatch.setenv("MALLOC_ARENA_MAX", "2")
    assert tuning.hint() is None
    monkeypatch.delenv("OMP_WAIT_POLICY")
    assert "OMP_WAIT_POLICY=passive" in tuning.hint()
    monkeypatch.setattr(cpu, "cores", lambda: 1)
    assert tuning.hint() is None
    monkeypatch.delenv("OPENBLAS_CORETYPE")
    assert "OPENBLAS_CORETYPE=SkylakeX" in tuning.hint()
    monkeypatch.setenv("CROCO_NP_AS_IS", "1")
    assert tuning.hint() is None


@pytest.mark.parametrize("library", [lambda: None, object])
def test_another_system_is_no_error(untuned, monkeypatch, library):
    monkeypatch.setattr(heap, "_c_library", library)
    assert tuning.tune().heap == "not the GNU C library"
    monkeypatch.setattr(threads, "loaded", list)
    monkeypatch.setattr(threads, "LATE", {})
    assert tuning.hint() is None


@pytest.mark.skipif(sys.platform != "linux", reason="the heap's knobs are the GNU C library's")
def test_the_heap_keeps_its_pages():
    code = """
import croco_np, json, resource
{}
import numpy as np
faults = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt
np.ones(1 << 22)
before = faults()
for _ in range(20):
    np.ones(1 << 22)  # 32 MiB, touched and dropped
print(json.dumps(faults() - before))"""
    if why := python("import croco_np, json; print(json.dumps(croco_np.tune().heap))")[0]:
        pytest.skip(why)
    tuned, _ = python(code.format("croco_np.tune()"))
    untuned, _ = python(code.format(""))
    assert tuned < untuned / 4


THREADS = """
import croco_np, json, time
croco_np.tune()
import numpy as np
import threadpoolctl
from croco_np.kernels.pools import set_threads
from croco_np.kernels.twin import numba
from croco_np.kernels.relu import bias_relu
x = np.ones((1024, 1024), np.float32)
limits = set_threads({n})
x @ x, bias_relu(x.copy(), x[0])
import scipy.linalg  # its own OpenBLAS, which loads only now
wall, cpu = time.perf_counter(), time.process_time()
while time.perf_counter() - wall < 0.5:
    x @ x, bias_relu(x.copy(), x[0])
busy = (time.process_time() - cpu) / (time.perf_counter() - wall)
cpu = time.process_time()
time.sleep(0.3)
idle = (time.process_time() - cpu) / 0.3
pools = {{b["filepath"]: b["num_threads"] for b in threadpoolctl.threadpool_info() if b["user_api"] == "blas"}}
print(json.dumps([pools, numba and numba.get_num_threads(), busy, idle]))"""


def test_threads_1_rules_all_pools_and_nothing_spins():
    (pools, numba_threads, busy, idle), _ = python(THREADS.format(n=1))
    assert set(pools.values()) <= {1}
    assert numba_threads in (1, None)
    assert busy < 1.1
    assert idle < 0.1


@pytest.mark.skipif(cpu.cores() < 2, reason="needs two cores")
def test_threads_2_rules_all_pools_and_nothing_spins_when_idle():
    (pools, numba_threads, _, idle), _ = python(THREADS.format(n=2))
    assert set(pools.values()) <= {2}
    assert numba_threads in (2, None)
    assert idle < 0.1
