"""The experiment behind C19, in small; and its committed record against itself."""

import json
import math

import c19_beta
import pytest


@pytest.fixture(scope="module")
def record():
    return c19_beta.experiment(betas=(1.0, 50.0), seeds=(0, 1), steps=40, points=150)


def test_a_small_run_measures_every_beta_and_seed(record):
    assert [(run["beta"], run["seed"]) for run in record["runs"]] == [
        (beta, seed) for seed in (0, 1) for beta in (None, 1.0, 50.0)
    ]
    one, fifty = record["summary"][1:]
    assert one["rate"]["mean"] > fifty["rate"]["mean"]
    assert one["distortion"]["mean"] < fifty["distortion"]["mean"]
    json.dumps(record, allow_nan=False)


def test_differences_are_taken_seed_by_seed(record):
    runs = {(run["beta"], run["seed"]): run["rate"] for run in record["runs"] if run["beta"]}
    first, second = (runs[50.0, seed] - runs[1.0, seed] for seed in (0, 1))
    (row,) = record["difference_from_beta_1"]
    assert row["rate"]["mean"] == pytest.approx((first + second) / 2)
    assert row["rate"]["standard_error"] == pytest.approx(abs(first - second) / 2)


def test_the_committed_record_follows_from_its_runs():
    record = json.loads(c19_beta.RESULT.read_text())
    assert record["betas"] == list(c19_beta.BETAS)
    assert record["training"] == {"steps": c19_beta.STEPS, **c19_beta.TRAINING}
    assert len(record["runs"]) == (len(c19_beta.BETAS) + 1) * len(c19_beta.SEEDS)
    assert record["summary"] == c19_beta.summary(record["runs"])
    assert record["difference_from_beta_1"] == c19_beta.differences(record["runs"])
    assert all(run["mi_q"] <= math.log(4096) for run in record["runs"] if run["beta"])
