"""Training: one plain loop that plays every game, resumable to the bit, and sweeps of many models at once."""

from dgm_tutor.training.fit import Diverged, fit
from dgm_tutor.training.history import History
from dgm_tutor.training.sweep import Ensemble, sweep

__all__ = ["Diverged", "Ensemble", "History", "fit", "sweep"]
