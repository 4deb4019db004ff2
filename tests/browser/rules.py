"""What a live page must do, each rule a function from an open, run notebook to sentences about what breaks it."""

import re
from collections.abc import Iterator
from pathlib import Path

from .notebook import ANSWER, Move, Notebook, Slider

CONTRAST = 4.5  # WCAG 2.2, success criterion 1.4.3
STEPS = 3  # arrow keys pressed: one step of a fine slider may round to the same pixels


def problems(notebook: Notebook, pictures: Path) -> list[str]:
    """All sentences of all rules; screenshots of every slider, before and after, go to the folder ``pictures``."""
    found = []
    for slider in notebook.sliders():
        notebook.area(slider).scroll_into_view_if_needed()
        notebook.screenshot(pictures / f"{slider.index}-before.png")
        found += [f"slider '{slider.label}': {problem}" for problem in slides(notebook, slider, pictures)]
    for rule in (failures, console, names, words_for_pictures, headings, contrast):
        found += rule(notebook)
    return found


def slides(notebook: Notebook, slider: Slider, pictures: Path) -> Iterator[str]:
    """By key and by mouse it moves, a picture follows without a blank frame, and reset brings back every pixel."""
    if slider.off:
        return
    first = notebook.js("dgm.signature")
    before = notebook.value(slider)
    move = notebook.press(slider, notebook.key(slider), STEPS)
    yield from _answered("the arrow keys", notebook.value(slider) != before, move)
    before = notebook.value(slider)
    move = notebook.drag(slider)
    yield from _answered("the mouse", notebook.value(slider) != before, move)
    notebook.screenshot(pictures / f"{slider.index}-moved.png")
    yield from _resets(notebook, slider, first)


def _answered(what: str, moved: bool, move: Move) -> Iterator[str]:
    if not moved:
        yield f"{what} cannot move it"
    elif move.milliseconds is None:
        yield f"moved by {what}, it changes no picture"
    if move.blank:
        yield f"moved by {what}, a picture is missing in {move.blank} of {move.frames} frames"


def _resets(notebook: Notebook, slider: Slider, first: list[str]) -> Iterator[str]:
    reset = notebook.area(slider).get_by_role("button", name=re.compile("reset", re.IGNORECASE))
    if not reset.count():
        yield "no reset button beside it"
        return
    reset.first.click()
    if not notebook.js(RESTORED, first, 2 * ANSWER):
        yield "reset does not bring back the pictures exactly"
    notebook.settle()


RESTORED = "((first, timeout) => dgm.until(() => dgm.signature().join() === first.join(), timeout))"


def failures(notebook: Notebook) -> list[str]:
    """Errors of cells, of callbacks (which no cell shows), and alerts."""
    return [f"failed: {text}" for text in notebook.js("dgm.failures")]


def console(notebook: Notebook) -> list[str]:
    return list(notebook.console)


def names(notebook: Notebook) -> list[str]:
    return [f"a {role} has no accessible name" for role, name in notebook.controls() if not name.strip()]


def words_for_pictures(notebook: Notebook) -> list[str]:
    return [f"a picture has no words: {node}" for node in notebook.js("dgm.nameless")]


def headings(notebook: Notebook) -> Iterator[str]:
    found = notebook.js("dgm.headings")
    if [level for level, _ in found].count(1) != 1 or found[0][0] != 1:
        yield "a page has one heading of level 1, and it comes first"
    for (before, _), (level, text) in zip(found, found[1:], strict=False):
        if level > before + 1:
            yield f"the heading '{text}' of level {level} follows one of level {before}"


def contrast(notebook: Notebook) -> Iterator[str]:
    """In the light theme and, where themes can be changed, in the dark one."""
    for theme in ("JupyterLab Dark", "JupyterLab Light"):
        notebook.js(CHANGE_THEME, theme)
        notebook.page.wait_for_function("name => document.body.dataset.jpThemeName === name", arg=theme)
        notebook.settle()
        yield from (f"too little contrast in {theme}: {text}" for text in notebook.js("dgm.contrast", CONTRAST))


CHANGE_THEME = "(theme => window.jupyterapp.commands.execute('apputils:change-theme', { theme }))"
