"""What happened during training: every player's loss and terms, step by step."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from dgm_tutor.objectives import Loss


@dataclass
class History:
    """One row a recorded step. ``columns`` maps "player/total" or "player/term" to its values, in nats;
    what ``fit(record=...)`` measured stands beside them under its own names.

    For an ensemble a value is one number per model. ``interrupted`` says that training was stopped by hand.
    """

    steps: list[int] = field(default_factory=list)
    columns: dict[str, list[Tensor]] = field(default_factory=dict)
    interrupted: bool = False

    def record(self, step: int, losses: dict[str, Loss], more: Mapping[str, Tensor] | None = None) -> None:
        """Append every player's loss at this step, and more columns by their own names."""
        self.steps.append(step)
        for player, loss in losses.items():
            self._append(f"{player}/total", loss.total)
            for name, (_, value) in loss.terms.items():
                self._append(f"{player}/{name}", value)
        for name, value in (more or {}).items():
            self._append(name, value)

    def __getitem__(self, column: str) -> Tensor:
        """The values of a column, (rows,) or (rows, models)."""
        if column not in self.columns:
            raise KeyError(f"no column {column!r}; there are {', '.join(self.columns)}")
        return torch.stack(self.columns[column])

    def state(self) -> dict[str, Tensor]:
        """As tensors, for a checkpoint."""
        return {"steps": torch.tensor(self.steps), **{f"column.{name}": self[name] for name in self.columns}}

    @classmethod
    def from_state(cls, state: dict[str, Tensor]) -> "History":
        columns = {key.removeprefix("column."): list(v) for key, v in state.items() if key != "steps"}
        return cls(steps=state["steps"].tolist(), columns=columns)

    def _append(self, column: str, value: Tensor) -> None:
        self.columns.setdefault(column, []).append(torch.as_tensor(value).detach().cpu().clone())
