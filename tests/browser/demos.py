"""Small pages that prove the rules: one that keeps them all, and one that breaks each of them once."""

GOOD = """# %% A decoder you can slide [markdown]
# # A decoder you can slide

# %% Set up
import torch
from ipywidgets import HTML, Button, FloatLogSlider, HBox, VBox

from dgm_tutor import figures
from dgm_tutor.widgets import Live, View, accessible, announce

accessible()

# %% Model
generator = torch.Generator().manual_seed(0)
weight, z = torch.randn(9, 784, generator=generator), torch.randn(16, 8, generator=generator)
fig, ax = figures.figure(4, 3)
ax.plot([0.1, 10], [2.303, -2.303])
ax.set(xscale="log", xlabel="beta", ylabel="logit (nats)")
curve = figures.show(fig, "The logit falls as beta grows.")

# %% Pictures
def compute(beta):
    level = -torch.tensor(beta).log()
    x = torch.sigmoid(torch.cat([z, level.expand(16, 1)], 1) @ weight).view(16, 28, 28)
    grid = figures.Picture(figures.png(figures.tile(x, 4)), f"Sixteen patterns at beta {beta:.2f}", 300)
    terms = figures.bars({"logit": level}, "nats", caption="Terms", scale=(-3, 3), total="all")
    point = figures.marker_over(curve, [(beta, level, "here")])
    return {"grid": grid, "terms": terms, "point": point, "words": f"beta is {beta:.2f}"}

# %% Slide [markdown]
# ## Slide

# %% The slider
beta = FloatLogSlider(value=1, base=10, min=-1, max=1, step=0.02, description="beta")
views = {name: HTML() for name in ("grid", "terms", "point")} | {"words": announce(HTML())}
live = Live(compute, {"beta": beta}, views)
reset = Button(description="Reset")
reset.on_click(lambda _: live.reset())
View(VBox([HBox([beta, reset]), *views.values()]), compute(1.0)["grid"])
"""

BROKEN = '''# %% A page that breaks every rule [markdown]
# # A page that breaks every rule
#
# ### A level too deep

# %% Set up
import time

import anywidget
import torch
import traitlets
from ipywidgets import HTML, Button, FloatSlider, HBox
from IPython.display import HTML as Shown
from IPython.display import display

from dgm_tutor import figures
from dgm_tutor.widgets import Live


def grey(level):
    return figures.Picture(figures.png(figures.tile(torch.full((1, 8, 8), level))), f"grey {level}", 80)


def slide(name, compute, reset=True):
    slider, view, button = FloatSlider(max=1, description=name), HTML(), Button(description=f"Reset {name}")
    live = Live(compute, {"level": slider}, {"picture": view})
    button.on_click(lambda _: live.reset())
    return HBox([slider, view, button] if reset else [slider, view])

# %% A callback that raises
def raises(level):
    if level:
        raise RuntimeError("the decoder fell over")
    return {"picture": grey(level)}


slide("raises", raises)

# %% A callback that raises outside of Live
bare = FloatSlider(max=1, description="bare")
bare.observe(lambda change: {}["nowhere"], "value")
bare

# %% A slider that changes nothing
slide("idle", lambda level: {"picture": grey(0.5)})

# %% No way back
slide("one way", lambda level: {"picture": grey(level)}, reset=False)

# %% A way back to somewhere else
count = iter(range(100_000))
slide("noisy", lambda level: {"picture": grey(next(count) % 256 / 255)})

# %% A picture that blinks
def blinks(change):
    shown.value = ""
    time.sleep(0.1)
    shown.value = grey(change.new).html


blink, shown = FloatSlider(max=1, description="blinks"), HTML(grey(0.0).html)
blink.observe(blinks, "value")
HBox([blink, shown])

# %% A slider that keys cannot move
class Dead(anywidget.AnyWidget):
    level = traitlets.Float(0.0).tag(sync=True)
    _esm = """export default { render({ model, el }) {
      el.innerHTML = '<input type="range" aria-label="dead keys" min="0" max="1" step="0.01" value="0">';
      el.firstChild.addEventListener("keydown", (event) => event.preventDefault());
      el.firstChild.addEventListener("input", (event) => {
        model.set("level", +event.target.value); model.save_changes(); });
    } };"""


dead, dark = Dead(), HTML(grey(0.0).html)
dead.observe(lambda change: setattr(dark, "value", grey(change.new).html), "level")
display(dead, dark)

# %% Pictures without words
Shown(grey(0.5).html.replace('alt="grey 0.5"', ""))

# %% Words too pale, and a request to the outside
Shown('<p style="color:#aaa;background:#fff">pale words</p><img alt="x" src="http://192.0.2.1/x.png">')
'''
