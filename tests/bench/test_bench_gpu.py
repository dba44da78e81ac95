"""python -m croco_np.bench --backend cupy, end to end on the stand-in; and PyTorch on the GPU, as far as words go."""

import json
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from croco_np import backend
from croco_np.bench import __main__ as command
from croco_np.bench import client, measure, single, sweeps
from croco_np.bench.client import Refused
from croco_np.bench.floor import Floor
from croco_np.bench.instruments import instruments
from croco_np.bench.ours import Ours
from croco_np.bench.place import NO_TIMES
from croco_np.bench.workloads import WORKLOADS
from croco_np.errors import InputError
from croco_np.kernels.twin import using
from croco_np.machine.watch import EventWatch

TINY = WORKLOADS["tiny"].with_options(backend="cupy", batch_size=16)
PEER = """
import json, sys
import numpy as np

device = json.load(open(sys.argv[1] + "/job.json"))["device"]
assert np.load(sys.argv[1] + "/params.npz")["embeddings.table"].sum() == TABLE  # as before our first step
for line in sys.stdin:
    q = json.loads(line)
    answer = {"settings": ["torch-fp32", "torch-bf16"], "same_precision": ["torch-fp32"], "version": "0"}
    answer["device"] = device
    if q["do"] == "train":
        answer = {"seconds": 0.01, "loss": LOSS}
    elif q["do"] == "memory":
        answer = {"peak_rss_mb": 9.0, "peak_device_mb": 12.5 if device == "cpu" else None}
    elif q["do"] == "quit":
        break
    print(json.dumps(answer), flush=True)
"""


@pytest.fixture
def gpu(monkeypatch):
    """The stand-in in the place of a GPU."""
    monkeypatch.setenv(backend.CHOSEN, "standin")
    monkeypatch.setattr(single, "import_seconds", lambda: 1.0)
    monkeypatch.setattr(client, "PAUSE", -1.0)  # cannot be slept: there is none on a GPU
    monkeypatch.setattr(measure, "AWAKE", 0.0)
    with using("numpy"):
        yield backend.load("cupy")


def test_inference_on_the_stand_in(gpu):
    """The probabilities, too, are computed where the batch lies."""
    there, here = (Ours(TINY.with_options(backend=where), predict=True) for where in ("cupy", "numpy"))
    for ours in (there, here):
        ours.step(0)
    assert there.first == here.first


def test_the_command_on_the_stand_in(gpu, tmp_path, monkeypatch, capsys):
    ours = Ours(TINY.with_options(batch_size=64))
    before = backend.host(ours.state.params["embeddings"]["table"]).sum()
    ours.step(0)
    (tmp_path / "peer.py").write_text(PEER.replace("LOSS", str(ours.first)).replace("TABLE", str(before)))
    monkeypatch.setattr(client, "PEER", tmp_path / "peer.py")
    file = tmp_path / "bench.json"
    flags = ["--workload", "tiny", "--repeats", "2", "--backend", "cupy", "--precision", "tf32", "--json", str(file)]
    assert command.main([*flags, "--peer", "torch", "--peer-python", sys.executable]) == 0
    r, out = json.loads(file.read_text()), capsys.readouterr().out
    assert all(line.endswith(f"[{NO_TIMES}]") for line in out.splitlines() if line)
    assert (r["backend"], r["precision"], r["standin"]) == ("cupy", "tf32", True)
    assert sum(phase["share"] for phase in r["phases"].values()) == pytest.approx(1)
    assert r["phases"]["gate"]["ms"] > 0
    assert r["floor_ms"] == pytest.approx(r["floor_gflop"] / r["gemm_gflops"] * 1e3)
    assert r["memory_floor_ms"] == pytest.approx(sum(phase["limit_ms"] for phase in r["phases"].values()))
    assert r["memory_floor_ms"] > r["floor_ms"]
    assert set(r["milliseconds"]) == {"ours", "ours, streamed", "floor", "torch-fp32", "torch-bf16"}
    assert r["disagreeing"] == []
    assert r["peers_peak_device_mb"] == {"torch-fp32": 12.5}
    assert r["peer"] == {"version": "0", "device": "cpu"}
    other = [line for line in out.splitlines() if "in another precision" in line]
    assert [line.split()[0] for line in other] == ["torch-bf16"]
    for words in ("tf32 products; CuPy 14.2.0 (stand-in); kernels: the NumPy text", "device memory: CuPy's pool took"):
        assert words in out


def test_a_step_counts_the_same_on_both_sides(gpu):
    """Operations, and the bytes of kernels; and the loss of the first step is the host's to the last bit."""
    counted, first = {}, {}
    for name in ("numpy", "cupy"):
        ours = Ours(TINY.with_options(backend=name))
        with instruments(ours.watch) as counted[name]:
            ours.step(0)
        first[name] = ours.first
    assert counted["cupy"].flop == counted["numpy"].flop
    assert counted["cupy"].bytes == counted["numpy"].bytes
    assert sum(counted["cupy"].bytes.values()) > 0
    assert first["cupy"] == first["numpy"]


