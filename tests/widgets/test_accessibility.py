"""The repair of the sliders is shown where it works and keeps quiet elsewhere (what it does: tests/browser)."""

import sys
from types import SimpleNamespace

import pytest

from dgm_tutor.widgets import accessibility


@pytest.fixture
def shown(monkeypatch):
    """What is displayed in a notebook's kernel."""
    found, shell = [], SimpleNamespace(user_ns={})
    monkeypatch.setattr(accessibility, "display", found.append)
    monkeypatch.setattr(accessibility, "get_ipython", lambda: shell)
    return SimpleNamespace(found=found, shell=shell)


def test_it_is_shown_and_leaves_nothing_to_see(shown):
    accessibility.accessible()
    (widget,) = shown.found
    data, _ = widget._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data and data["text/html"] == "" == data["text/plain"]


def test_it_keeps_quiet_without_anywidget(shown, monkeypatch):
    monkeypatch.setitem(sys.modules, "anywidget", None)
    accessibility.accessible()
    assert not shown.found


def test_it_keeps_quiet_where_custom_widgets_come_from_outside(shown, monkeypatch):
    monkeypatch.setitem(sys.modules, "google.colab", object())
    accessibility.accessible()
    monkeypatch.delitem(sys.modules, "google.colab")
    shown.shell.user_ns["__vsc_ipynb_file__"] = "page.ipynb"
    accessibility.accessible()
    assert not shown.found


def test_it_keeps_quiet_in_plain_python(shown, monkeypatch):
    monkeypatch.setattr(accessibility, "get_ipython", lambda: None)
    accessibility.accessible()
    assert not shown.found
