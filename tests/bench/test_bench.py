"""python -m croco_np.bench: what it counts, what it writes, how it talks to a peer."""

import json
import sys
from dataclasses import replace

import numpy as np
import pytest

from croco_np.bench import __main__ as command
from croco_np.bench import client, clock, measure, memory, single, sweeps
from croco_np.bench.floor import Floor, covariance_flop
from croco_np.bench.instruments import KERNELS as PHASE_OF_KERNEL
from croco_np.bench.instruments import instruments, kernel_bytes
from croco_np.bench.measure import interleave
from croco_np.bench.ours import Ours
from croco_np.bench.workloads import WORKLOADS
from croco_np.costs.products import Shape
from croco_np.errors import InputError
from croco_np.kernels.twin import KERNELS, using
from croco_np.layers import Dense
from croco_np.machine.watch import HostWatch

TINY = WORKLOADS["tiny"]
KEYS = {"workload", "model", "threads", "blas", "samples_per_second", "floor_samples_per_second", "phases", "peers"}
KEYS |= {"peak_rss_mb", "model_mb", "first_step_seconds", "import_seconds", "milliseconds", "cpu", "gemm_gflops"}

# A peer that answers with the loss LOSS, and has one setting only.
FAKE = """
import json, os, sys
import numpy as np

assert os.environ["ENVIRONMENT"] == "as client.environment says"
job = json.load(open(sys.argv[1] + "/job.json"))
params, batches = (np.load(sys.argv[1] + "/" + name) for name in ("params.npz", "batches.npz"))
assert params["embeddings.table"].dtype == np.float32 and batches["0.sizes"].sum() == len(batches["0.ids"])
for line in sys.stdin:
    q = json.loads(line)
    answer = {"error": "no such thing: " + q["do"]}
    if q["do"] == "settings":
        answer = {"settings": ["torch-fp32", "torch-bf16"], "version": "0", "threads": job["threads"]}
        answer |= {"same_precision": ["torch-fp32"], "device": job["device"]}
    elif q.get("setting") == "torch-bf16":
        answer = {"error": "bf16 is not to be had"}
    elif q["do"] in ("train", "predict"):
        answer = {"seconds": 0.01, "loss": LOSS, "mean": LOSS}
    elif q["do"] == "memory":
        answer = {"peak_rss_mb": 12.5}
    elif q["do"] == "quit":
        break
    print(json.dumps(answer), flush=True)
"""


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """function(loss) puts a program in the place of the peer."""

    def make(loss):
        (tmp_path / "peer.py").write_text(FAKE.replace("LOSS", str(loss)))
        monkeypatch.setattr(client, "PEER", tmp_path / "peer.py")
        monkeypatch.setattr(client, "environment", lambda: {"ENVIRONMENT": "as client.environment says"})

    return make


@pytest.fixture
def hasty(monkeypatch):
    """Without untimed steps at the start of a turn: nobody reads the times."""
    monkeypatch.setattr(measure, "AWAKE", 0.0)


@pytest.fixture
def no_children(monkeypatch):
    """Without the processes that measure import and memory of ours: `test_the_command` runs them."""
    monkeypatch.setattr(single, "import_seconds", lambda: 1.0)
    sizes = dict.fromkeys(("peak_rss_mb", "imports_mb", "model_mb", "activations_mb"), 1.0)
    monkeypatch.setattr(single, "measure_memory", lambda *_: sizes)


def test_the_floor_counts_what_a_hand_counts():
    """Crocodile: experts 38 fields x 4 wide -> 8 -> 6, M = 5; gate 9 -> 5 x 6, tower 6 -> 5 -> 1; B = 64."""
    ours = Ours(TINY)
    floor = Floor(ours.trainer, ours.state.params, ours.batches[0])
    one_row = 5 * (38 * 4 * 8 + 8 * 6) + 9 * 5 * 6 + 6 * 5 + 5 * 1
    assert floor.flop == 64 * (3 * 2 * one_row + 30**2 + 2 * 30**2)  # CovLoss: half a product and a whole one
    inference = Floor(ours.trainer, ours.state.params, ours.batches[0], predict=True)
    assert inference.flop == 64 * 2 * one_row


