"""What is shown of a submission, in a browser or a terminal, does nothing and fetches nothing."""

import re
from types import SimpleNamespace

import pytest
from dgm_autograder import clean
from dgm_autograder.logs import PlainLog
from nbconvert.filters import markdown2html
from nbformat.v4 import new_code_cell, new_notebook, new_output


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("<b>bold</b><script>evil()</script>", "<b>bold</b>evil()"),
        ('<p onclick="evil()">x</p>', "<p>x</p>"),
        ('<img src="http://evil.example/x.png" alt="x">', '<img alt="x">'),
        ('<img src="data:image/png;base64,AAAA">', '<img src="data:image/png;base64,AAAA">'),
        ('<img src="data:text/html;base64,AAAA">', "<img >"),
        ('<p style="background: url(http://evil); color: red">x</p>', '<p style="color: red;">x</p>'),
        ('<a href="javascript:evil()">x</a><iframe src="x"></iframe>', "x"),
        ("<table><tr><td>1 &lt; 2</td></tr></table>", "<table><tbody><tr><td>1 &lt; 2</td></tr></tbody></table>"),
    ],
)
def test_html_keeps_its_form_and_loses_its_teeth(given, kept):
    assert clean.html(given) in (kept, kept.replace("<tbody>", "").replace("</tbody>", ""))


def test_markdown_keeps_its_mathematics():
    assert clean.markdown("if $a < b$ and **c** [d](http://x)") == "if $a < b$ and **c** [d](http://x)"
    assert clean.markdown("<script>x</script>") == "&lt;script>x&lt;/script>"
    assert (
        clean.markdown("![a](http://x) ![b](attachment:b.png) ![c][d]", ["b.png"])
        == "[a](http://x) ![b](attachment:b.png) [c][d]"
    )


def test_a_picture_that_is_not_attached_is_a_link_and_breaks_no_page():
    given = "![a](attachment:b.png) ![a](attachment:c.png) ![a ![b](attachment:b.png)](attachment:c.png) ![d](e.png)"
    kept = "![a](attachment:b.png) [a](attachment:c.png) [a ![b](attachment:b.png)](attachment:c.png) "
    assert clean.markdown(given, ["b.png"]) == kept + "[d](#e.png)"
    assert clean.locked(given, ["b.png"]) == kept.replace("[a ![b]", "![a ![b]") + "![d](e.png)"


def cleaned(*cells):
    return clean.CleanOutput().preprocess(new_notebook(cells=list(cells)), {})[0].cells


def test_what_takes_long_to_show_is_cut():
    """Each of these would keep a page's maker for minutes or hours."""
    short = "x = 1\n\ny = '" + " " * 50 + "'"
    many = [new_code_cell("a." * 100_000) for _ in range(12)]
    blank, kept, *rest = cleaned(new_code_cell("x" + "\n " * 9_000 + "y"), new_code_cell(short), *many)
    assert kept.source == short and len(blank.source) == 102
    assert max(len(cell.source) for cell in rest) < 1.01 * clean.MAX_CELL and "more characters" in rest[0].source
    assert sum(len(cell.source) for cell in rest) < 1.01 * clean.MAX_CELLS


def test_instructors_cells_are_shown_whole():
    data = {"locked": True, "solution": False, "grade": False, "grade_id": "x"}
    assert len(cleaned(new_code_cell("x" * 50_000, metadata={"nbgrader": data}))[0].source) == 50_000


def test_escape_codes_stay_where_they_are_few():
    few, many = "\x1b[1mbold\x1b[0m", "\x1b[1m" * 6_000 + "bold\x1b"
    assert clean.uncoded([few, few]) == [few, few] and clean.uncoded([few, many]) == ["bold", "bold"]
    stream, result = new_output("stream", name="stdout", text=many), new_output("execute_result", {"text/plain": many})
    error = new_output("error", ename="E", evalue="", traceback=[many, "x"])
    outputs = cleaned(new_code_cell("1", outputs=[stream, result, error]))[0].outputs
    assert [outputs[0].text, outputs[1].data["text/plain"], *outputs[2].traceback] == ["bold", "bold", "bold", "x"]


