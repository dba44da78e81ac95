"""The main job: without genuine AliCCP files it simulates, says so everywhere, and knows the best possible AUC."""

import json

import pytest
from commands import IN_NUMPY, train
from safetensors import safe_open

ROWS = 20_000
FLAGS = ["--dataset", "aliccp", "--simulated-rows", ROWS, "--epochs", 1, "--compare-steps", 20, "--expert-sizes", 16]


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    folder = tmp_path_factory.mktemp("simulated")
    done = train(*FLAGS, cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder, done


def test_says_where_the_genuine_files_come_from_in_one_line(done):
    line = done[1].stdout.splitlines()[0]
    assert "data/aliccp" in line
    assert "tianchi.aliyun.com/dataset/408" in line
    assert "SIMULATED" in line


def test_everything_written_says_simulated(done):
    run = done[0] / "runs" / "aliccp-crocodile-seed0"
    for name in ("config.json", "metrics.json"):
        assert json.loads((run / name).read_text())["simulated"] is True
    assert all(json.loads(line)["simulated"] is True for line in (run / "history.jsonl").read_text().splitlines())
    for name in ("model.safetensors", "checkpoint.safetensors"):
        with safe_open(run / name, framework="numpy") as file:
            assert json.loads(file.metadata()["croco_np"])["facts"]["simulated"] is True
    assert "SIMULATED" in done[1].stdout.split("crocodile on aliccp")[-1]


def test_best_possible_auc_is_beside_the_models(done):
    metrics = json.loads((done[0] / "runs" / "aliccp-crocodile-seed0" / "metrics.json").read_text())
    assert set(metrics["domains"]) == {"domain 1", "domain 2", "domain 3"}
    assert metrics["overall"]["best_possible_auc"] > metrics["overall"]["auc"]
    assert f"{metrics['overall']['best_possible_auc']:.4f}" in done[1].stdout


def test_regret_is_what_the_expected_auc_lacks(done):
    metrics = json.loads((done[0] / "runs" / "aliccp-crocodile-seed0" / "metrics.json").read_text())
    for m in (metrics["overall"], *metrics["domains"].values()):
        assert m["regret"] == m["best_expected_auc"] - m["expected_auc"] > 0
        assert f"{m['best_possible_auc']:9.4f}{m['regret']:9.4f}" in done[1].stdout
    assert abs(metrics["overall"]["expected_auc"] - metrics["overall"]["auc"]) < 0.05  # of drawn labels


def test_the_second_run_reuses_the_files_and_takes_a_new_folder(done):
    folder, _ = done
    skeleton = folder / "data" / "aliccp-simulated" / f"rows{ROWS}-seed0" / "sample_skeleton_train.csv"
    before = skeleton.stat().st_mtime_ns
    assert train(*FLAGS, cwd=folder, **IN_NUMPY).returncode == 0
    assert skeleton.stat().st_mtime_ns == before
    assert (folder / "runs" / "aliccp-crocodile-seed0-2" / "metrics.json").exists()


def test_an_incomplete_download_is_not_replaced_by_simulation(tmp_path):
    genuine = tmp_path / "data" / "aliccp"
    genuine.mkdir(parents=True)
    (genuine / "sample_skeleton_train.csv").write_text("1,0,0,bacff91692951881,0,\n")
    done = train("--dataset", "aliccp", cwd=tmp_path)
    assert done.returncode == 2
    assert "common_features_train.csv" in done.stderr
    assert not (tmp_path / "data" / "aliccp-simulated").exists()
