"""docs/claims.md is the whole table, of the claims as the code states them."""

import re
from pathlib import Path

from dgm_tutor import claims

PAGE = (Path(__file__).parents[2] / "docs" / "claims.md").read_text()
KINDS = ("confirmed", "qualified", "not seen at this scale")


def test_every_claim_of_the_lecture_has_its_row_and_its_section():
    rows = dict(
        re.findall(r"^\| \[(C\d+)\]\(#\S+\) \| (.*) \| (?:confirmed|qualified|not seen at this scale) \|$", PAGE, re.M)
    )
    assert list(rows) == claims.names() == [f"C{number}" for number in range(1, 22)]
    for number, statement in rows.items():
        claim = claims.get(number)
        assert statement == claim.statement
        verdict, section = re.search(rf"^## {number}: (.*)\n((?:(?!^## ).*\n)*)", PAGE, re.M).groups()
        assert verdict in KINDS
        assert f"The paper: {claim.paper}" in section
        assert f"**{verdict.capitalize()}.**" in section


def test_the_page_names_the_command_that_made_it_and_at_least_three_seeds():
    assert re.search(r"^`dgm-tutor claims .*`: torch ", PAGE, re.M)
    seeds = re.findall(r"^\| measured, (\d+) seeds \|", PAGE, re.M)
    assert len(seeds) == 21 and all(int(number) >= 3 for number in seeds)
