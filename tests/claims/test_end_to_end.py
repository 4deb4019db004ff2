"""Three claims through the command, as they are: one of a flow's identity, one of its fit, one of a game."""

import json
import math

import pytest

from dgm_tutor import cli
from dgm_tutor.claims import get

THREE = ("C5", "C6", "C14")
FIELDS = {"claim", "section", "statement", "paper", "figures", "verdict", "why", "seconds"}
KINDS = {"confirmed", "qualified", "not seen at this scale"}


@pytest.mark.slow
def test_three_claims_end_to_end(capsys, tmp_path):
    page, kept = tmp_path / "claims.md", tmp_path / "kept"
    command = ["claims", *THREE, "--seeds", "2", "--json", "--keep", str(kept), "--output", str(page)]
    assert cli.main(command) == 0
    records = json.loads(capsys.readouterr().out)
    assert [record["claim"] for record in records] == list(THREE)
    for record in records:
        claim = get(record["claim"])
        assert set(record) == FIELDS
        assert record["verdict"] in KINDS and record["why"]
        assert (record["section"], record["statement"]) == (claim.section, claim.statement)
        assert record["figures"]
        for figure in record["figures"].values():
            assert len(figure["values"]) == 2
            assert figure["mean"] == pytest.approx(math.fsum(figure["values"]) / 2)
            assert all(math.isfinite(number) for number in [*figure["values"], figure["standard_error"]])
    text = page.read_text()
    assert text.startswith("# The lecture's claims, measured")
    assert "`dgm-tutor claims C5 C6 C14 --seeds 2`" in text
    assert all(f"## {record['claim']}: {record['verdict']}" in text for record in records)

    written = {path: path.stat().st_mtime_ns for path in kept.iterdir()}
    assert len(written) == 2 * len(THREE)
    assert cli.main(command) == 0  # a second call measures nothing again and says the same
    assert json.loads(capsys.readouterr().out) == records
    assert written == {path: path.stat().st_mtime_ns for path in kept.iterdir()}
