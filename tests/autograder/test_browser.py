"""Formgrader and the Validate button, opened in a real browser on a course with sealed grading."""

import json

import pytest
from dgm_autograder import audit
from nbgrader.api import Gradebook
from playwright.sync_api import expect, sync_playwright

from tests.browser.notebook import launch
from tests.browser.server import serve

from .course import NAME, ROOT, Course, answered, banked

pytestmark = pytest.mark.browser
STUDENT = "reader"


@pytest.fixture(scope="module")
def course(tmp_path_factory) -> Course:
    """One submission, not yet graded: a slip in the loss, the first line right."""
    course = Course(tmp_path_factory.mktemp("browser") / "course")
    course.nbgrader("generate_assignment", NAME)
    answers = {"loss": banked("wrong", "loss_z_detached"), "price": banked("right", "price_with_zeros")}
    folder = course.folder / "submitted" / STUDENT / NAME
    folder.mkdir(parents=True)
    (folder / f"{NAME}.ipynb").write_text(json.dumps(answered(course.release(), answers)))
    return course


@pytest.fixture(scope="module")
def page(course, tmp_path_factory, chromium_path):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT / "autograder"))
        patch.setenv("OMP_NUM_THREADS", "1")
        with serve(course.folder, tmp_path_factory.mktemp("server")) as server, sync_playwright() as playwright:
            browser = launch(playwright, chromium_path)
            page = browser.new_page()
            page.set_default_timeout(60_000)
            page.server = server
            page.goto(f"{server.url}/lab?token={server.token}")  # Formgrader's own requests carry only the cookie
            yield page
            browser.close()


def open_(page, path: str) -> None:
    page.goto(f"{page.server.url}/{path}")


def test_formgrader_grades_and_shows_the_verdict(course, page):
    open_(page, f"formgrader/manage_submissions/{NAME}")
    page.locator("a:has(.glyphicon-flash)").click()
    expect(page.locator("#success-modal, #error-modal").filter(visible=True)).to_contain_text(
        "Successfully autograded", timeout=180_000
    )
    assert course.marks(STUDENT)["price"] == 2 and course.marks(STUDENT)["loss"] == 0
    with Gradebook(f"sqlite:///{course.folder / 'gradebook.db'}") as gradebook:
        submission = gradebook.find_submission_notebook(NAME, NAME, STUDENT).id
    open_(page, f"formgrader/submissions/{submission}/")
    expect(page.locator("body")).to_contain_text("z cut from the graph")
    expect(page.locator("body")).to_contain_text("0 of 4 points")
    box = page.locator("input.score#price")
    expect(box).to_have_attribute("placeholder", "2")
    box.fill("1.5")
    with page.expect_response(lambda response: "/formgrader/api/grade/" in response.url and response.ok):
        box.press("Tab")
    with Gradebook(f"sqlite:///{course.folder / 'gradebook.db'}") as gradebook:
        typed = [row for row in audit.changes(gradebook, NAME, STUDENT) if row["field"] == "manual_score"]
    assert [(row["question"], row["new"]) for row in typed] == [("price", 1.5)]
    assert typed[0]["source"] == "jupyterlab" and typed[0]["who"]


def test_validate_says_what_is_not_right(course, page):
    page.goto(page.server.address(f"release/{NAME}/{NAME}.ipynb"))
    page.get_by_role("button", name="Validate").click()
    dialog = page.locator(".jp-Dialog").filter(has_text="Validation")
    expect(dialog).to_contain_text("Not written yet", timeout=180_000)
