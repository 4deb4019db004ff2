"""A notebook open in a real browser: run it, move its sliders by hand, look at what is drawn."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, Playwright

from .server import Server

SCRIPT = (Path(__file__).parent / "page.js").read_text(encoding="utf-8")
READY = """() => { const w = window.jupyterapp?.shell?.currentWidget;
    return w?.context?.isReady && w.sessionContext?.session?.kernel?.status === 'idle'; }"""
QUIET = 200  # milliseconds without a message or a new picture after which a move is over
ANSWER = 1_500  # milliseconds of rest after which a move that changed no picture is taken to change none


@dataclass(frozen=True)
class Slider:
    index: int
    label: str
    area: int  # number of the output area it stands in
    off: bool  # disabled


@dataclass(frozen=True)
class Move:
    """What was seen while something moved. ``milliseconds``: DOM input to changed picture; None = none changed."""

    frames: int
    blank: int
    changes: int
    milliseconds: float | None


def launch(playwright: Playwright, chromium: str) -> Browser:
    """The system's Chromium, with its sandbox unless we are root, who has none to give."""
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    args = ["--disable-gpu", "--disable-dev-shm-usage", "--disable-background-timer-throttling"]
    return playwright.chromium.launch(executable_path=chromium, args=args, chromium_sandbox=not is_root)


@contextlib.contextmanager
def open_notebook(browser: Browser, server: Server, path: str) -> Iterator["Notebook"]:
    """Open a notebook (path under the server's root) with a kernel of its own; nothing is run yet."""
    context = browser.new_context(viewport={"width": 1400, "height": 1000}, reduced_motion="reduce")
    page = context.new_page()
    notebook = Notebook(page, listen(page, server))
    try:
        page.goto(server.address(path), wait_until="domcontentloaded")
        page.wait_for_function(READY, timeout=90_000)
        page.evaluate(SCRIPT)
        page.evaluate("dgm.listen()")
        if server.app == "lab":
            page.evaluate("window.jupyterapp.shell.collapseLeft()")
        yield notebook
    finally:
        with contextlib.suppress(Exception):  # a page that never came up has no session to end
            page.evaluate("dgm.panel().sessionContext.shutdown()")
        context.close()


def listen(page: Page, server: Server) -> list[str]:
    """A list that fills with all that should not happen: errors in the console, requests that fail or go outside."""
    found: list[str] = []
    here = (server.url, server.url.replace("http", "ws"), "data:", "blob:", "about:")

    def outside(url: str) -> None:
        if not url.startswith(here):
            found.append(f"request to an outside host: {url[:200]}")

    page.on("console", lambda m: m.type == "error" and found.append(f"console: {m.text[:500]}"))
    page.on("pageerror", lambda e: found.append(f"uncaught: {e}"))
    page.on("response", lambda r: r.status >= 400 and found.append(f"HTTP {r.status}: {r.url.split('?')[0]}"))
    page.on("request", lambda r: outside(r.url))
    page.on("websocket", lambda w: outside(w.url))
    return found


class Notebook:
    """``console`` is the list that ``listen`` fills."""

    def __init__(self, page: Page, console: list[str]):
        self.page, self.console = page, console

    def js(self, expression: str, *arguments):
        """Call a function of page.js."""
        return self.page.evaluate(f"(arguments) => {expression}(...arguments)", list(arguments))

    def run_all(self, seconds: float = 300) -> None:
        """Run every cell and wait for the kernel to rest. ``TimeoutError`` of playwright after ``seconds``."""
        self.js("dgm.run")
        self.page.wait_for_function("() => dgm.ran && dgm.idle()", timeout=seconds * 1000)
        self.settle()

    def settle(self) -> None:
        self.js("dgm.settled", QUIET, 30_000)

    def sliders(self) -> list[Slider]:
        return [Slider(**found) for found in self.js("dgm.mark")]

    def handle(self, slider: Slider):
        return self.page.locator(f"[data-dgm-slider='{slider.index}']")

    def value(self, slider: Slider) -> float:
        return self.js("dgm.range", slider.index)["value"]

    @contextlib.contextmanager
    def watching(self, quiet: int = QUIET) -> Iterator[list[Move]]:
        """``with notebook.watching() as seen: <move>``; afterwards ``seen[0]`` tells what the pictures did."""
        seen: list[Move] = []
        self.js("dgm.watch")
        yield seen
        seen.append(Move(**self.js("dgm.seen", quiet, ANSWER)))

    def key(self, slider: Slider) -> str:
        """The arrow key that has more way to go."""
        at = self.js("dgm.range", slider.index)
        return "ArrowRight" if at["high"] - at["value"] >= at["value"] - at["low"] else "ArrowLeft"

    def press(self, slider: Slider, key: str, times: int = 1) -> Move:
        self.handle(slider).focus()
        with self.watching() as seen:
            for _ in range(times):
                self.page.keyboard.press(key)
        return seen[0]

    def drag(self, slider: Slider, steps: int = 30) -> Move:
        """Take the handle with the mouse to the far side of the track and let go."""
        with self.held(slider) as (x, y, far), self.watching() as seen:
            for step in range(1, steps + 1):
                self.page.mouse.move(x + (far - x) * step / steps, y)
                self.page.wait_for_timeout(25)
        return seen[0]

    @contextlib.contextmanager
    def held(self, slider: Slider) -> Iterator[tuple[float, float, float]]:
        """Mouse down on the handle; gives where it is (x, y) and the x of the track's far side."""
        handle = self.handle(slider)
        handle.scroll_into_view_if_needed()
        track, at = self.js("dgm.track", slider.index), self.js("dgm.range", slider.index)
        share = (at["value"] - at["low"]) / ((at["high"] - at["low"]) or 1)
        box, ipywidget = handle.bounding_box(), handle.get_attribute("type") != "range"
        x = box["x"] + box["width"] / 2 if ipywidget else track["x"] + 8 + share * (track["width"] - 16)
        y = track["y"] + track["height"] / 2
        far = track["x"] + track["width"] * (0.9 if share < 0.5 else 0.1)
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        try:
            yield x, y, far
        finally:
            self.page.mouse.up()

    def area(self, slider: Slider):
        """The output area in which a slider stands."""
        return self.page.locator(".jp-NotebookPanel:visible .jp-Cell-outputArea").nth(slider.area)

    def controls(self) -> list[tuple[str, str]]:
        """(role, accessible name) of every visible control in the outputs, as a screen reader is told."""
        selector = ".jp-OutputArea-output :is(button, input, select, textarea, summary, a[href], [role=slider])"
        session = self.page.context.new_cdp_session(self.page)
        found = []
        for node in self.page.query_selector_all(selector):
            if not node.is_visible():
                continue
            node.evaluate("node => { window.dgm.asked = node; }")
            handle = session.send("Runtime.evaluate", {"expression": "dgm.asked"})["result"]["objectId"]
            query = {"objectId": handle, "fetchRelatives": False}
            told = session.send("Accessibility.getPartialAXTree", query)["nodes"][0]
            found.append((told.get("role", {}).get("value", ""), told.get("name", {}).get("value", "")))
        session.detach()
        return found

    def screenshot(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=path)
