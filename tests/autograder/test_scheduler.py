"""A scheduler that cannot be used ends `nbgrader autograde --force` before any older result is given up."""

import socket

import pytest

from ..attacks.course import NAME, POINTS, SmallCourse
from .test_sandbox import wait

pytestmark = pytest.mark.slow
IMPATIENT = "import dgm_tutor.training.cluster\ndgm_tutor.training.cluster.PATIENCE = 3\n"


@pytest.fixture(scope="module")
def graded(tmp_path_factory) -> SmallCourse:
    """One student's marks, and another who is not graded yet."""
    course = SmallCourse(tmp_path_factory.mktemp("scheduler"))
    with open(course.folder / "nbgrader_config.py", "a") as settings:
        settings.write(IMPATIENT)
    course.submit("ann", course.solved())
    course.nbgrader("autograde", NAME)
    course.submit("bob", course.solved())
    return course


@pytest.fixture
def nobody() -> str:
    """An address at which nobody listens: the port is held, and no connection to it is taken."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"tcp://127.0.0.1:{held.getsockname()[1]}"


@pytest.fixture
def idle() -> str:
    """A scheduler without workers."""
    from distributed import LocalCluster

    with LocalCluster(1, threads_per_worker=1, dashboard_address=None) as cluster:
        cluster.scale(0)
        assert wait(lambda: not cluster.scheduler.workers)
        yield cluster.scheduler_address


@pytest.mark.parametrize(
    ("where", "why"),
    [
        ("nobody", "no scheduler answers at {}: start one there with 'dask scheduler'"),
        ("idle", "the scheduler at {} has no workers: start some with 'dask worker {}'"),
    ],
)
def test_a_scheduler_without_use_costs_nobody_a_result(graded, request, where, why):
    address = request.getfixturevalue(where)
    results = graded.folder / "autograded" / "ann" / NAME
    before = {path.name: path.read_bytes() for path in results.iterdir()}
    with pytest.raises(AssertionError) as failed:
        graded.nbgrader("autograde", NAME, "--force", f"--ClassAutograde.scheduler={address}")
    said = str(failed.value)
    assert f"Nobody was graded: {why.replace('{}', address)}" in said
    assert "Graded 0 submissions, of them 0 flagged; 1 were finished; 1 left out" in said
    assert {path.name: path.read_bytes() for path in results.iterdir()} == before
    marks = {student: {name: grade[0] for name, grade in found.items()} for student, found in graded.grades().items()}
    assert marks == {"ann": POINTS}