def test_what_is_replayed_is_what_was_counted():
    ours = Ours(TINY)
    floor = Floor(ours.trainer, ours.state.params, ours.batches[0])
    full = sum(2 * out.size * a.shape[-1] for a, _, out in floor.calls)
    assert full - 64 * 30**2 == floor.flop  # Z^T Z at half
    assert floor.step() > 0
    assert Shape(copies=5, inputs=1, m=64, k=3, n=2).flop == 5 * 64 * 2 * 3 * 2


@pytest.mark.parametrize("model", ["mmoe", "pepnet", "star", "hinet", "crocodile"])
def test_floor_and_phases_count_the_same_products(model):
    """Once watched as products of arrays, once as layers called: two ways to one number."""
    ours = Ours(replace(TINY.with_options(model=model), twins=False))
    floor = Floor(ours.trainer, ours.state.params, ours.batches[0])
    with instruments() as counted:
        ours.step(0)
    assert sum(counted.flop.values()) == floor.flop


def test_covloss_is_counted_in_its_phase():
    ours = Ours(TINY)
    with instruments() as counted:
        ours.step(0)
    assert counted.flop["loss"] == covariance_flop(64, 30)
    assert counted.flop["gate"] == 64 * 6 * 9 * 30
    assert counted.flop["towers"] == 64 * 6 * (6 * 5 + 5)


def test_instruments_leave_nothing_behind():
    before = vars(Dense)["forward"]
    with instruments():
        assert vars(Dense)["forward"] is not before
    assert vars(Dense)["forward"] is before
    with pytest.raises(ValueError, match="inside"), instruments():
        raise ValueError("inside")
    assert vars(Dense)["forward"] is before


class Ticks(HostWatch):
    """A clock that ticks at each look."""

    def __init__(self):
        self.now = 0

    def mark(self):
        self.now += 1
        return self.now


def test_exclusive_time():
    """What is inside a phase is not the outer phase's; closed phases keep all; what is skipped is nobody's."""
    watch = clock.Clock(Ticks())
    with watch.phase("gather"), watch.phase("scatter"):
        pass
    with watch.phase("gate"), watch.phase("products forward"):
        pass
    with watch.phase("BCE"), watch.phase("loss"):
        pass
    watch.skip()
    assert not any(watch.seconds.values())  # they are asked for at the end
    watch.stop()
    spent = {name: seconds for name, seconds in watch.seconds.items() if seconds}
    assert spent == {"rest": 4, "gather": 2, "scatter": 1, "gate": 3, "BCE": 2, "loss": 1}


def test_bytes_of_kernels():
    table, rows = np.zeros((100, 2, 4), np.float32), np.zeros((3, 5), np.int64)
    x = np.zeros((3, 2, 20), np.float32)
    assert kernel_bytes(KERNELS["gather"], (table, rows), x) == 3 * 5 * (32 + 8) + x.nbytes
    w, g, which = np.zeros((100, 8), np.float32), np.zeros((6, 8), np.float32), np.arange(6)
    moved = kernel_bytes(KERNELS["adam_rows"], (w, which, g, w, w, 0, 0, 0, 0, 0), None)
    assert moved == 6 * 8 + g.nbytes + 3 * 2 * g.nbytes
    z, narrow, slots = np.zeros((64, 2, 4), np.float32), np.zeros((3, 2, 4), np.float32), np.zeros((64, 5), np.int64)
    moved = kernel_bytes(KERNELS["add_rows"], (z, narrow, slots), None)
    assert moved == 2 * z.nbytes + narrow.nbytes + slots.nbytes  # a small table is read once, however often it is named
    y, b = np.zeros((6, 8), np.float32), np.zeros(8, np.float32)
    assert kernel_bytes(KERNELS["bias_relu"], (y, b), y) == 2 * y.nbytes + b.nbytes  # the result lies in y's buffer
    assert kernel_bytes(KERNELS["bias_relu"], (y, b), y.copy()) == 3 * y.nbytes + b.nbytes


def test_phases_name_kernels_that_exist():
    """All that training runs; the pairs of gAUC are counted outside of steps."""
    assert set(PHASE_OF_KERNEL) == set(KERNELS) - {"right_pairs"}


def test_the_twin_takes_fewer_products_in_the_same_phases():
    counted = {}
    for twins in (False, True):
        ours = Ours(replace(TINY, twins=twins))
        with instruments() as counted[twins]:
            ours.step(0)
    plain, fused = counted[False].flop, counted[True].flop
    assert {name for name in plain if fused[name] < plain[name]} == {"products forward", "products backward"}
    assert all(fused[name] == plain[name] for name in plain if "products" not in name)


