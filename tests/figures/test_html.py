"""Bars, markers and strips: what they say in words, and that their geometry is the numbers'."""

import re

import numpy as np
import pytest

from dgm_tutor.figures import Marker, Picture, bars, figure, marker_over, palette, png, show, strip

TERMS = {"reconstruction": 80.25, "information": -3.5, "prior mismatch": 0.0}


def spans(html: str) -> list[tuple[float, float]]:
    return [(float(a), float(b)) for a, b in re.findall(r"left:([\d.]+)%;width:([\d.]+)%", html)]


def test_bars_are_a_table_with_every_number_in_text():
    shown = bars(TERMS, "nats", caption="terms of the loss", scale=(-100, 100), total="loss")
    assert shown.html.count('<th scope="row"') == 4 and "<caption" in shown.html
    for number in ("80.25 nats", "\N{MINUS SIGN}3.50 nats", "0.00 nats", "76.75 nats"):
        assert number in shown.html and number in shown.text


def test_bars_start_at_zero_and_end_at_their_value_on_the_scale_given():
    shown = bars({"up": 50.0, "down": -25.0}, "nats", caption="c", scale=(-50, 150))
    assert spans(shown.html) == [(25.0, 25.0), (12.5, 12.5)]


def test_a_bar_beyond_the_scale_stops_there_and_says_so():
    inside, outside = (bars({"a": v}, "nats", caption="c", scale=(0, 10)).html for v in (10.0, 999.0))
    assert spans(inside) == spans(outside) == [(0.0, 100.0)]
    assert "999.00" in outside and "▸" in outside and "▸" not in inside


@pytest.mark.parametrize("scale", [(1, 2), (-2, -1), (0, 0)])
def test_a_scale_without_zero_is_refused(scale):
    with pytest.raises(ValueError, match="scale"):
        bars(TERMS, "nats", caption="c", scale=scale)


def test_bars_refuse_nan_and_name_it():
    with pytest.raises(ValueError, match="the term"):
        bars({"fine": 1.0, "the term": float("nan")}, "nats", caption="c", scale=(0, 1))


def test_labels_cannot_break_the_page():
    shown = bars({"<script>": 1.0}, "nats", caption="<b>", scale=(0, 1))
    assert "<script>" not in shown.html and "<b>" not in shown.html


def curve():
    fig, ax = figure()
    ax.plot([0, 10], [0, 10])
    ax.set(xlabel="rate (nats)", ylabel="distortion (nats)")
    return show(fig, "distortion against rate")


def test_a_marker_moves_over_a_plot_that_stays():
    plot = curve()
    one, two = (marker_over(plot, [(x, 5, "here")]) for x in (2.0, 8.0))
    (x1, y1), (x2, y2) = (map(float, re.search(r"translate\(([\d.]+) ([\d.]+)\)", m.html).groups()) for m in (one, two))
    width, height = plot.size
    assert x1 == pytest.approx(plot.place(2, 5)[0] * width, abs=0.1) and x2 > x1 and y1 == y2
    assert one.html.split("<svg")[0] == two.html.split("<svg")[0]
    assert "here at (2, 5)" in one.text and 'role="img" aria-label="here at (2, 5)"' in one.html


def test_with_a_key_labels_stay_in_their_place_while_the_point_moves():
    plot = curve()
    drawn = [marker_over(plot, [(x, 5, "here"), (x, 6, "there")], key=(0.5, 0.25)) for x in (2.0, 8.0)]
    width, height = plot.size
    for over in drawn:
        groups = re.findall(
            r'<g transform="translate\(([\d.]+) ([\d.]+)\)">(.*?)(?=<g transform="translate|</svg)', over.html
        )
        labelled = [(float(x), float(y)) for x, y, inner in groups if "<text" in inner]
        assert labelled == [(0.5 * width, 0.25 * height), (0.5 * width, 0.25 * height + 20)]
        assert len(groups) == 4 and "here at" in over.text
    assert drawn[0].html != drawn[1].html


def test_a_marker_outside_the_plot_stays_on_the_paper():
    x, y = map(
        float,
        re.search(r"translate\(([\d.]+) ([\d.]+)\)", marker_over(curve(), [(1e9, -1e9, "far")]).html).groups(),
    )
    width, height = curve().size
    assert 0 < x < width and 0 < y < height


def test_markers_need_axes_and_a_known_shape():
    with pytest.raises(ValueError, match="axes"):
        marker_over(Picture(png(np.zeros((2, 2), np.uint8)), "black"), [(0, 0, "a")])
    with pytest.raises(ValueError, match="star"):
        marker_over(curve(), [Marker(0, 0, "a", "star")])


def test_a_strip_keeps_every_frame_with_its_words():
    frames = [Picture(png(np.full((4, 4), v, np.uint8)), f"grey level {v}") for v in (0, 128)]
    row = strip(frames, ["beta = 1", "beta = 4"])
    assert row.html.count("<img alt=") == 2 and "beta = 4: grey level 128" in row.text
    with pytest.raises(ValueError, match="caption"):
        strip(frames, ["one"])


def luminance(code: str) -> float:
    rgb = [int(code[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in rgb)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def test_ink_is_readable_and_no_two_lines_look_alike():
    assert (luminance(palette.PAPER) + 0.05) / (luminance(palette.INK) + 0.05) > 7
    lines = palette.RC["axes.prop_cycle"].by_key()
    assert len(set(lines["color"])) == len(lines["color"]) == len(set(map(str, lines["linestyle"])))


def test_an_unknown_colour_is_answered_with_the_known_ones():
    with pytest.raises(ValueError, match="vermilion"):
        palette.colour("mauve")
