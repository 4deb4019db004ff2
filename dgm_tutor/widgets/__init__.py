"""widgets: what a student slides and reveals.

``Live`` redraws pictures when controls move, ``View`` adds the still picture for places with no kernel,
``accessible`` and ``announce`` serve keyboards and screen readers. Needs the extra ``course`` (ipywidgets).
"""

from dgm_tutor.widgets.accessibility import accessible, announce
from dgm_tutor.widgets.live import Live, View

__all__ = ["Live", "View", "accessible", "announce"]
