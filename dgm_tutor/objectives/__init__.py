"""Objectives: named, weighted sums of terms over the joints p(x, z) and q(x, z), in nats per example.

``distortion + beta * rate`` is beta-VAE's loss, and prints itself as the lecture writes it. beta, lambda and alpha
are weights in such a sum and nowhere else.
"""

from dgm_tutor.objectives.annealing import annealed
from dgm_tutor.objectives.draw import Draw, ExactDraw
from dgm_tutor.objectives.free_bits import free_bits
from dgm_tutor.objectives.importance import importance_weighted, log_mean_weight
from dgm_tutor.objectives.objective import Loss, Objective, Player, Term
from dgm_tutor.objectives.terms import distortion, negative_log_likelihood, rate

__all__ = [
    "Draw",
    "ExactDraw",
    "Loss",
    "Objective",
    "Player",
    "Term",
    "annealed",
    "distortion",
    "free_bits",
    "importance_weighted",
    "log_mean_weight",
    "negative_log_likelihood",
    "rate",
]
