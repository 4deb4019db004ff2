"""What ipywidgets' sliders lack for keyboard and screen reader, repaired once a page.

A core slider has no accessible name, the log slider speaks its exponent, and Notebook 7 takes the arrow keys away.
``accessible()`` watches the page and sets the three attributes that mend this. A page works without it, too.
"""

import sys

from IPython import get_ipython
from IPython.display import display

ANNOUNCE = "dgm-announce"

REPAIR = """
const set = (node, name, value) => { if (value && node.getAttribute(name) !== value) node.setAttribute(name,
value); }; const repair = () => { for (const slider of document.querySelectorAll('.widget-slider')) for (const
handle of slider.querySelectorAll('.noUi-handle')) { set(handle, 'data-lm-suppress-shortcuts', 'true');
set(handle, 'aria-label', slider.querySelector('.widget-label')?.textContent); set(handle, 'aria-valuetext',
slider.querySelector('.widget-readout')?.textContent); } for (const status of
document.querySelectorAll('.dgm-announce .widget-html-content')) set(status, 'aria-live', 'polite'); }; export
default { initialize() { let due; const watch = new MutationObserver(() => { clearTimeout(due); due =
setTimeout(repair, 50); }); watch.observe(document.body, {subtree: true, childList: true, characterData:
true}); repair(); return () => watch.disconnect(); }, render() {}, };
"""


def accessible() -> None:
    """Name every slider, speak its readout and let arrow keys reach it. Call once, in a page's first cell.

    Does nothing where anywidget is missing, and in VS Code and Colab, which fetch custom widgets from outside and ask
    the reader before they do.
    """
    shell = get_ipython()
    if shell is None or "__vsc_ipynb_file__" in shell.user_ns or "google.colab" in sys.modules:
        return
    try:
        from anywidget import AnyWidget
    except ImportError:
        return

    class Accessibility(AnyWidget):
        _esm = REPAIR

        def _repr_mimebundle_(self, **kwargs):
            bundle = super()._repr_mimebundle_(**kwargs)
            data, about = bundle if isinstance(bundle, tuple) else (bundle, {})
            return data | {"text/html": "", "text/plain": ""}, about  # nothing to see, also without a kernel

    display(Accessibility())


def announce(widget):
    """Have screen readers speak this ``HTML`` widget's text whenever it changes; returns the widget."""
    widget.add_class(ANNOUNCE)
    return widget
