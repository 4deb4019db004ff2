"""The lecture's map, read off the code: what each recipe is made of, and which row of the family it minimises."""

from dataclasses import dataclass

from torch import nn

from dgm_tutor.columns import columns, room
from dgm_tutor.models.base import Model
from dgm_tutor.models.family import COLUMNS, ROWS
from dgm_tutor.models.registry import RECIPES, create

PARTS = ("prior", "posterior", "decoder", "density")


@dataclass(frozen=True)
class Map:
    """``recipes``: a row for each, its components, players and loss. ``family``: a row an objective, its weights."""

    recipes: list[dict[str, str]]
    family: list[dict[str, str]]

    def __str__(self) -> str:
        """For a terminal folded to its width, else a line a row; a weight that no objective has is left out."""
        used = [name for name in COLUMNS if any(row[COLUMNS[name][0]] for row in self.family)]
        kept = ["objective", "section", *(COLUMNS[name][0] for name in used)]
        weights = [{heading: row[heading] for heading in kept} for row in self.family]
        return "\n\n".join(
            [
                "Components and losses (as created by default)\n" + columns(self.recipes, room()),
                "One family (minimised): weights of\n" + columns(weights, room()),
            ]
        )

    def _repr_markdown_(self) -> str:
        return "\n\n".join(_markdown(rows) for rows in (self.recipes, self.family))


def table() -> Map:
    """The map of all recipes and of the objectives of sections 6 to 11."""
    recipes = [_recipe(name, create(name)) for name in RECIPES]
    family = []
    for row in ROWS.values():
        weights = {formula: str(row.at({}).get(name, "")) for name, (formula, _) in COLUMNS.items()}
        family.append({"objective": row.name, "section": str(row.section), **weights})
    return Map(recipes, family)


def _recipe(name: str, model: Model) -> dict[str, str]:
    found = {part: getattr(model, part, None) for part in PARTS}
    parts = {part: type(value).__name__ for part, value in found.items() if isinstance(value, nn.Module)}
    return {
        "recipe": name,
        **{part: parts.get(part, "") for part in PARTS},
        "players": ", ".join(dict.fromkeys(player.name for player in model.players())),
        "loss": str(model.objective),
    }


def _markdown(rows: list[dict[str, str]]) -> str:
    cells = [list(rows[0]), ["---"] * len(rows[0]), *(list(row.values()) for row in rows)]
    return "\n".join("| " + " | ".join(cell.replace("|", r"\|") for cell in row) + " |" for row in cells)
