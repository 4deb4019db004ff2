"""The lecture's map: every objective is its row, every named equality holds, and the print is the code's."""

import math

import pytest
import sympy
import torch

from dgm_tutor import cli, models
from dgm_tutor.exact import FiniteWorld
from dgm_tutor.models.family import COLUMNS, EQUALITIES, ROWS

SMALL = {"x_dim": 4, "z_dim": 2, "hidden": (4,)}


def world(seed):
    """Two axes of z, independent under p and tied under q, by x and at every x."""
    sizes = {"x": 3 + seed % 3, "z1": 2 + seed % 2, "z2": 2 + seed % 3}
    factors = {"p": ("z1", "z2", "x | z1, z2"), "q": ("x", "z1, z2 | x")}
    return FiniteWorld.random(**factors, sizes=sizes, generator=torch.Generator().manual_seed(seed))


def settings(row, seed):
    """Every free parameter at random, in (0.1, 0.9): a valid t, alpha and weight."""
    numbers = 0.1 + 0.8 * torch.rand(len(row.settings), generator=torch.Generator().manual_seed(seed))
    return dict(zip(row.settings, numbers.tolist(), strict=True))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", ROWS)
def test_every_objective_is_its_row_on_random_worlds(name, seed):
    row = ROWS[name]
    chosen = settings(row, seed)
    torch.testing.assert_close(
        row.loss(world(seed), **chosen), row.value(world(seed), **chosen), rtol=0, atol=1e-10, check_dtype=False
    )


@pytest.mark.parametrize(("left", "at", "right", "there"), EQUALITIES)
def test_named_equalities_hold_in_the_weights_and_in_the_losses(left, at, right, there):
    one, other = ROWS[left], ROWS[right]
    a, b = one.at(at), other.at(there)
    assert a.keys() == b.keys() and all(sympy.simplify(a[name] - b[name]) == 0 for name in a)
    free = set(one.settings) - set(at)
    beta = dict.fromkeys(free, 1.7)
    numbers = [{k: float(sympy.sympify(v).subs(beta)) for k, v in {**side}.items()} for side in (at, there)]
    for seed in range(4):
        x = one.loss(world(seed), **numbers[0], **{k: v for k, v in beta.items() if k in one.settings})
        y = other.loss(world(seed), **numbers[1], **{k: v for k, v in beta.items() if k in other.settings})
        torch.testing.assert_close(x, y, rtol=0, atol=1e-10)


def test_no_two_rows_without_an_equality_are_one_objective():
    """The columns tell models apart: at random settings no two values agree on a random world."""
    values = {name: row.value(world(1), **settings(row, 3)).item() for name, row in ROWS.items()}
    assert len({round(value, 9) for value in values.values()}) == len(values)


@pytest.mark.parametrize(
    ("recipe", "recipe_settings", "row", "row_settings"),
    [
        ("vae", {}, "VAE", {}),
        ("beta_vae", {"beta": 2.5}, "beta-VAE", {"beta": 2.5}),
        ("beta_tc_vae", {"beta": 3.5}, "beta-TC-VAE", {"beta": 3.5}),
        ("info_vae", {"alpha": 0.3, "lam": 1.9}, "InfoVAE, D = MMD", {"alpha": 0.3, "lam": 1.9}),
    ],
)
def test_a_recipe_s_own_objective_is_its_row(recipe, recipe_settings, row, row_settings):
    """The very objective that is trained, summed exactly over a world."""
    model = models.create(recipe, **SMALL, **recipe_settings)
    for seed in range(3):
        tables = models.table_model(world(seed))
        tables.objective = model.objective
        found = models.exact_loss(tables, world(seed).data.probs, axes=world(seed).prior.probs.shape).total
        expected = ROWS[row].value(world(seed), **row_settings)
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-10, check_dtype=False)


@pytest.mark.parametrize(
    ("recipe", "recipe_settings", "terms"),
    [
        ("gan", {"game": "jsd"}, {"jsd(x)": 1.0}),
        ("aae", {"game": "kl", "weight": 1.0}, {"distortion": 1.0, "kl(z)": 1.0}),
        (
            "info_vae",
            {"divergence": "adversarial", "alpha": 0.3, "lam": 1.9},
            {"distortion": 1.0, "rate": 0.7, "kl(z)": 1.2},
        ),
    ],
)
def test_an_adversarial_recipe_s_weights_are_its_row_s(recipe, recipe_settings, terms):
    weights = {
        term.name: weight
        for term, weight in models.create(recipe, **SMALL, **recipe_settings).objective.weights.items()
    }
    assert weights == pytest.approx(terms)


def test_columns_are_divergences_and_informations():
    """All but the constants are at least zero, and zero where the joints agree and z says nothing."""
    z1, z2, x = torch.tensor([0.3, 0.7]), torch.tensor([0.4, 0.6]), torch.tensor([0.2, 0.8])
    same = FiniteWorld(
        p={"z1": z1, "z2": z2, "x | z1, z2": x[:, None, None].expand(2, 2, 2)},
        q={"x": x, "z1, z2 | x": torch.outer(z1, z2)[..., None].expand(2, 2, 2)},
    )
    for name, (_, value) in COLUMNS.items():
        if name not in ("1", "entropy_data"):
            assert abs(value(same)) < 1e-7, name
            assert value(world(2)) > 1e-4, name


def test_the_table_says_what_the_code_does():
    found = models.table()
    assert [row["recipe"] for row in found.recipes] == models.names()
    aae = next(row for row in found.recipes if row["recipe"] == "aae")
    assert aae["prior"] == "StandardNormal" and aae["players"] == "autoencoder, critic"
    assert aae["loss"] == "1 distortion + 30 non_saturating(z)"
    info = next(row for row in found.family if row["objective"] == "InfoVAE, D = KL")
    assert info["MI_q(x;z)"] == "-alpha" and info["KL(q(z)||p(z))"] == "lam" and info["JSD(p_data,p)"] == ""
    text = str(found)
    assert all(name in text for name in (*models.names(), *ROWS))
    assert max(map(len, text.splitlines())) < 400
    assert found._repr_markdown_().count(r"KL(q(z)\|\|p(z))") >= 1


def test_the_command_prints_the_table(capsys):
    assert cli.main(["models", "--table"]) == 0
    assert "beta-VAE" in capsys.readouterr().out


def test_the_total_correlation_of_tied_axes_is_their_mutual_information():
    """By hand: q(z1, z2) is 2/5 where they agree and 1/10 where not, against 1/4, whatever x says of them."""
    half, tied = torch.tensor([0.5, 0.5]), torch.tensor([[0.4, 0.1], [0.1, 0.4]], dtype=torch.float64)
    by_hand = 0.8 * math.log(1.6) + 0.2 * math.log(0.4)
    found = FiniteWorld(
        p={"z1": half, "z2": half, "x | z1, z2": half[:, None, None].expand(2, 2, 2)},
        q={"x": half, "z1, z2 | x": tied[..., None].expand(2, 2, 2)},
    )
    assert found.total_correlation().item() == pytest.approx(by_hand, abs=1e-10)
    loss = ROWS["beta-TC-VAE"].loss(found, beta=4.0) - ROWS["VAE"].loss(found)
    assert loss.item() == pytest.approx(3 * by_hand, abs=1e-10)