def test_bytes_that_can_be_reached_are_counted_once():
    a = np.zeros(10)
    assert memory.nbytes({"a": a, "again": (a[2:], [a.reshape(2, 5)])}, np.zeros(3)) == 80 + 24


def test_contenders_take_turns_and_slow_ones_fewer():
    log = []

    def step(name, seconds):
        return lambda i: log.append(name) or seconds

    times = interleave({"fast": step("fast", 0.3), "slow": step("slow", 30.0)}, 6, "test")
    assert (times["fast"].repeats, times["slow"].repeats) == (6, 2)
    assert "".join(name[0] for name in log[4:]) == "fffsfffs"  # after 3 + 1 warm-up steps


def test_rows_are_made_up_but_valid():
    rows, schema = TINY.splits().train, TINY.schema
    assert rows.n == TINY.n_batches * 64
    assert (rows.ids >= 0).all()
    assert (rows.ids.max(axis=0) < schema.vocabulary).all()
    assert (rows.ids[:, schema.fields.index("tab")] == rows.domains + 1).all()
    assert WORKLOADS["aliccp"].with_domains(7).schema.vocabulary[13] == 8
    assert sum(WORKLOADS["aliccp"].schema.vocabulary) == 1_290_000
    assert len(WORKLOADS["aliccp"].schema.fields) == 23


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("flags", [[], ["--predict"], ["--model", "shared_bottom", "--optimiser", "lazy_adam"]])
def test_the_command(flags, tmp_path, capsys):
    file = tmp_path / "bench.json"
    assert command.main(["--workload", "tiny", "--repeats", "2", "--json", str(file), *flags]) == 0
    found, out = json.loads(file.read_text()), capsys.readouterr().out
    assert set(found) >= KEYS
    assert found["simulated"]
    assert found["peers"] == {}
    assert sum(phase["share"] for phase in found["phases"].values()) == pytest.approx(1)
    assert found["peak_rss_mb"] > found["model_mb"] > found["activations_mb"] > 0
    assert found["share_of_floor"] == found["samples_per_second"] / found["floor_samples_per_second"]
    assert "made-up ids" in out
    assert f"{found['samples_per_second']:,.0f}" in out
    assert ("optimiser rows" in out) == (found["mode"] == "train")


@pytest.mark.usefixtures("hasty", "no_children")
def test_a_peer_that_agrees(fake, tmp_path, capsys):
    ours = Ours(TINY)
    ours.step(0)
    fake(ours.first * 1.0001)
    file = tmp_path / "bench.json"
    flags = ["--peer", "torch", "--peer-python", sys.executable, "--json", str(file)]
    assert command.main(["--workload", "tiny", "--repeats", "2", *flags]) == 0
    found, out = json.loads(file.read_text()), capsys.readouterr().out
    assert found["peers"] == {"torch-fp32": pytest.approx(64 / 0.01)}
    assert found["peers_absent"] == {"torch-bf16": "bf16 is not to be had"}
    assert found["peers_peak_rss_mb"] == {"torch-fp32": 12.5}
    assert found["disagreeing"] == []
    assert "absent: bf16 is not to be had" in out
    assert "!!!" not in out


@pytest.mark.usefixtures("hasty", "no_children")
def test_a_peer_that_computes_something_else_is_called_out(fake):
    fake(0.5)
    found = single.bench(TINY, 1, 2, peer_python=sys.executable)
    assert found["disagreeing"] == ["torch-fp32"]
    assert "!!! torch-fp32 DOES NOT COMPUTE THE SAME" in "\n".join(command.report.single(found))


def test_a_peer_that_dies_is_one_line(tmp_path, capsys, monkeypatch):
    (tmp_path / "peer.py").write_text("import no_such_module")
    monkeypatch.setattr(client, "PEER", tmp_path / "peer.py")
    flags = ["--workload", "tiny", "--repeats", "1", "--peer", "torch", "--peer-python", sys.executable]
    assert command.main(flags) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "No module named 'no_such_module'" in line


