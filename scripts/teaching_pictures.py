"""Take the pictures of README.md and docs/teaching.md: the beta-VAE page's slider, and a small class graded in a
temporary course, looked at in headless Chromium.

    python scripts/teaching_pictures.py

Every picture shows the real thing. Needs Chromium and bubblewrap; takes a few minutes.
"""

import json
import shutil
import sys
import tempfile
from pathlib import Path

import chromium
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.autograder.course import NAME, Course, answered, banked, solutions  # noqa: E402
from tests.browser.notebook import launch, open_notebook  # noqa: E402
from tests.browser.server import serve  # noqa: E402

PICTURES = ROOT / "docs" / "images"


def slip(name: str) -> str:
    """A banked wrong answer, without the lines that say what is wrong with it."""
    return "\n".join(line for line in banked("wrong", name).splitlines() if not line.startswith("# "))


DIES = "def importance_bound(x, posterior, prior, decoder, samples):\n    import os\n    os._exit(1)"
CLASS = {  # what each got wrong; everything else is the model's answer, and nobody trains
    "ann": {},
    "ben": {"loss": slip("loss_z_detached")},
    "cleo": {"loss": slip("loss_z_detached"), "bound": slip("bound_mean_of_logs")},
    "dan": {"bound": DIES},
    "eva": {"price": slip("price_sign"), "bound": slip("bound_mean_of_logs"), "repair": ""},
    "finn": {"price": "", "split": "", "bound": "", "repair": "", "likelihood": ""},
}


def course(folder: Path) -> Course:
    """The class, graded, with feedback and item analysis."""
    made = Course(folder / "course")
    made.nbgrader("generate_assignment", NAME)
    right = {name: text for name, text in solutions().items() if name != "experiment"}
    for student, slips in CLASS.items():
        place = made.folder / "submitted" / student / NAME
        place.mkdir(parents=True)
        given = {name: text for name, text in (right | slips).items() if text}
        (place / f"{NAME}.ipynb").write_text(json.dumps(answered(made.release(), given)))
    for step in (["grade", NAME], ["feedback", NAME], ["items", NAME, "--output", "items.html"]):
        made.run("-m", "dgm_tutor", "class", *step)
    return made


def save(page: Page, name: str, colours: int | None = 128, **about: object) -> None:
    """A screenshot, in few colours, so that it is small, unless all are wanted."""
    path = PICTURES / f"{name}.png"
    page.screenshot(path=path, **about)
    picture = Image.open(path).convert("RGB")
    picture = picture.quantize(colours, dither=Image.Dither.NONE) if colours else picture
    picture.save(path, optimize=True)
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size // 1000} kB")


def explorer(browser: Browser, folder: Path) -> None:
    """The slider of section 10 as the page shows it when it has run."""
    folder.mkdir()
    shutil.copy(ROOT / "lecture12" / "10_beta_vae.ipynb", folder)
    with serve(folder, folder / "server") as server, open_notebook(browser, server, "10_beta_vae.ipynb") as notebook:
        notebook.run_all()
        slider = notebook.sliders()[-1]
        area = notebook.area(slider)
        area.scroll_into_view_if_needed()
        box = area.bounding_box()
        save(notebook.page, "beta-vae", colours=None, clip=box | {"x": box["x"] + 48, "width": 980})


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = launch(playwright, chromium.find())
        explorer(browser, Path(folder) / "page")
        made = course(Path(folder))
        page = browser.new_page(viewport={"width": 1100, "height": 640})
        page.set_default_timeout(60_000)
        page.goto((made.folder / "items.html").as_uri())
        save(page, "item-analysis", full_page=True)
        page.goto((made.folder / "feedback" / "ben" / NAME / f"{NAME}.html").as_uri())
        page.get_by_text("z cut from the graph").first.evaluate("e => e.scrollIntoView({block: 'center'})")
        save(page, "feedback")
        flagged = json.loads(made.run("-m", "dgm_tutor", "class", "flagged", NAME, "--json"))
        with serve(made.folder, Path(folder) / "server") as server:
            page.goto(f"{server.url}/lab?token={server.token}")  # Formgrader's own requests carry only the cookie
            page.goto(f"{server.url}/{next(row['open'] for row in flagged if row['student'] == 'dan')}")
            page.get_by_text("Flagged for the instructor").first.evaluate("e => e.scrollIntoView({block: 'center'})")
            save(page, "formgrader-flagged")
        browser.close()


if __name__ == "__main__":
    main()
