"""Section 10's slider: one network decoded live at any beta from 0.1 to 10, in three linked views."""

import math
from collections.abc import Sequence

import ipywidgets
import torch
from torch import Tensor

from dgm_tutor import evaluation, models
from dgm_tutor.figures import beta_vae, html
from dgm_tutor.figures.html import Html, Marker
from dgm_tutor.widgets.accessibility import announce
from dgm_tutor.widgets.live import Live, View

PRESETS = {  # on the slider's own steps: a preset is exactly what its button says
    0.1: "nearly an autoencoder: z is cheap",
    1.0: "the VAE: the loss is minus the ELBO",
    3.16: "a beta-VAE: z is dear",
    10.0: "little is worth telling",
}
BETAS_ALONE = (0.1, 0.316, 1.0, 3.16, 10.0)


class BetaExplorer:
    """Digits and traversals, the terms of D16, and the point on the rate-distortion curve, all at one beta.

    Every move redraws from the same digits and the same noise; the button draws new noise. What is live: the
    pictures, the bars and the marker, computed on ``x`` at the very beta shown. What is not: the curve and the
    points of separately trained models, computed once when the widget is made.

    Args:
        family: a ``ConditionalBetaVAE`` of 28 x 28 binary images.
        x: the digits p_data is made of here, (n, 784) of 0 and 1; MI_q is at most log n.
        alone: beta -> a model trained for that beta alone, laid over the curve.
    """

    def __init__(self, family: models.ConditionalBetaVAE, x: Tensor, alone: dict[float, models.LatentVariableModel]):
        self.family, self.x = family, x
        self.shown = x[:8]
        grid = [family.low * (family.high / family.low) ** (i / 24) for i in range(25)]
        self.curve = [self._point(family.at(beta), beta) for beta in grid]
        self.alone = [self._point(model, beta) for beta, model in alone.items()]
        self.plot = beta_vae.rate_distortion(self.curve, self.alone)
        self.slider = ipywidgets.FloatLogSlider(
            value=1.0, base=10, min=-1, max=1, step=0.02, readout_format=".2f", description="β",
            tooltip="beta, the weight of the rate, from 0.1 to 10 on a log scale; 1 is the VAE",
            layout=ipywidgets.Layout(width="min(36em, 95%)"),
        )  # fmt: skip
        self.noise = ipywidgets.IntText(value=0)  # the seed of the noise: part of the state, moved by the button
        views = {name: ipywidgets.HTML() for name in ("digits", "terms", "curve")}
        self.words = announce(ipywidgets.HTML())
        self.live = Live(self.pictures, {"beta": self.slider, "noise": self.noise}, {**views, "words": self.words})
        self.widget = ipywidgets.VBox(
            [
                ipywidgets.HBox([self.slider, *self._buttons()], layout=ipywidgets.Layout(flex_flow="row wrap")),
                ipywidgets.HTML(_SCALE),
                self.words,
                ipywidgets.HBox(
                    [
                        ipywidgets.VBox([views["digits"], ipywidgets.HTML(_ROWS)]),
                        ipywidgets.VBox([views["terms"], views["curve"]]),
                    ],
                    layout=ipywidgets.Layout(flex_flow="row wrap"),
                ),
            ]
        )

    def set(self, beta: float) -> None:
        """Move to a beta: what the sentence under the slider can be pasted back as. ValueError outside the family."""
        self.family.at(beta)
        self.live.set(beta=beta)

    @torch.no_grad()
    def pictures(self, beta: float, noise: int) -> dict:
        """Every view at this beta with this noise."""
        beta = min(max(beta, self.family.low), self.family.high)  # 10 ** -1 is not 0.1 to the last bit
        model = self.family.at(beta)
        terms = evaluation.information(model, self.x, seed=noise)
        eps = torch.randn(len(self.shown), 64, generator=torch.Generator().manual_seed(noise))
        rate, distortion = terms.rate.value, terms.distortion.value
        return {
            "digits": beta_vae.digits(model, self.shown, eps[:, : self._z_dim()], beta),
            "terms": beta_vae.d16_bars(terms, beta),
            "curve": html.marker_over(self.plot, [Marker(rate, distortion, f"now: β = {beta:.2f}")], beta_vae.KEY),
            "words": _words(beta, terms, beta_vae.strongest(model, self.shown)),
        }

    def distances(self) -> list[dict[str, float]]:
        """What serving every beta costs: this network's loss less that of the one trained for each beta, nats."""
        return [
            {
                "beta": point["beta"],
                "one network": point["beta"] * here["rate"] + here["distortion"],
                "trained for it": point["beta"] * point["rate"] + point["distortion"],
            }
            for point in self.alone
            for here in [self._point(self.family.at(point["beta"]), point["beta"])]
        ]

    def mi_from_one_to_ten(self) -> tuple[str, str]:
        """What MI_q does between beta 1 and beta 10: in three words, and with its numbers."""
        one, ten = (evaluation.information(self.family.at(beta), self.x, seed=0) for beta in (1.0, 10.0))
        change, error = ten.mi_q.value - one.mi_q.value, math.hypot(ten.mi_q.standard_error, one.mi_q.standard_error)
        verdict = "It stays about the same" if abs(change) < 3 * error else "It rises" if change > 0 else "It falls"
        return verdict, (
            f"MI_q goes from {one.mi_q.value:.2f} to {ten.mi_q.value:.2f} nats. At beta 1 it stood at its ceiling, "
            f"log {len(self.x)} = {one.entropy_data.value:.2f}, so look at the rate as well: "
            f"{one.rate.value:.1f} to {ten.rate.value:.1f} nats."
        )

    def still(self) -> Html:
        """A strip of frames for places with no kernel."""
        frames = [self.pictures(beta, 0)["digits"] for beta in PRESETS]
        captions = [f"β = {beta:g}: {PRESETS[beta]}" for beta in PRESETS]
        return html.strip([*frames, self.plot], [*captions, "the rate-distortion curve"])

    def _repr_mimebundle_(self, include=None, exclude=None):
        return View(self.widget, self.still())._repr_mimebundle_()

    def _point(self, model: models.LatentVariableModel, beta: float) -> dict[str, float]:
        terms = evaluation.information(model, self.x, seed=0)
        return {"beta": beta, "rate": terms.rate.value, "distortion": terms.distortion.value}

    def _z_dim(self) -> int:
        return self.family.prior().event_shape[0]

    def _buttons(self) -> list[ipywidgets.Button]:
        buttons = []
        for beta, meaning in PRESETS.items():
            buttons.append(_button(f"β = {beta:g}", meaning, lambda _, beta=beta: self.set(beta)))
        buttons.append(_button("New noise", "draw z with other noise", self._new_noise))
        buttons.append(_button("Reset", "back to beta = 1 and the first noise", lambda _: self.live.reset()))
        return buttons

    def _new_noise(self, _button) -> None:
        self.noise.value += 1


