"""What ipywidgets' sliders lack for keyboard and screen reader, repaired once a page.

A core slider has no accessible name, its number is rounded to a tenth, the log slider speaks its exponent, and Notebook
7 takes the arrow keys away. ``accessible()`` watches the page and sets the attributes that mend this. A page works
without it, too.
"""

import sys

from IPython import get_ipython
from IPython.display import display

ANNOUNCE = "dgm-announce"

REPAIR = """
const set = (node, name, value) => {
  if (value && node.getAttribute(name) !== value) node.setAttribute(name, value);
};
const near = (a, b) => Math.abs(a - b) <= 0.006 + 0.01 * Math.abs(b); // a readout is rounded
// The number as it is shown, with its ends: the slider's own are rounded to a tenth, and on a log scale exponents.
const numbers = (slider, shown) => {
  const track = slider.querySelector('.noUi-target')?.noUiSlider;
  const value = parseFloat(shown?.replace('\u2212', '-'));
  if (!track || Array.isArray(track.get(true))) return {};
  const scale = [(x) => x, (x) => 10 ** x].find((scale) => near(value, scale(+track.get(true))));
  if (!scale) return {};
  const { min, max } = track.options.range;
  const [low, high] = [min, max].map((end) => +scale(+end).toPrecision(6));
  return { 'aria-valuenow': `${value}`, 'aria-valuemin': `${low}`, 'aria-valuemax': `${high}` };
};
const repair = () => {
  for (const slider of document.querySelectorAll('.widget-slider')) {
    const shown = slider.querySelector('.widget-readout')?.textContent;
    for (const handle of slider.querySelectorAll('.noUi-handle')) {
      set(handle, 'data-lm-suppress-shortcuts', 'true');
      set(handle, 'aria-label', slider.querySelector('.widget-label')?.textContent);
      set(handle, 'aria-valuetext', shown);
      for (const [name, number] of Object.entries(numbers(slider, shown))) set(handle, name, number);
    }
  }
  for (const status of document.querySelectorAll('.dgm-announce .widget-html-content'))
    set(status, 'aria-live', 'polite');
};
export default {
  initialize() {
    let due;
    const watch = new MutationObserver(() => {
      clearTimeout(due);
      due = setTimeout(repair, 50);
    });
    const attributeFilter = ['aria-valuenow', 'aria-valuetext'];
    watch.observe(document.body, { subtree: true, childList: true, characterData: true, attributeFilter });
    repair();
    return () => watch.disconnect();
  },
  render() {},
};
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
