"""The two databases that a gradebook may be kept in."""

import pytest


@pytest.fixture(scope="session")
def postgres():
    """A real server. Where PostgreSQL is not installed: fails, never skips, and says what to install."""
    try:
        from .postgres import Server

        server = Server()
    except (FileNotFoundError, ModuleNotFoundError) as error:
        pytest.fail(f"{error} (the driver comes with `make setup`)", pytrace=False)
    yield server
    server.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def db_url(request) -> str:
    """For `SmallCourse`: nothing, which is nbgrader's own file, or an empty database of the server."""
    if request.param == "sqlite":
        return ""
    return request.getfixturevalue("postgres").create()
