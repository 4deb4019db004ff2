"""The command line: results scripts can read, errors that say what to do, exit codes that can be trusted."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from dgm_tutor import cli, models
from dgm_tutor.cli import train
from dgm_tutor.cli.sweep import grid
from dgm_tutor.data import chorales

ROOT = Path(__file__).resolve().parents[2]
TINY = ["--data", "two_moons", "--likelihood", "gaussian", "--z-dim", "2", "--hidden", "(8,)", "--batch-size", "32"]


def run(capsys, *arguments):
    code = cli.main([str(a) for a in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_models_and_data_are_listed_as_json(capsys):
    code, out, _ = run(capsys, "models", "--json")
    assert code == 0 and {row["name"] for row in json.loads(out)} == set(models.names())
    code, out, _ = run(capsys, "data", "--json")
    assert code == 0 and "mnist" in {row["name"] for row in json.loads(out)}


def test_train_keeps_weights_that_load_and_evaluate(capsys, tmp_path):
    arguments = ["train", "beta_vae", *TINY, "--beta", "0.5", "--steps", 40, "--out", tmp_path, "--json"]
    code, out, err = run(capsys, *arguments)
    assert code == 0, err
    (row,) = json.loads(out)
    assert err.endswith(f"Wrote {row['weights']}\n")
    assert row["steps"] == 40 and row["total"] == pytest.approx(row["distortion"] + 0.5 * row["rate"], rel=1e-3)
    assert models.load(row["weights"]).settings["beta"] == 0.5
    code, out, err = run(capsys, "evaluate", row["weights"], "--data", "two_moons", "--samples", 8, "--json")
    values = {entry["quantity"].split()[0]: entry["nats"] for entry in json.loads(out)}
    assert code == 0 and values["elbo"] <= values["log_marginal"]


@pytest.mark.parametrize("name", ["vrnn", "rnn"])
def test_a_sequence_model_learns_chorales_as_stretches_of_symbols(capsys, tmp_path, name):
    tiny = ["--hidden", 8, "--model-steps", 8, "--batch-size", 4, "--steps", 2]
    code, out, err = run(capsys, "train", name, "--data", "chorales", *tiny, "--out", tmp_path, "--json")
    assert code == 0, err
    (row,) = json.loads(out)
    uniform = 8 * sum(math.log(symbols) for symbols in chorales.SYMBOLS)  # what an untrained decoder says, in nats
    assert row["steps"] == 2 and row.get("distortion", row["total"]) == pytest.approx(uniform, rel=0.15)
    assert chorales.from_one_hot(models.load(row["weights"]).sample(3)).shape == (3, 8, 4)
    assert (models.load(row["weights"]).settings.get("warm_up", 0) > 0) == (name == "vrnn")  # z would stay empty
    held_out = ["--data", "chorales", "--examples", 9, "--samples", 2, "--json"]
    code, out, err = run(capsys, "evaluate", row["weights"], *held_out)
    assert code == 0, err
    values = {entry["quantity"].split()[0]: entry["nats"] for entry in json.loads(out)}
    assert set(values) == ({"log_prob"} if name == "rnn" else {"elbo", "log_marginal"})
    assert all(-1.5 * uniform < value < -0.8 * uniform for value in values.values())  # a whole stretch each, in nats


@pytest.mark.parametrize(
    ("dataset", "terms"), [("mnist", ("digit", "label")), ("colour_digits", ("colour", "grey", "edges"))]
)
def test_an_mvae_learns_whatever_views_a_data_set_has(capsys, tmp_path, dataset, terms):
    tiny = ["--hidden", "(8,)", "--z-dim", 2, "--batch-size", 8, "--steps", 2]
    code, out, err = run(capsys, "train", "mvae", "--data", dataset, *tiny, "--out", tmp_path, "--json")
    assert code == 0, err
    (row,) = json.loads(out)
    assert all(f"distortion of {term}" in row for term in terms)
    code, out, err = run(
        capsys, "evaluate", row["weights"], "--data", dataset, "--examples", 9, "--samples", 2, "--json"
    )
    assert code == 0, err
    assert [entry["quantity"].split()[0] for entry in json.loads(out)][:2] == ["elbo", "log_marginal"]


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_a_labelled_autoencoder_gets_the_labels(capsys, tmp_path, likelihood):
    tiny = ["--hidden", "(8,)", "--z-dim", 2, "--likelihood", likelihood, "--batch-size", 8, "--steps", 2]
    code, out, err = run(capsys, "train", "labelled_aae", *tiny, "--out", tmp_path, "--json")
    assert code == 0, err
    assert json.loads(out)[0]["autoencoder/cross_entropy"] == pytest.approx(math.log(10), abs=0.3)


def test_a_flow_of_images_gets_grey_levels_spread_over_their_cells(capsys, tmp_path):
    tiny = ["--hidden", "(4,)", "--layers", 2, "--batch-size", 8, "--steps", 2]
    code, out, err = run(capsys, "train", "flow", *tiny, "--out", tmp_path, "--json")
    assert code == 0, err
    (row,) = json.loads(out)
    code, out, err = run(capsys, "evaluate", row["weights"], "--examples", 9, "--json")
    assert code == 0, err
    (exact,) = json.loads(out)
    assert exact["quantity"] == "log_prob" and exact["nats"] < 0


def test_the_full_size_is_the_paper_s_where_no_setting_says_otherwise(capsys, tmp_path):
    shape = ["--data", "two_moons", "--likelihood", "gaussian", "--z-dim", 3]
    code, out, err = run(capsys, "train", "vae", "--full-size", *shape, "--steps", 1, "--out", tmp_path, "--json")
    assert code == 0, err
    (row,) = json.loads(out)
    settings = models.load(row["weights"]).settings
    assert tuple(settings["hidden"]) == (500,) and settings["z_dim"] == 3 and settings["x_dim"] == 2
    assert "full-size" in row["weights"]  # kept beside the small one, not over it


def test_a_model_whose_steps_are_dear_takes_fewer_unless_told(capsys, monkeypatch):
    asked = []

    def fit(*_, steps, **__):
        asked.append(steps)
        raise ValueError("enough")

    monkeypatch.setattr(train.training, "fit", fit)
    for arguments in (["vae"], ["pixelcnn"], ["pixelcnn", "--steps", 7], ["vae", "--steps", 0]):
        run(capsys, "train", *arguments)
    assert asked == [2000, 300, 7, 0]


def test_the_same_call_resumes(capsys, tmp_path):
    arguments = ["train", "vae", *TINY, "--out", tmp_path, "--json"]
    run(capsys, *arguments, "--steps", 10)
    once = json.loads(run(capsys, *arguments, "--steps", 20)[1])
    (tmp_path / "x").mkdir()
    whole = json.loads(run(capsys, *arguments[:-3], "--out", tmp_path / "x", "--json", "--steps", 20)[1])
    a, b = (models.load(row[0]["weights"]).state_dict() for row in (once, whole))
    assert all((a[key] == b[key]).all() for key in a)


def test_sweep_trains_one_model_a_value(capsys, tmp_path):
    arguments = ["sweep", "beta_vae", *TINY, "--beta", "0.1:10:3", "--steps", 10, "--out", tmp_path, "--json"]
    code, out, err = run(capsys, *arguments)
    assert code == 0, err
    assert [row["beta"] for row in json.loads(out)] == pytest.approx([0.1, 1.0, 10.0])
    assert len(list(tmp_path.glob("sweep*"))) == 0 and len({row["weights"] for row in json.loads(out)}) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "betavae"], "did you mean"),
        (["train", "vae", "--data", "mnits"], "mnist"),
        (["train", "vae", "--data", "two_moons"], "binarise"),
        (["train", "vae", "--data", "chorales"], "chorales are sequences: use one of rnn, vrnn"),
        (["train", "mvae", "--data", "two_moons"], "two_moons has one: use mnist, fashion or colour_digits"),
        (["train", "labelled_aae", "--data", "two_moons"], "two_moons are none: use mnist or fashion"),
        (["train", "vae", "--beta", "2"], "no setting beta"),
        (["sweep", "beta_vae", "--beta", "3"], "several values"),
        (["sweep", "beta_vae", "--beta", "0:10:5"], "0 < low"),
        (
            ["sweep", "aae", "--weight", "1,10"],
            "one by one: with fit, or on the command line with sweep --scheduler local",
        ),
        (["sweep", "beta_vae", "--beta", "1,2", "--scheduler", "nowhere"], "expected 'local' or an address such as"),
        (["sweep", "beta_vae", "--beta", "1,2", "--scheduler", "local", "--workers", "0"], "expected at least 1"),
        (["sweep", "betavae", "--beta", "1,2", "--scheduler", "local"], "did you mean"),
        (["evaluate", "nowhere"], "no file 'nowhere'"),
        (["lab", "99_nothing.ipynb"], "no page 99_nothing"),
    ],
)
def test_errors_say_what_was_expected_and_exit_with_one(capsys, tmp_path, monkeypatch, arguments, message):
    monkeypatch.setenv("PWD", str(tmp_path))
    extra = ["--out", tmp_path] if arguments[0] in ("train", "sweep") else []
    code, out, err = run(capsys, *arguments, *extra)
    assert code == 1 and message in err and not out


def test_wrong_usage_exits_with_two():
    command = [sys.executable, "-m", "dgm_tutor", "train"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2 and "NAME" in done.stderr


def test_a_reader_that_has_read_enough_is_no_error():
    command = f"set -o pipefail; {sys.executable} -m dgm_tutor models --table | true"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_broken_pipe_of_another_kind_is_an_error(capsys, monkeypatch):
    def broken(args):
        raise BrokenPipeError("a worker is gone")

    monkeypatch.setattr(cli, "commands", lambda: [cli.Command("break", "", lambda parser: None, broken)])
    assert run(capsys, "break") == (1, "", "dgm-tutor break: a worker is gone\n")


@pytest.mark.parametrize("end", ["sys.exit(3)", "os.kill(os.getpid(), 9)"])
def test_jupyterlab_that_breaks_down_is_no_success(tmp_path, end):
    (tmp_path / "jupyterlab.py").write_text(f"import os, sys\n{end}\n")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    command = [sys.executable, "-m", "dgm_tutor", "lab", "--no-browser"]
    assert subprocess.run(command, env=environment, timeout=60).returncode not in (0, None)


def test_jupyterlab_ends_with_the_command_that_started_it(tmp_path):
    (tmp_path / "jupyterlab.py").write_text("import os, time\nprint(os.getpid(), flush=True)\ntime.sleep(60)\n")
    paths = os.pathsep.join([str(tmp_path), str(ROOT)])
    command = [sys.executable, "-m", "dgm_tutor", "lab", "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": paths}) as lab:
        server = psutil.Process(int(lab.stdout.readline()))
        lab.terminate()
        assert lab.wait(10) == 0
    assert not server.is_running()


def test_grids():
    assert grid("0.1:10:3") == pytest.approx([0.1, 1.0, 10.0])
    assert grid("1,4.5") == [1, 4.5]
    assert isinstance(grid("1,4.5")[0], int)  # a number of layers is no fraction


def test_a_broken_companion_takes_no_other_command_with_it(capsys, monkeypatch):
    class Broken:
        name = "grade"

        def load(self):
            raise ImportError("no module named grader")

    monkeypatch.setattr(cli, "entry_points", lambda group: [Broken()])
    code, out, err = run(capsys, "models", "--json")
    assert code == 0 and json.loads(out)
    assert "'grade' cannot be loaded: no module named grader" in err


def test_a_command_imports_no_more_than_it_needs():
    """Torch alone takes seconds; a help text must not wait for it."""
    code = "import sys; from dgm_tutor import cli\ntry: cli.main(['--help'])\nfinally: print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "False" and "train" in done.stdout


def test_the_list_of_commands_says_what_each_says_of_itself():
    from dgm_tutor.cli import bench, claims, inspect, lab, sweep, train

    whole = [lab.LAB, inspect.MODELS, train.TRAIN, sweep.SWEEP, inspect.EVALUATE, claims.CLAIMS, inspect.DATA]
    assert [(c.name, c.help) for c in cli.BUILT_IN] == [(c.name, c.help) for c in [*whole, bench.BENCH]]
