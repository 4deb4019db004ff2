"""Numbers are kept for as long as the code that they come from: what a claim's module reaches, and no more."""

import pytest

from dgm_tutor import claims
from dgm_tutor.claims.code import fingerprint, reached


@pytest.mark.parametrize(
    ("module", "inside", "outside"),
    [
        ("c05", {"components.flows.autoregressive", "components.flows.made"}, {"models", "training.fit"}),
        ("c02", {"claims.c01", "models.pixel_vae", "models.pixelcnn", "training.fit"}, {"models.aae", "claims.c03"}),
        ("c15", {"models.aae", "models.vae", "objectives.adversarial"}, {"models.info_gan", "models.vrnn"}),
        ("c07", {"models.flow_prior_vae", "components.flows.made", "evaluation.information"}, {"models.flow_gan"}),
    ],
)
def test_a_claim_reaches_what_it_imports_and_the_recipes_that_it_names(module, inside, outside):
    found = {name.removeprefix("dgm_tutor.") for name in reached(f"dgm_tutor.claims.{module}")}
    assert inside <= found
    assert not outside & found
    assert not {name for name in found if name.startswith(("cli", "figures", "widgets", "checks", "derivations"))}


def test_every_claim_has_a_fingerprint_of_its_own():
    modules = [claims.get(number).measure.__module__ for number in claims.names()]
    assert len({fingerprint(module) for module in modules}) == len(modules)


def test_a_change_of_a_file_that_is_reached_changes_the_fingerprint(tmp_path, monkeypatch):
    from dgm_tutor.claims import code

    before, path = fingerprint("dgm_tutor.claims.c05"), code._path
    changed = tmp_path / "made.py"
    changed.write_bytes(path("dgm_tutor.components.flows.made").read_bytes() + b"\n")

    def swapped(name):
        return changed if name == "dgm_tutor.components.flows.made" else path(name)

    monkeypatch.setattr(code, "_path", swapped)
    fingerprint.cache_clear()
    assert fingerprint("dgm_tutor.claims.c05") != before
    fingerprint.cache_clear()
