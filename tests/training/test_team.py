"""Several processes train as one does with as many shards, and a killed one costs the steps since the checkpoint."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from dgm_tutor.training.team import Team
from tests.training import team_worker

pytest.importorskip("lightning_fabric")
ROOT = Path(__file__).parents[2]


def torchrun(folder, names, *more, fails=False):
    """Two processes on this machine."""
    folder.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command += ["-m", "tests.training.team_worker", str(folder), names, *more]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=240
    )
    assert bool(done.returncode) == fails, done.stderr[-6000:]
    return folder


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    return torchrun(tmp_path_factory.mktemp("team") / "run", ",".join(team_worker.MODELS))


def close(a, b):
    assert a.keys() == b.keys()
    for key in a:
        torch.testing.assert_close(a[key], b[key], rtol=1e-4, atol=1e-5, msg=lambda text, key=key: f"{key}: {text}")


@pytest.mark.slow
@pytest.mark.parametrize("name", team_worker.MODELS)
def test_two_processes_are_one_with_two_shards(together, name):
    alone = team_worker.train(name, shards=2)
    for rank in (0, 1):
        close(load_file(together / f"{name}.{rank}.safetensors"), alone)


@pytest.mark.slow
def test_a_killed_process_costs_the_steps_since_the_checkpoint_and_nothing_else(together, tmp_path):
    torchrun(tmp_path / "killed", "vae", "killed", fails=True)
    assert (tmp_path / "killed" / "vae.checkpoint.safetensors").exists()
    killed = torchrun(tmp_path / "killed", "vae", "killed")  # the same command again
    a, b = (load_file(folder / "vae.0.safetensors") for folder in (together, killed))
    assert all(torch.equal(a[key], b[key]) for key in a if not key.startswith("history/"))


COMMAND = """
import sys, torch
from dgm_tutor import cli
assert cli.main(sys.argv[1:]) == 0
assert not torch.distributed.is_initialized()  # its threads could end the process at the interpreter's end
"""


@pytest.mark.slow
def test_the_command_trains_together_and_its_first_process_writes(tmp_path):
    (tmp_path / "command.py").write_text(COMMAND)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command += [tmp_path / "command.py", "train", "vae", "--data", "two_moons", "--likelihood", "gaussian"]
    command += ["--z-dim", "2", "--hidden", "(8,)", "--batch-size", "32", "--steps", "20", "--device", "cpu"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([*command, "--out", tmp_path / "runs"], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert len(list((tmp_path / "runs").glob("vae_two_moons*[0-9].safetensors"))) == 1, os.listdir(tmp_path / "runs")


def test_shards_differ_in_noise_and_not_in_what_they_learn_from():
    """Two shards see other noise than one does; without noise they are the same step."""
    one, two = team_worker.train("vae"), team_worker.train("vae", shards=2)
    assert not torch.equal(one["history/autoencoder/total"], two["history/autoencoder/total"])
    team = Team(shards=2)
    draws = []
    for step, shard, use in [(0, 0, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0)]:
        team.draws_for(step, shard, use)
        draws.append(torch.rand(()).item())
    assert len(set(draws)) == 4


def test_annealing_counts_a_step_once_whatever_the_shards():
    steps = [team_worker.train("pixel_vae", shards=shards)["objective.step"].item() for shards in (1, 2, 4)]
    assert steps == [team_worker.STEPS] * 3


def test_shards_that_cannot_be_dealt_are_refused():
    with pytest.raises(ValueError, match="16 has no 3 equal shards"):
        team_worker.train("vae", shards=3)
    with pytest.raises(ValueError, match="multiple of the 1 processes"):
        Team(shards=-1)