def test_what_the_command_set_for_itself_is_not_handed_on(monkeypatch):
    monkeypatch.setattr(client, "OURS", {"OMP_WAIT_POLICY": "passive", "OPENBLAS_THREAD_TIMEOUT": "4"})
    monkeypatch.setenv("OMP_WAIT_POLICY", "passive")
    monkeypatch.setenv("OPENBLAS_THREAD_TIMEOUT", "9")  # the user's
    monkeypatch.setenv("OTHER", "x")
    assert "OMP_WAIT_POLICY" not in client.environment()
    assert client.environment().items() >= {"OPENBLAS_THREAD_TIMEOUT": "9", "OTHER": "x"}.items()


@pytest.mark.parametrize("name", sweeps.SWEEPS)
def test_a_sweep_starts_with_its_base(name):
    for title, workloads in sweeps.points(name, TINY):
        assert len(workloads) >= 2, title
    sizes = {w.config.batch_size for _, ws in sweeps.points(name, TINY) for w in ws.values()}
    assert (len(sizes) > 1) == (name == "batch")


def test_the_sweep_of_twins_runs_definition_and_twin():
    ((title, workloads),) = sweeps.points("twins", TINY)
    assert list(workloads) == ["crocodile", "crocodile, fused"], title
    assert [type(Ours(w).trainer.model).__name__ for w in workloads.values()] == ["Crocodile", "FusedCrocodile"]
    with using("numpy"), pytest.raises(InputError, match="needs Numba"):
        sweeps.points("twins", TINY)


@pytest.mark.usefixtures("hasty")
def test_a_sweep_with_a_peer(fake):
    fake(0.5)
    workloads = {f"M = {n}": TINY.with_options(n_experts=n, optimiser="lazy_adam") for n in (2, 3)}
    rows = sweeps.sweep("experts", workloads, 1, 2, peer_python=sys.executable)
    assert [row.peer.median for row in rows] == [0.01, 0.01]
    assert all(row.peer_note.startswith("DISAGREES: first step 0.5") for row in rows)
    assert "6,400" in "\n".join(command.report.table("experts", rows))


@pytest.mark.usefixtures("hasty")
def test_a_sweep_by_pairs_where_memory_is_short(monkeypatch):
    monkeypatch.setattr(sweeps, "megabytes", lambda workload: 100)
    monkeypatch.setattr(sweeps, "free_megabytes", lambda: 300)
    built = []
    monkeypatch.setattr(sweeps, "Ours", lambda w, predict: built.append(w.config.n_experts) or Ours(w, predict))
    workloads = {f"M = {n}": TINY.with_options(n_experts=n) for n in (2, 3, 4)}
    rows = sweeps.sweep("experts", workloads, 1, 2)
    assert built == [2, 3, 2, 4]
    assert [row.label for row in rows] == list(workloads)
    assert rows[0].ratio == 1


def test_a_sweep_that_cannot_fit_says_so(monkeypatch):
    monkeypatch.setattr(sweeps, "free_megabytes", lambda: 300)
    with pytest.raises(InputError, match="GB of memory"):
        sweeps.sweep("experts", {"a": TINY, "b": TINY}, 1, 1)


@pytest.mark.usefixtures("hasty")
def test_the_command_sweeps(tmp_path, capsys):
    file = tmp_path / "sweep.json"
    flags = ["--workload", "tiny", "--repeats", "2", "--sweep", "experts", "--json", str(file)]
    assert command.main(flags) == 0
    rows = json.loads(file.read_text())["tables"]["experts"]
    assert [row["label"] for row in rows] == ["M = 2", "M = 4", "M = 6", "M = 8", "M = 10"]
    assert "time a sample" in capsys.readouterr().out


@pytest.mark.parametrize(
    "flags",
    [
        ["--workload", "nothing"],
        ["--model", "nobody"],
        ["--threads", "-1"],
        ["--threads", "4000"],
        ["--repeats", "0"],
        ["--batch-size", "0"],
        ["--peer-python", "python"],
        ["--peer", "torch", "--peer-python", "no/such/python"],
        ["--json", "no/such/folder/x.json"],
        ["--sweep", "moon"],
        ["--model", "me_mmoe", "--sweep", "domains"],
        ["--model", "mmoe", "--sweep", "systems"],
        ["--model", "crocodile", "--sweep", "twins"],
    ],
)
def test_bad_flags_are_one_line(flags, capsys):
    assert command.main(["--workload", "tiny", "--repeats", "1", *flags]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
