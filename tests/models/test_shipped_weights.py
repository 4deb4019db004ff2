"""The weights that travel with the package do what their records say."""

import importlib.util
from pathlib import Path

import pytest

from dgm_tutor import models

SCRIPT = Path(__file__).parents[2] / "scripts" / "weights.py"


@pytest.fixture(scope="module")
def weights():
    spec = importlib.util.spec_from_file_location("weights", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", models.shipped())
def test_recorded_metrics_are_measured_again(weights, name):
    model, recorded = models.load(name), models.notes(name)["metrics"]
    for row in recorded:
        at_beta = model.at(row["beta"]) if hasattr(model, "at") else model
        again = weights.measured(at_beta, row["beta"])
        for key, value in row.items():
            assert again[key] == pytest.approx(value, rel=1e-3), (row["beta"], key)


def test_a_network_trained_for_its_beta_is_near_the_one_that_serves_all():
    family = {row["beta"]: row["loss"] for row in models.notes("10_beta_vae/conditional")["metrics"]}
    for beta, loss in family.items():
        (alone,) = models.notes(f"10_beta_vae/beta_{beta:g}")["metrics"]
        assert abs(loss - alone["loss"]) < 0.08 * alone["loss"]


def test_a_page_ships_at_most_two_megabytes():
    for page in models.WEIGHTS.iterdir():
        assert sum(file.stat().st_size for file in page.iterdir()) <= 2_000_000
