"""Objectives: named, weighted sums of terms over the joints p(x, z) and q(x, z), in nats per example.

``distortion + beta * rate`` is beta-VAE's loss, and prints itself as the lecture writes it. beta, lambda and alpha
are weights in such a sum and nowhere else.
"""

from dgm_tutor.objectives.adversarial import Game, adversarial, best_critic
from dgm_tutor.objectives.annealing import annealed
from dgm_tutor.objectives.draw import Draw, ExactDraw, Sample
from dgm_tutor.objectives.free_bits import free_bits
from dgm_tutor.objectives.importance import importance_weighted, log_mean_weight
from dgm_tutor.objectives.information import dimension_kl, info_bound, kl_aggregate, mi_q, total_correlation
from dgm_tutor.objectives.lagrangian import Constraint, Lagrangian
from dgm_tutor.objectives.minibatch import minibatch_stratified, minibatch_weighted
from dgm_tutor.objectives.mmd import mmd, squared_mmd
from dgm_tutor.objectives.objective import Loss, Objective, Player, Term
from dgm_tutor.objectives.terms import distortion, negative_log_likelihood, rate

__all__ = [
    "Constraint",
    "Draw",
    "ExactDraw",
    "Game",
    "Lagrangian",
    "Loss",
    "Objective",
    "Player",
    "Sample",
    "Term",
    "adversarial",
    "annealed",
    "best_critic",
    "dimension_kl",
    "distortion",
    "free_bits",
    "importance_weighted",
    "info_bound",
    "kl_aggregate",
    "log_mean_weight",
    "mi_q",
    "minibatch_stratified",
    "minibatch_weighted",
    "mmd",
    "negative_log_likelihood",
    "rate",
    "squared_mmd",
    "total_correlation",
]
