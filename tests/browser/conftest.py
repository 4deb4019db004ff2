"""One JupyterLab server and one Chromium a session; every test opens its notebook with a kernel of its own."""

import contextlib
import shutil

import pages
import pytest
from nbformat import write
from playwright.sync_api import sync_playwright

from . import demos
from .notebook import launch, open_notebook
from .server import ROOT, serve


@pytest.fixture(scope="session")
def served(tmp_path_factory):
    """What the server shows: copies of the course's pages, and the demo pages, of which one cannot be built."""
    folder = tmp_path_factory.mktemp("served")
    for name, source in (("good", demos.GOOD), ("broken", demos.BROKEN)):
        (folder / f"{name}.py").write_text(source)
    pages.build(folder / "good.py")
    write(pages.read(folder / "broken.py"), folder / "broken.ipynb")
    for page in pages.LECTURE.glob("*.ipynb"):
        shutil.copy(page, folder)
    return folder


@pytest.fixture(scope="session")
def lab(served, tmp_path_factory):
    with serve(served, tmp_path_factory.mktemp("lab"), "lab") as server:
        yield server


@pytest.fixture(scope="session")
def notebook7(served, tmp_path_factory):
    with serve(served, tmp_path_factory.mktemp("notebook7"), "notebook") as server:
        yield server


@pytest.fixture(scope="session")
def browser(chromium_path):
    with sync_playwright() as playwright:
        chromium = launch(playwright, chromium_path)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def artifacts():
    """The folder where screenshots are kept."""
    return ROOT / "artifacts" / "browser"


@pytest.fixture(scope="session")
def opened(browser, lab, artifacts):
    """``with opened("10_beta_vae") as notebook: ...`` in JupyterLab; a screenshot is left in the end."""
    return _opener(browser, lab, artifacts)


@pytest.fixture(scope="session")
def opened7(browser, notebook7, artifacts):
    """The same in Notebook 7."""
    return _opener(browser, notebook7, artifacts)


def _opener(browser, server, artifacts):
    @contextlib.contextmanager
    def go(name: str):
        with open_notebook(browser, server, f"{name}.ipynb") as notebook:
            try:
                yield notebook
            finally:
                notebook.screenshot(artifacts / name / f"{server.app}.png")

    return go
