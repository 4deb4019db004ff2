"""Fixtures that every room's tests may use."""

from pathlib import Path

import chromium
import pytest


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository's root folder."""
    return Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """The browser to drive. Where there is none: fails, never skips, and says what to install."""
    found = chromium.find()
    if found is None:
        pytest.fail(chromium.MISSING, pytrace=False)
    return found