def test_html_of_very_many_tags_is_left_to_its_plain_text():
    table = "<table>" + ("<tr>" + "<td>1</td>" * 20 + "</tr>") * 60 + "</table>"
    for given, stays in ((table, True), ("<div>" * 7_000, False), ("<p style='color:" + "(" * 5_000 + "'>", False)):
        assert ("text/html" in clean.data({"text/html": given, "text/plain": "x"})) is stays
    outputs = [new_output("display_data", {"text/html": "<p>x</p>" * 2_500}) for _ in range(14)]
    shown = cleaned(new_code_cell("1", outputs=outputs))[0].outputs
    assert 1 < sum("text/html" in output.data for output in shown) < 14


def test_tags_left_open_are_not_opened_again_in_every_paragraph():
    given = "<p>" + "".join(f"<b title={i}>" for i in range(200)) + "</p><p>x" * 200
    assert clean.html(given).count("<b") == 200
    assert clean.html("<p><b>x</b> y</p>") == "<p><b>x</b> y</p>"


def test_a_comment_in_feedback_shows_what_it_quotes():
    data = {"grade": True, "solution": True, "grade_id": "x", "comment": "See **this**: '<meta http-equiv=refresh>'"}
    notebook = new_notebook(cells=[new_code_cell("1", metadata={"nbgrader": data}), new_code_cell("2")])
    said = clean.CleanComments().preprocess(notebook, {})[0].cells[0].metadata.nbgrader.comment
    assert markdown2html(said).strip() == "<p>See <strong>this</strong>: '&lt;meta http-equiv=refresh&gt;'</p>"


@pytest.mark.parametrize(
    "target",
    ["javascript:x", " JavaScript:x", "java&#115;cript:x", "\njavascript:x", "\x01javascript:x", "<javascript:x>"],
)
def test_markdown_links_lead_to_pages_only(target):
    page = markdown2html(clean.markdown(f"[a]({target})\n\n[b][c]\n\n[c]: {target}"))
    assert not re.search(r'href="\s*[^#h]', page), page


def test_of_an_output_plain_text_pictures_and_clean_html_stay():
    given = {"text/plain": ["a", "b"], "image/png": "AAAA\n", "application/javascript": "evil()", "text/latex": "<b>"}
    assert clean.data(given) == {"text/plain": "ab", "image/png": "AAAA\n"}
    assert clean.data({"image/png": 'x" onerror="evil()', "text/plain": "p", "text/html": 7}) == {"text/plain": "p"}


def test_hidden_tests_are_cut_from_feedback_and_from_tracebacks_that_quote_them():
    text = "assert f(2) == 4\n### BEGIN HIDDEN TESTS\nassert f(3) == 9\n### END HIDDEN TESTS"
    error = new_output("error", ename="AssertionError", evalue="no", traceback=["> 3 assert f(3) == 9"])
    test = new_code_cell(text, outputs=[error], metadata={"nbgrader": {"grade": True, "solution": False}})
    own = new_code_cell("### BEGIN HIDDEN TESTS", metadata={"nbgrader": {"solution": True}})
    asked, _ = clean.HideTests(enabled=False)(new_notebook(cells=[test]), {})
    assert asked.cells[0].source == text
    shown, _ = clean.HideTests().preprocess(new_notebook(cells=[test, own]), {})
    assert shown.cells[0].source == "assert f(2) == 4" and shown.cells[1].source == own.source
    assert shown.cells[0].outputs[0].traceback == ["AssertionError: no"]


def test_what_is_logged_is_printable():
    record = SimpleNamespace(getMessage=lambda: "student \x1b[2J\x07 ok\n", msg="", args=())
    assert PlainLog().filter(record) and record.msg == "student \\x1b[2J\\x07 ok\n"
