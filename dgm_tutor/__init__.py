"""dgm_tutor: deep generative models as components x objective, played as a game.

The package follows the lecture's thesis. *Components* are conditional distributions, an *objective* is a weighted
sum of named terms over the joints p(x, z) and q(x, z), and the *players* are whoever minimises one. See
``dgm_tutor.models`` for the recipes and ``dgm_tutor.exact`` for the finite worlds that check every formula.
"""

__version__ = "0.1.0"
