"""Pictures of games: drawn from what a run records, and told in words with its numbers."""

import pytest
import torch

from dgm_tutor import evaluation, models, training
from dgm_tutor.figures import games

SMALL = {"x_dim": 4, "layers": 2, "hidden": (8,), "critic_hidden": (8,), "critic_steps": 1}
WITHOUT_A_FLOW = {
    "gan": {"z_dim": 2, "output": "real"},
    "aae": {"z_dim": 2, "likelihood": "gaussian"},
    "vae_gan": {"z_dim": 2},
    "info_vae": {"z_dim": 2, "likelihood": "gaussian", "divergence": "adversarial"},
    "info_gan": {},
}


@pytest.mark.parametrize("game", ["jsd", "wasserstein"])
def test_the_course_of_a_game_is_told_with_its_last_numbers(game):
    z = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))
    model = models.create("flow_gan", game=game, **SMALL)
    history = training.fit(model, z + 0.1, steps=20, progress=False, record=evaluation.game_record(z))
    picture = games.course(history)
    assert picture.png.startswith(b"\x89PNG")
    assert f"{10 ** history['flow/log10 condition'][-1]:.3g}" in picture.alt
    assert f"critic {history['critic/gradient norm'][-1]:.2g}" in picture.alt


@pytest.mark.parametrize("name", WITHOUT_A_FLOW)
def test_every_game_records_its_balance_and_its_gradients(name):
    x = torch.rand(32, 4, generator=torch.Generator().manual_seed(0))
    model = models.create(name, x_dim=4, **WITHOUT_A_FLOW[name])
    history = training.fit(model, x, steps=20, batch_size=16, progress=False, record=evaluation.game_record())
    players = {player.name for player in model.players()}
    assert all(history[f"{player}/gradient norm"].gt(0).all() for player in players)
    picture = games.course(history)
    over = "z" if name in ("aae", "info_vae") else "x"
    assert f"{history[f'critic/real({over})'][-1]:.2f} on real and" in picture.alt
    assert all(f"{player} {history[f'{player}/gradient norm'][-1]:.2g}" in picture.alt for player in players)
    assert "singular" not in picture.alt


def test_a_run_that_recorded_nothing_says_which_column_is_missing():
    model = models.create("flow_gan", **SMALL)
    history = training.fit(model, torch.randn(8, 4), steps=10, progress=False)
    with pytest.raises(KeyError, match="gradient norm"):
        games.course(history)


def test_a_spectrum_is_told_by_its_ends():
    values = torch.tensor([[100.0, 1.0, 0.01]]).expand(3, 3)
    assert "ADV from 1e+02 to 0.01" in games.conditions({"ADV": values}).alt


def test_samples_are_clipped_and_told_with_their_scores():
    row = {"t": 0.5, "samples": 3 * torch.randn(20, 64), "score": 2.5, "bits_per_dim": 1.87}
    picture = games.samples_and_scores([row, row], side=8, columns=5)
    assert "t = 0.5: score 2.50, 1.87 bits/dim" in picture.alt
