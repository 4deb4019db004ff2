"""The frame of the claims: spread over seeds, verdicts, numbers that are kept."""

import importlib
import json
import math

import pytest
import torch

from dgm_tutor import claims
from dgm_tutor.claims import Claim, Figure, Result, report
from dgm_tutor.cli import main


def claim(measure) -> Claim:
    return Claim("C99", "0 Test", "draws are positive", "none", measure, judge)


def judge(figures):
    draw = figures["draw (nats)"]
    return claims.confirmed(f"it is {draw}") if draw.clearly_positive else claims.not_seen(f"only {draw}")


def test_a_standard_error_is_of_the_mean_over_seeds():
    figure = Figure((1.0, 2.0, 6.0))
    assert figure.mean == 3
    assert figure.standard_error == pytest.approx(math.sqrt(7 / 3))
    assert Figure((1.0,)).standard_error == math.inf


@pytest.mark.parametrize(
    ("values", "clear"), [((1.0, 1.1, 1.2), True), ((0.1, 1.0, 5.0), False), ((9.0, 9.0, -0.1), False)]
)
def test_clear_means_every_seed_and_two_standard_errors(values, clear):
    assert Figure(values).clearly_positive is clear


def test_a_seed_repeats_and_the_callers_random_state_stays():
    state = torch.get_rng_state()
    experiment = claim(lambda seed, full: {"draw (nats)": torch.randn(())})
    first, second = claims.run(experiment, (3, 4)), claims.run(experiment, (3, 4))
    assert first.figures == second.figures
    assert len(set(first.figures["draw (nats)"].values)) == 2
    assert torch.equal(state, torch.get_rng_state())


def test_kept_numbers_are_not_measured_again_until_the_code_changes(tmp_path, monkeypatch):
    calls = []

    def measure(seed, full):
        calls.append(seed)
        return {"draw (nats)": 1 + seed}

    claims.run(claim(measure), (0, 1), keep=tmp_path)
    claims.run(claim(measure), (0, 1, 2), keep=tmp_path)
    assert calls == [0, 1, 2]
    monkeypatch.setattr(importlib.import_module("dgm_tutor.claims.run"), "fingerprint", lambda module: "another one")
    claims.run(claim(measure), (0,), keep=tmp_path)
    assert calls == [0, 1, 2, 0]


def test_a_number_that_is_not_finite_gives_no_verdict():
    with pytest.raises(ValueError, match=r"C99, seed 0: draw \(nats\) not finite"):
        claims.run(claim(lambda seed, full: {"draw (nats)": math.nan}))


def test_a_result_reads_the_same_everywhere():
    result = claims.run(claim(lambda seed, full: {"draw (nats)": 2 + 0.1 * seed}))
    assert isinstance(result, Result)
    text, page, record = report.as_text(result), report.as_markdown([result], "command"), report.as_dict(result)
    for part in ("2.1 ± 0.058", "draws are positive", "none"):
        assert part in text
        assert part in page
    assert "CONFIRMED" in text
    assert "| [C99](#c99-confirmed) | draws are positive | confirmed |" in page
    assert record["figures"]["draw (nats)"]["values"] == (2.0, 2.1, 2.2)


def test_the_command_refuses_what_it_cannot_run(capsys):
    assert main(["claims", "C77"]) == 1
    assert "unknown claim 'C77', expected one of" in capsys.readouterr().err
    assert main(["claims", "--seeds", "1"]) == 1
    assert "one seed shows no spread" in capsys.readouterr().err


def test_every_claim_says_what_it_is():
    for number in claims.names():
        found = claims.get(number)
        assert found.number == number
        assert all([found.section, found.statement, found.paper])


def test_the_command_prints_what_scripts_can_read(capsys, tmp_path, monkeypatch):
    experiment = claim(lambda seed, full: {"draw (nats)": 1.0 + seed})
    monkeypatch.setattr(claims, "get", lambda number: experiment)
    page = tmp_path / "claims.md"
    assert main(["claims", "C99", "--json", "--keep", str(tmp_path), "--output", str(page)]) == 0
    (record,) = json.loads(capsys.readouterr().out)
    assert record["verdict"] == "confirmed"
    assert "## C99: confirmed" in page.read_text()


def test_a_claim_that_breaks_takes_no_other_with_it(capsys, tmp_path, monkeypatch):
    broken = Claim("C98", "0 Test", "it breaks", "none", lambda seed, full: {"draw (nats)": math.inf}, judge)
    good = claim(lambda seed, full: {"draw (nats)": 1.0 + seed})
    monkeypatch.setattr(claims, "get", {"C98": broken, "C99": good}.__getitem__)
    assert main(["claims", "C98", "C99", "--json", "--keep", str(tmp_path)]) == 1
    out, err = capsys.readouterr()
    assert [record["claim"] for record in json.loads(out)] == ["C99"]
    assert "C98 gives no verdict: C98, seed 0: draw (nats) not finite" in err
