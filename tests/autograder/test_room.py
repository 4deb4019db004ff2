"""The room a kernel runs in, and the one question it is asked."""

import contextlib
from pathlib import Path

import pytest
from dgm_autograder import confine, forkserver
from dgm_autograder.kernel import RoomKernelManager, ask, plain_files
from jupyter_core.utils import run_sync

from dgm_tutor.checks import wire
from dgm_tutor.checks.judge import Probe

PROVIDES = ("dgm_tutor.checks",)
SUM = Probe("total", "def total(answer, inputs):\n    return {'total': answer(inputs['a'], inputs['b'])}\n", "")


@contextlib.contextmanager
def room(handed_in: Path, warm: bool = True, forked: bool | None = None):
    """A kernel in its room, forked or started, and its client; `forked` where that is not as it was asked for."""
    manager = RoomKernelManager(PROVIDES, door=forkserver.warm(PROVIDES) if warm else None)
    manager.bring(plain_files(handed_in)[0])
    run_sync(manager._async_start_kernel)()
    client = manager.client()
    client.start_channels()
    try:
        run_sync(client.wait_for_ready)(timeout=60)
        assert isinstance(manager.provisioner.process, forkserver.Forked) == (warm if forked is None else forked)
        yield manager, client
    finally:
        client.stop_channels()
        run_sync(manager._async_shutdown_kernel)(now=True)
        assert manager.provisioner is None or manager.provisioner.room is None


def run(client, code: str) -> str:
    """What a cell prints, or its error."""
    said = []
    run_sync(client.execute_interactive)(code, timeout=60, output_hook=lambda message: said.append(message["content"]))
    return "".join(content.get("text", "") or content.get("evalue", "") for content in said)


@pytest.fixture(scope="module", params=["warm", pytest.param("cold", marks=pytest.mark.slow)])
def kernel(request, tmp_path_factory):
    handed_in = tmp_path_factory.mktemp("handed-in")
    (handed_in / "weights.safetensors").write_bytes(b"12345678")
    (handed_in / "large.bin").write_bytes(bytes(3_000_000))
    (handed_in / "link").symlink_to("/etc/hostname")
    (handed_in / "other.ipynb").write_text("{}")
    with room(handed_in, request.param == "warm") as (manager, client):
        yield manager, client


def question(manager, client, answer="answer", timeout=20.0):
    return run_sync(ask)(manager, client, SUM, answer, wire.dumps({"a": 2, "b": 3.5}), 1, timeout)


def test_a_probe_returns_data(kernel):
    run(kernel[1], "answer = lambda a, b: a + b")
    assert question(*kernel).data == {"total": 5.5}
    assert question(*kernel, answer="nothing_of_that_name").status == "not attempted"


def test_names_that_shadow_builtins_do_no_harm(kernel):
    run(kernel[1], "sum = list = str = exec = eval = globals = None\nanswer = lambda a, b: a - b")
    assert question(*kernel).data == {"total": -1.5}
    run(kernel[1], "del sum, list, str, exec, eval, globals")


@pytest.mark.parametrize(
    "answer",
    ["lambda a, b: float('nan')", "lambda a, b: object()", "lambda a, b: 1 / 0", "lambda a, b: 10 ** 400", "7"],
)
def test_an_answer_that_is_no_data_is_told_so(kernel, answer):
    run(kernel[1], f"answer = {answer}")
    said = question(*kernel)
    assert said.status in ("raised", "refused") and said.message and not said.data


def test_an_answer_that_leaves_or_hangs_is_refused_and_the_kernel_lives(kernel):
    run(kernel[1], "def answer(a, b): raise SystemExit")
    assert question(*kernel).status in ("raised", "refused")
    run(kernel[1], "import time\nanswer = lambda a, b: time.sleep(60)")
    assert "longer than 1 seconds" in question(*kernel, timeout=1.0).message
    run(kernel[1], "answer = lambda a, b: a + b")
    assert question(*kernel).data == {"total": 5.5}


def test_the_room_has_the_files_handed_in_and_nothing_else(kernel):
    listing = run(kernel[1], "import os; print(sorted(f for f in os.listdir('.') if not f.startswith('.')))")
    assert listing.strip() == "['weights.safetensors']"


def test_the_room_has_no_neighbours(kernel, root):
    assert run(kernel[1], f"import os; print(os.path.exists({str(root / 'course')!r}))").strip() == "False"
    assert run(kernel[1], f"print(os.path.exists({str(root / 'autograder' / 'pyproject.toml')!r}))").strip() == "False"
    assert "Network is unreachable" in run(
        kernel[1], "import socket; socket.create_connection(('192.0.2.1', 80), timeout=2)"
    )
    assert int(run(kernel[1], "print(len([p for p in os.listdir('/proc') if p.isdigit()]))")) < 10
    shown = run(kernel[1], "print(os.system('cat /proc/1/environ 2> /dev/null'), sorted(os.environ))")
    assert "PYTEST" not in shown and "HOME" in shown


def test_the_room_has_only_what_the_assignment_provides(kernel):
    assert run(kernel[1], "from dgm_tutor.checks import check; print('there')").strip() == "there"
    for module in ("dgm_tutor.models", "dgm_tutor.objectives", "dgm_tutor.exact", "dgm_autograder.assignment"):
        assert "No module named" in run(kernel[1], f"import {module}")


def test_the_environment_cannot_be_written(kernel):
    said = run(kernel[1], "import torch; open(torch.__file__, 'a')")
    assert "Read-only" in said or "Permission denied" in said


def test_a_dead_kernel_is_an_answer_too(tmp_path):
    with room(tmp_path) as (manager, client):
        run(client, "import os\ndef answer(a, b): os._exit(1)")
        assert "died" in question(manager, client).message


def test_without_bubblewrap_nothing_is_graded(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(RuntimeError, match="install the package `bubblewrap`"):
        confine.command(tmp_path, ["true"])


def test_a_second_copy_of_the_package_is_emptied_too(tmp_path, monkeypatch):
    """A checkout and an installed wheel side by side: hiding one of them would leave the answers in the other."""
    second = tmp_path / "site" / "dgm_tutor"
    second.mkdir(parents=True)
    monkeypatch.syspath_prepend(second.parent)
    arguments = confine.command(tmp_path, ["true"], provides=["dgm_tutor.checks"])
    emptied = [arguments[i + 1] for i, word in enumerate(arguments) if word == "--tmpfs"]
    assert {str(second), str(confine.LIBRARY), str(confine.AUTOGRADER)} <= set(emptied)
    bound = [arguments[i + 2] for i, word in enumerate(arguments) if word == "--ro-bind"]
    assert str(second / "checks") in bound and str(confine.LIBRARY / "checks") in bound
    assert not any("models" in target for target in bound)


def test_trusted_students_need_no_bubblewrap(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    (tmp_path / "data.txt").write_text("7")
    manager = RoomKernelManager(trusted=True)
    files, left = plain_files(tmp_path)
    assert not left
    manager.bring(files)
    run_sync(manager._async_start_kernel)()
    client = manager.client()
    client.start_channels()
    run_sync(client.wait_for_ready)(timeout=60)
    said = run(client, "import os; print(open('data.txt').read(), sorted(os.environ))")
    assert said.startswith("7 [") and "PYTEST" not in said
    client.stop_channels()
    run_sync(manager._async_shutdown_kernel)(now=True)
