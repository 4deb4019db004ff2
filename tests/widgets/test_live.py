"""Live pictures: a pure function of the controls, the newest state only, errors in sight."""

import json

import ipywidgets
import pytest
from jupyter_client.manager import start_new_kernel

from dgm_tutor.figures import Picture, png, tile
from dgm_tutor.widgets import Live, View, announce


@pytest.fixture
def parts():
    slider, shown = ipywidgets.FloatSlider(value=1.0, min=0.0, max=9.0), ipywidgets.HTML()

    def compute(beta):
        if beta == 3.0:
            raise RuntimeError("the decoder <fell> over")
        return {"picture": f"<p>{beta}</p>"}

    return slider, shown, Live(compute, {"beta": slider}, {"picture": shown})


def test_moves_draw_and_reset_restores_exactly(parts):
    slider, shown, live = parts
    first = shown.value
    slider.value = 2.0
    assert shown.value == "<p>2.0</p>" and live.state == {"beta": 2.0}
    live.reset()
    assert shown.value == first and slider.value == 1.0


def test_an_exception_is_shown_above_the_last_good_picture_and_goes_when_it_is_over(parts):
    slider, shown, _ = parts
    slider.value = 2.0
    slider.value = 3.0
    assert 'role="alert"' in shown.value and "the decoder &lt;fell&gt; over" in shown.value
    assert "beta = 3.0" in shown.value and shown.value.endswith("<p>2.0</p>")
    slider.value = 4.0
    assert shown.value == "<p>4.0</p>"


def test_the_first_drawing_raises_where_it_is_written():
    with pytest.raises(ZeroDivisionError):
        Live(lambda x: 1 / 0, {"x": ipywidgets.IntSlider()}, {"p": ipywidgets.HTML()})


def test_names_are_checked(parts):
    with pytest.raises(ValueError, match="gamma"):
        parts[2].set(gamma=1.0)
    with pytest.raises(ValueError, match="curve"):
        Live(lambda x: {}, {"x": ipywidgets.IntSlider()}, {"curve": ipywidgets.HTML()})


def test_pictures_may_be_given_as_objects():
    picture, shown = Picture(png(tile([[[0.5]]])), "one grey pixel"), ipywidgets.HTML()
    Live(lambda x: {"p": picture}, {"x": ipywidgets.IntSlider()}, {"p": shown})
    assert shown.value == picture.html


def test_a_view_brings_the_widget_and_its_still():
    picture = Picture(png(tile([[[0.5]]])), "one grey pixel")
    data, about = View(announce(ipywidgets.HTML("live")), picture)._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    assert data["text/html"] == picture.html and data["text/plain"] == about["image/png"]["alt"] == picture.alt


SLOW = """
import time, ipywidgets
from dgm_tutor.widgets import Live
drawn = []
def compute(beta):
    drawn.append(beta)
    time.sleep(0.05)
    return {"p": str(beta)}
slider, shown = ipywidgets.FloatSlider(min=0, max=99), ipywidgets.HTML()
live = Live(compute, {"beta": slider}, {"p": shown})
print(slider.comm.comm_id)
"""


def test_a_kernel_flooded_with_moves_draws_the_newest_and_drops_the_rest():
    manager, client = start_new_kernel(kernel_name="python3")
    try:
        comm = printed(client, SLOW)
        for value in range(1, 41):
            state = {"method": "update", "state": {"value": float(value)}, "buffer_paths": []}
            client.shell_channel.send(client.session.msg("comm_msg", {"comm_id": comm, "data": state}))
        # a cell is a message too: it waits its turn behind the moves and leaves the loop free to draw
        printed(client, "import asyncio; await asyncio.sleep(0.3)")
        drawn, shown = json.loads(printed(client, "import json; print(json.dumps([drawn, shown.value]))"))
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    assert drawn[-1] == 40.0 and shown == "40.0"
    assert len(drawn) < 10, f"{len(drawn)} of 41 states were drawn: they queue"


def printed(client, code: str) -> str:
    texts = []

    def hook(message):
        assert message["msg_type"] != "error", message["content"]["evalue"]
        if message["msg_type"] == "stream":
            texts.append(message["content"]["text"])

    client.execute_interactive(code, timeout=60, output_hook=hook)
    return "".join(texts).strip()