def _button(label: str, tooltip: str, on_click) -> ipywidgets.Button:
    button = ipywidgets.Button(description=label, tooltip=tooltip, layout=ipywidgets.Layout(width="auto"))
    button.on_click(on_click)
    return button


def _words(beta: float, terms: evaluation.Information, dims: Sequence[int]) -> str:
    loss = beta * terms.rate.value + terms.distortion.value
    return (
        f"<p style='color:#1a1a1a;background:#ffffff;margin:4px 0'><code>explorer.set(beta={beta:.4g})</code>: "
        f"rate {terms.rate.value:.1f}, distortion {terms.distortion.value:.1f}, MI_q {terms.mi_q.value:.2f} "
        f"of at most {terms.entropy_data.value:.2f}, loss {loss:.1f} nats; rows 3 to 5 change dimensions "
        f"{', '.join(str(dim) for dim in dims)} of z.</p>"
    )


_ROWS = (
    "<p style='color:#1a1a1a;background:#ffffff;margin:4px 0;font-size:13px;max-width:34em;line-height:1.4'>"
    "Rows: test digits; their reconstructions; then the first digit with one dimension of z changed from −2 to 2, "
    "for each of the three dimensions that carry most at this β.</p>"
)
_SCALE = (
    "<p style='color:#1a1a1a;background:#ffffff;margin:0;font-size:13px'>log scale: 0.1 (autoencoder-like) … "
    "<b>1 = VAE</b> (middle) … 10 (little is told). Arrow keys move the slider.</p>"
)
