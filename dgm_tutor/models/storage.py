"""Models on disk: weights and settings in one safetensors file, no code inside."""

import json
from pathlib import Path

from safetensors import SafetensorError, safe_open
from torch import nn

from dgm_tutor.files import write_safetensors
from dgm_tutor.models.base import Model
from dgm_tutor.models.registry import create

WEIGHTS = Path(__file__).parents[1] / "weights"


def save(model: Model, path: str | Path, half: bool = False, notes: dict | None = None) -> Path:
    """Write a model made by ``create`` to ``path``, atomically.

    Args:
        model: its name, settings and weights are kept.
        path: a ``.safetensors`` file; an existing one is replaced only when the new one is whole.
        half: store weights as 16-bit floats, half the size; ``load`` gives 32-bit ones back. Integers stay as they are.
        notes: anything JSON can say, for example the metrics measured with these weights; see ``notes``.
    """
    if not model.name:
        raise ValueError("only models made by models.create(...) can be saved: their name and settings rebuild them")
    weights = {key: value.detach().cpu().contiguous() for key, value in model.state_dict().items()}
    if half:
        weights = {key: value.half() if value.is_floating_point() else value for key, value in weights.items()}
    if parts := [key for key, value in model.settings.items() if isinstance(value, nn.Module)]:
        raise ValueError(
            f"{model.name} was created with a module of yours as its {', '.join(parts)}, which a file without code "
            "cannot hold: keep model.state_dict(), and create the model with that module again"
        )
    about = {"model": model.name, "settings": model.settings, "notes": notes or {}}
    return write_safetensors(Path(path), weights, {"dgm_tutor": json.dumps(about)})


def load(path: str | Path) -> Model:
    """The model saved at ``path``, or shipped under that name (see ``shipped``), in evaluation mode.

    Raises:
        FileNotFoundError: no such file and no shipped weights of that name.
        ValueError: a file that this package did not write.
    """
    path = _find(path)
    try:
        with safe_open(path, framework="pt") as file:
            about = json.loads((file.metadata() or {}).get("dgm_tutor", "{}"))
            stored = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a dict)
    except SafetensorError as error:
        raise ValueError(f"{path} is no safetensors file ({error}): save models with models.save") from error
    if "model" not in about:
        raise ValueError(f"{path} holds weights without a model's name: save models with models.save")
    settings = {key: tuple(v) if isinstance(v, list) else v for key, v in about["settings"].items()}
    model = create(about["model"], **settings)
    model.load_state_dict({key: value.float() if value.is_floating_point() else value for key, value in stored.items()})
    return model.eval()


def notes(path: str | Path) -> dict:
    """What was written beside the weights: metrics, the command that trained them, versions."""
    with safe_open(_find(path), framework="pt") as file:
        return json.loads(file.metadata()["dgm_tutor"])["notes"]


def shipped() -> list[str]:
    """Names of the weights that come with the package, such as "10_beta_vae/conditional"."""
    return sorted(str(p.relative_to(WEIGHTS).with_suffix("").as_posix()) for p in WEIGHTS.glob("[0-9]*/*.safetensors"))


def _find(path: str | Path) -> Path:
    inside = WEIGHTS / f"{path}.safetensors"
    for candidate in (Path(path), inside):
        if candidate.is_file():
            return candidate
    raise FileNotFoundError(f"no file {str(path)!r}, and no shipped weights of that name (there are {shipped()})")
