"""``dgm-tutor sweep --scheduler``: through the command, over a cluster whose worker is killed on the way."""

import json
import os
import signal
import threading
import time

import psutil
import pytest
import torch

from dgm_tutor import cli, data, models, training
from dgm_tutor.training import cluster

TINY = ["--data", "two_moons", "--likelihood", "gaussian", "--z-dim", 2, "--hidden", "(8,)", "--batch-size", 32]
SWEEP = ["sweep", "beta_vae", *TINY, "--beta", "0.5,1,4", "--json"]


def run(capsys, *arguments):
    code = cli.main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    assert code == 0, captured.err
    return json.loads(captured.out)


def kill_who_trains(folder, index):
    """SIGKILL the process that trains a member, once its first checkpoint is written; says that it did."""
    (checkpoint,) = wait(lambda: list(folder.glob(f"*_{index}.checkpoint.safetensors")))
    holds = [
        child
        for child in psutil.Process().children(recursive=True)
        if any(f"_{index}_steps=" in file.path and file.path.endswith(".lock") for file in child.open_files())
    ]
    os.kill(holds[0].pid, signal.SIGKILL)
    (folder / "killed").write_text(checkpoint.name)


def wait(found):
    while not (result := found()):
        time.sleep(0.01)
    return result


@pytest.fixture(scope="module")
def scheduler():
    """The address of a running scheduler with two workers."""
    from distributed import LocalCluster

    with LocalCluster(2, threads_per_worker=1, dashboard_address=None) as running:
        yield running.scheduler_address


@pytest.mark.slow
def test_a_sweep_whose_worker_is_killed_ends_as_if_nothing_had_happened(capsys, tmp_path, scheduler):
    steps = ["--steps", 1600]
    threading.Thread(target=kill_who_trains, args=(tmp_path, 1), daemon=True).start()
    rows = run(capsys, *SWEEP, *steps, "--out", tmp_path, "--scheduler", scheduler)
    assert (tmp_path / "killed").exists()
    assert [(row["beta"], row["steps"]) for row in rows] == [(0.5, 1600), (1.0, 1600), (4.0, 1600)]
    alone = models.create("beta_vae", beta=1.0, x_dim=2, z_dim=2, hidden=(8,), likelihood="gaussian")
    training.fit(alone, data.load("two_moons", seed=0), steps=1600, batch_size=32, device="cpu", progress=False)
    killed = models.load(rows[1]["weights"]).state_dict()
    assert all(torch.equal(value, killed[key]) for key, value in alone.state_dict().items())

    written = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.safetensors")}
    assert run(capsys, *SWEEP, *steps, "--out", tmp_path, "--scheduler", "local") == rows
    assert written == {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.safetensors")}


@pytest.mark.slow
def test_more_steps_go_on_where_a_sweep_ended_and_another_sweep_s_results_are_refused(capsys, tmp_path, scheduler):
    there = ["--out", tmp_path, "--scheduler", scheduler]
    short, long = (run(capsys, *SWEEP, "--steps", steps, *there) for steps in (10, 20))
    assert {row["steps"] for row in short} == {10} and {row["steps"] for row in long} == {20}
    assert cli.main([str(a) for a in [*SWEEP, "--steps", 20, "--lr", 0.1, *there]]) == 1
    assert "choose another folder" in capsys.readouterr().err


def test_a_scheduler_that_does_not_answer_is_named_with_what_to_start(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "PATIENCE", 0.5)
    address = "tcp://127.0.0.1:9"
    assert cli.main([str(a) for a in [*SWEEP, "--out", tmp_path, "--scheduler", address]]) == 1
    assert f"no scheduler answers at {address}: start one there with 'dask scheduler'" in capsys.readouterr().err


@pytest.mark.slow
def test_a_scheduler_without_workers_is_no_endless_wait(capsys, tmp_path, monkeypatch):
    from distributed import LocalCluster

    monkeypatch.setattr(cluster, "PATIENCE", 1)
    with LocalCluster(n_workers=0, dashboard_address=None) as empty:
        assert cli.main([str(a) for a in [*SWEEP, "--out", tmp_path, "--scheduler", empty.scheduler_address]]) == 1
    assert f"has no workers: start some with 'dask worker {empty.scheduler_address}'" in capsys.readouterr().err