def test_the_floor_replays_one_matrix_at_a_time(gpu):
    """And no other products than on the host, where stacked ones are replayed as they are."""
    here, there = Ours(TINY.with_options(backend="numpy")), Ours(TINY)
    floors = [Floor(ours.trainer, ours.state.params, ours.batches[0]) for ours in (here, there)]
    assert floors[0].flop == floors[1].flop
    assert all(a.ndim == b.ndim == out.ndim == 2 for a, b, out in floors[1].calls)
    replayed = [sum(2 * out.size * a.shape[-1] for a, _, out in floor.calls) for floor in floors]
    assert replayed[0] == replayed[1]
    assert floors[1].step() > 0


def test_streamed_steps_take_the_same_batches(gpu):
    resident, streaming = Ours(TINY), Ours(TINY)
    step = streaming.streamed()
    for i in range(5):
        resident.step(i)
        step(i)
    a, b = (backend.host(x.state.params["embeddings"]["table"]) for x in (resident, streaming))
    assert np.array_equal(a, b)


def test_events_are_read_in_order():
    """A mark is recorded where it is made; its time is asked for once the later one has come; CUDA has milliseconds."""
    log = []

    class Event:
        def record(self):
            self.at = len(log)
            log.append("record")

        def synchronize(self):
            log.append("wait")

    cuda = SimpleNamespace(Event=Event, get_elapsed_time=lambda start, end: 250.0 * (end.at - start.at))
    watch = EventWatch(SimpleNamespace(cuda=cuda))
    start, end = watch.mark(), watch.mark()
    assert log == ["record", "record"]
    assert watch.seconds(start, end) == 0.25
    assert log[-1] == "wait"


def test_no_room_on_the_device_is_one_line(gpu, monkeypatch, capsys):
    def full(*args):
        raise gpu.xp.cuda.memory.OutOfMemoryError("Out of memory allocating 5 bytes")

    flags = ["--workload", "tiny", "--repeats", "1", "--backend", "cupy"]
    for where, words in (("Ours", "the model"), ("Floor", "parameters and moments")):
        with monkeypatch.context() as m:
            m.setattr(single, where, full)
            assert command.main(flags) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert f"out of memory on stand-in for a GPU, 8.6 GB: {words}" in line
        assert "a --batch-size below 64 needs less" in line
    monkeypatch.setattr(sweeps, "_group", full)
    assert command.main([*flags, "--sweep", "experts"]) == 2
    assert "--batch-size below 64" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--backend", "cupy"], "--backend cupy"),
        (["--precision", "tf32"], "goes with --backend cupy"),
        (["--backend", "cuda"], "--backend"),
    ],
)
def test_without_a_gpu_it_is_one_line(flags, words, monkeypatch, capsys):
    monkeypatch.delenv(backend.CHOSEN, raising=False)
    monkeypatch.setattr(backend, "_loaded", {})
    monkeypatch.setitem(sys.modules, "cupy", None)  # importing it raises ModuleNotFoundError
    assert command.main(["--workload", "tiny", "--repeats", "1", *flags]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert words in line


def test_tf32_is_asked_of_both_kinds_of_products(gpu, monkeypatch):
    """Of two matrices by CuPy's setting, of stacked ones by the mode of cuBLAS; of a GPU that can."""
    asked, linalg = [], gpu.xp._core._routines_linalg
    monkeypatch.setattr(linalg, "set_compute_type", lambda dtype, kind: asked.append((dtype.name, kind)))
    monkeypatch.setattr(gpu.xp.cuda.cublas, "setMathMode", lambda handle, mode: asked.append(mode))
    for precision in backend.PRECISIONS:
        gpu.multiply_in(precision)
    assert asked == [("float32", linalg.COMPUTE_TYPE_FP32), 0, ("float32", linalg.COMPUTE_TYPE_TF32), 3]
    monkeypatch.setattr(gpu, "is_standin", False)
    monkeypatch.setattr(gpu, "capability", (7, 5))
    with pytest.raises(InputError, match=r"--precision tf32: .* compute capability 8.0"):
        gpu.multiply_in("tf32")


def test_models_run_as_they_are_defined_there(gpu, capsys):
    assert command.main(["--workload", "tiny", "--backend", "cupy", "--sweep", "twins"]) == 2
    assert "--sweep twins: is for --backend numpy" in capsys.readouterr().err


@pytest.mark.parametrize("is_standin", [True, False])
def test_the_peer_is_sent_where_ours_runs(is_standin, gpu, monkeypatch, tmp_path):
    ours = Ours(TINY.with_options(precision="tf32"))
    monkeypatch.setattr(gpu, "is_standin", is_standin)
    client._write_job(tmp_path, ours, 1)
    job = json.loads((tmp_path / "job.json").read_text())
    assert (job["device"], job["precision"]) == ("cpu" if is_standin else "cuda", "tf32")
    assert np.load(tmp_path / "batches.npz")["0.sizes"].sum() == 16


def test_a_peer_that_refuses_all_is_absent():
    def ask(do):
        raise Refused("PyTorch finds no GPU")

    ready, about = single._peers(SimpleNamespace(ask=ask), on_gpu=True)
    assert ready == {}
    assert about["peers_absent"] == {"torch": "PyTorch finds no GPU"}
