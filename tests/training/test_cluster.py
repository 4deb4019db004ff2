"""Sweeps on a Dask cluster: a killed worker, a stopped sweep."""

import json
import os
import signal
import threading
import time

import pytest
import torch

from dgm_tutor import models, training
from dgm_tutor.training.cluster import once, run_all


def double(item: dict) -> dict:
    """A task that leaves a line every time it is run."""
    with open(item["log"], "a") as log:
        log.write(f"{item['n']}\n")
    if item["n"] < 0:
        raise ValueError(f"{item['n']} is negative")
    return {"twice": 2 * item["n"]}


def train(item: dict) -> dict:
    """A training run that says who runs it, and stops half way to be killed the first time."""
    with open(item["log"], "a") as log:
        log.write(json.dumps({"seed": item["seed"], "pid": os.getpid()}) + "\n")
    x = torch.rand(64, 6, generator=torch.Generator().manual_seed(0)).round()
    model = models.create("vae", seed=item["seed"], x_dim=6, z_dim=2, hidden=(8,))
    how = {"batch_size": 16, "seed": item["seed"], "progress": False, "checkpoint": item["checkpoint"]}
    if item["wait"] and not os.path.exists(item["checkpoint"]):
        training.fit(model, x, steps=20, **how)
        time.sleep(600)
    history = training.fit(model, x, steps=40, **how)
    torch.manual_seed(0)
    return {"steps": history.steps, "loss": model.loss(x[:8]).total.item()}


def test_a_result_is_made_once_and_kept(tmp_path):
    item = {"n": 3, "log": str(tmp_path / "log")}
    assert once(double, item, str(tmp_path / "3.json")) == once(double, item, str(tmp_path / "3.json")) == {"twice": 6}
    assert (tmp_path / "log").read_text() == "3\n"


def test_the_result_of_another_item_is_refused(tmp_path):
    once(double, {"n": 3, "log": str(tmp_path / "log")}, str(tmp_path / "result.json"))
    with pytest.raises(ValueError, match="choose another folder"):
        once(double, {"n": 4, "log": str(tmp_path / "log")}, str(tmp_path / "result.json"))


@pytest.mark.slow
def test_a_sweep_that_broke_off_goes_on_with_what_is_missing(tmp_path):
    def sweep(numbers):
        items = [{"n": n, "log": str(tmp_path / "log")} for n in numbers]
        return run_all(double, items, [tmp_path / f"{n}.json" for n in numbers], workers=1, progress=False)

    with pytest.raises(ValueError, match="-1 is negative"):
        sweep([1, 2, -1])
    assert sweep([1, 2, 3]) == [{"twice": 2}, {"twice": 4}, {"twice": 6}]
    runs = (tmp_path / "log").read_text().split()
    assert sorted(set(runs)) == ["-1", "1", "2", "3"]
    assert all(runs.count(n) == 1 for n in "123")


@pytest.mark.slow
def test_a_killed_worker_loses_nothing_and_nothing_is_done_twice(tmp_path):
    log = tmp_path / "log"
    items = [
        {"seed": seed, "wait": seed == 1, "log": str(log), "checkpoint": str(tmp_path / f"{seed}.safetensors")}
        for seed in range(4)
    ]

    def kill_the_waiting_worker():
        while not (tmp_path / "1.safetensors").exists():
            time.sleep(0.1)
        (pid,) = [run["pid"] for run in map(json.loads, log.read_text().splitlines()) if run["seed"] == 1]
        os.kill(pid, signal.SIGKILL)

    threading.Thread(target=kill_the_waiting_worker, daemon=True).start()
    results = run_all(train, items, [tmp_path / f"{i}.json" for i in range(4)], progress=False)

    seeds = [json.loads(line)["seed"] for line in log.read_text().splitlines()]
    assert sorted(seeds) == [0, 1, 1, 2, 3]
    undisturbed = [
        train({**item, "wait": False, "checkpoint": str(tmp_path / f"again_{item['seed']}.safetensors")})
        for item in items
    ]
    assert results == undisturbed  # the run that was killed has gone on from its checkpoint, to the same bits
