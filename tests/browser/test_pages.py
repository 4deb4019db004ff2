"""Every page in a real JupyterLab: it runs, its sliders answer, nothing is said in the console."""

import pages
import pytest

from . import rules

pytestmark = pytest.mark.browser

SECTIONS = [source.stem for source in pages.LECTURE.glob("[0-9][0-9]_*.py")]
PAGES = ["good", "kernels", *SECTIONS]
NO_SLIDER = ("00", "02", "04", "05", "12", "kernels")  # pages for which the lecture asks for none

# Notebook 7.6 stumbles over a shortcut setting of its own while it loads, before any page does anything
NOTEBOOKS_OWN = "Cannot read properties of undefined (reading 'schema')"


@pytest.mark.parametrize("name", sorted(PAGES))
def test_the_page_is_alive(opened, artifacts, name):
    with opened(name) as page:
        stills = page.js("dgm.signature")
        assert not rules.failures(page) and not rules.words_for_pictures(page), "as it is opened, not run"
        page.run_all()
        assert not rules.failures(page) and not page.console
        assert page.sliders() or name.startswith(NO_SLIDER), "no slider to move"
        assert stills or not page.sliders(), "without a kernel nothing stands in for the sliders"
        found = rules.problems(page, artifacts / name)
    assert not found, "\n".join(["", *found])


def test_a_page_in_notebook_7(opened7):
    """Its arrow keys are the ones that go missing, and its sliders those without a name."""
    with opened7("good") as page:
        page.run_all()
        sliders = page.sliders()
        assert sliders and not rules.failures(page)
        for slider in sliders:
            before = page.value(slider)
            move = page.press(slider, page.key(slider), rules.STEPS)
            assert page.value(slider) != before, f"'{slider.label}': the arrow keys cannot move it"
            assert move.milliseconds is not None and not move.blank
        assert not rules.names(page)
        assert not [line for line in page.console if NOTEBOOKS_OWN not in line]


def test_the_screen_reader_hears_the_value_of_a_log_slider_not_its_exponent(opened):
    with opened("good") as page:
        page.run_all()
        (slider,) = page.sliders()
        page.press(slider, "ArrowRight", 5)
        text, now, low, high = (
            page.handle(slider).get_attribute(f"aria-value{name}") for name in ("text", "now", "min", "max")
        )
        assert float(text) == pytest.approx(10 ** page.value(slider), rel=0.01)
        assert (float(now), low, high) == (float(text), "0.1", "10")
        assert ("slider", "beta") in page.controls()
        said = page.page.locator(".dgm-announce [aria-live=polite]").inner_text()
        assert said == f"beta is {10 ** page.value(slider):.2f}"


def test_on_a_narrow_screen_no_picture_is_cut_off(opened):
    with opened("good") as page:
        page.run_all()
        page.page.set_viewport_size({"width": 400, "height": 900})
        page.settle()
        cut = page.page.evaluate(CUT_OFF)
    assert cut == []


CUT_OFF = """() => [...dgm.notebook().querySelectorAll(".jp-OutputArea-output :is(img, svg[role=img])")]
    .filter((node) => node.getBoundingClientRect().width > 0)
    .map((node) => [node, node.closest(".jp-OutputArea-output").getBoundingClientRect().right])
    .filter(([node, right]) => node.getBoundingClientRect().right > right + 1)
    .map(([node]) => node.outerHTML.slice(0, 80))"""
