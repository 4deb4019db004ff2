"""scripts/setup.py: what it refuses, what it makes, when it does nothing, and where torch comes from."""

import ast
import http.server
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import setup


@pytest.fixture
def project(tmp_path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "pyproject.toml").write_text("[project]\nname = 'dgm-tutor'\n")
    (folder / "constraints.txt").write_text("torch==2.13.0\n")
    return folder


@pytest.fixture
def installs(monkeypatch) -> list[Path]:
    """Set-ups whose slow steps are stood in for: a bare environment, and an installation that only notes itself."""
    done = []

    def run(command, reason):
        subprocess.run([*map(str, command[:-1]), "--without-pip", str(command[-1])], check=True)
        packages = next(Path(command[-1]).glob("[Ll]ib*/**/site-packages"))
        (packages / "pip.py").touch()

    monkeypatch.setattr(setup, "run", run)
    monkeypatch.setattr(setup, "install", lambda venv, root: done.append(venv))
    return done


def test_an_old_python_is_refused_with_its_version_and_what_to_do():
    with pytest.raises(setup.SetupError, match=r"3\.10\.12.*3\.11 or newer(.|\n)*make PYTHON="):
        setup.check_python((3, 10, 12))
    setup.check_python((3, 11, 0))


def test_old_pythons_can_read_the_script_far_enough_to_refuse(root):
    ast.parse((root / "scripts" / "setup.py").read_text(encoding="utf-8"), feature_version=(3, 7))


def test_a_python_without_ensurepip_is_told_the_debian_package(monkeypatch):
    monkeypatch.setattr(setup.importlib.util, "find_spec", lambda name: None if name == "ensurepip" else name)
    with pytest.raises(setup.SetupError, match=r"apt-get install python3\.12-venv"):
        setup.check_python((3, 12, 1))


def test_errors_reach_the_terminal_and_the_exit_code(monkeypatch, capsys):
    monkeypatch.setattr(setup, "set_up", lambda: (_ for _ in ()).throw(setup.SetupError("no space")))
    assert setup.main() == 1
    assert "no space" in capsys.readouterr().err


def test_the_second_run_does_nothing(project, installs):
    venv = project / ".venv"
    setup.set_up(project, venv)
    setup.set_up(project, venv)
    assert installs == [venv]


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
def test_a_change_of_what_is_wanted_installs_again(project, installs, name):
    setup.set_up(project, project / ".venv")
    (project / name).write_text("# another pin\n")
    setup.set_up(project, project / ".venv")
    assert len(installs) == 2


def test_an_interrupted_update_is_not_taken_for_done(project, installs, monkeypatch):
    setup.set_up(project, project / ".venv")
    finished = setup.install
    (project / "constraints.txt").write_text("torch==2.12.0\n")
    monkeypatch.setattr(setup, "install", lambda venv, root: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        setup.set_up(project, project / ".venv")
    (project / "constraints.txt").write_text("torch==2.13.0\n")  # back to what the first run had finished
    monkeypatch.setattr(setup, "install", finished)
    setup.set_up(project, project / ".venv")
    assert len(installs) == 2


def test_a_moved_environment_is_made_again(project, installs):
    setup.set_up(project, project / ".venv")
    moved = project.rename(project.with_name("moved"))
    assert not setup.is_whole(moved / ".venv")
    setup.set_up(moved, moved / ".venv")
    assert setup.is_whole(moved / ".venv")
    assert len(installs) == 2


def test_an_environment_can_be_replaced_by_its_own_python(project, installs, monkeypatch):
    """An activated environment that was moved: the Python that runs the script is the one that goes."""
    setup.set_up(project, project / ".venv")
    moved = project.rename(project.with_name("moved"))
    own = setup.interpreter(moved / ".venv")
    code = "import setup, subprocess; print(setup.base_python())"
    base = subprocess.run(
        [own, "-c", code], cwd=Path(setup.__file__).parent, capture_output=True, text=True, check=True
    )
    assert Path(base.stdout.strip()).exists()
    assert not Path(base.stdout.strip()).is_relative_to(moved)


@pytest.mark.parametrize("lost", ["pyvenv.cfg", "interpreter", "pip"])
def test_a_broken_environment_is_made_again(project, installs, lost):
    venv = project / ".venv"
    setup.set_up(project, venv)
    files = {"pyvenv.cfg": venv / "pyvenv.cfg", "interpreter": setup.interpreter(venv)}
    (files.get(lost) or next(venv.glob("[Ll]ib*/**/pip.py"))).unlink()
    assert not setup.is_whole(venv)
    setup.set_up(project, venv)
    assert setup.is_whole(venv)
    assert len(installs) == 2


def test_torch_is_installed_first_and_everything_under_the_pins(project, monkeypatch):
    commands = []
    monkeypatch.setattr(setup, "run", lambda command, reason: commands.append([str(part) for part in command]))
    monkeypatch.setattr(setup, "torch_source", lambda: (["--extra-index-url", "https://cpu"], "CPU"))
    setup.install(project / ".venv", project)
    first, second = commands
    assert first[-3:] == ["--extra-index-url", "https://cpu", "torch"]
    assert second[-2:] == ["-e", f"{project}[course,cluster,test]"]
    assert "https://cpu" not in second
    assert all(command[command.index("-c") + 1] == str(project / "constraints.txt") for command in commands)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the autograder runs on Linux only")
def test_the_autograder_is_installed_where_it_exists(project):
    before = setup.fingerprint(project)
    (project / "autograder").mkdir()
    (project / "autograder" / "pyproject.toml").write_text("[project]\n")
    assert setup.projects(project)[project / "autograder"] == "[postgres]"
    assert setup.fingerprint(project) != before


@pytest.mark.skipif(os.name == "nt", reason="stands in for nvidia-smi with a shell script")
@pytest.mark.parametrize(
    ("script", "found"),
    [("echo 'GPU 0: NVIDIA H100 (UUID: GPU-1)'", True), ("echo no driver for the GPU; exit 9", False), (None, False)],
)
def test_a_gpu_counts_only_where_the_driver_answers(tmp_path, monkeypatch, script, found):
    monkeypatch.setenv("PATH", str(tmp_path))
    if script:
        tool = tmp_path / "nvidia-smi"
        tool.write_text(f"#!/bin/sh\n{script}\n")
        tool.chmod(0o755)
    assert setup.has_nvidia_gpu() is found


@pytest.mark.parametrize(
    ("platform", "gpu", "reachable", "cpu_index"),
    [
        ("linux", False, True, True),
        ("linux", False, False, False),
        ("linux", True, True, False),
        ("darwin", False, True, False),
        ("win32", False, True, False),
    ],
)
def test_the_cpu_index_is_added_only_where_it_helps(monkeypatch, platform, gpu, reachable, cpu_index):
    monkeypatch.setattr(setup, "has_nvidia_gpu", lambda: gpu)
    monkeypatch.setattr(setup, "answers", lambda url: reachable)
    options, reason = setup.torch_source(platform)
    assert options == (["--extra-index-url", setup.CPU_INDEX] if cpu_index else [])
    if platform == "linux" and not gpu and not reachable:
        assert "several GB" in reason


def test_an_index_that_answers_is_reached():
    class Index(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()

        def log_message(self, *arguments): ...

    with http.server.HTTPServer(("127.0.0.1", 0), Index) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        assert setup.answers(f"http://127.0.0.1:{server.server_port}", seconds=5)
        server.shutdown()


def test_an_index_that_is_silent_or_refuses_is_not_waited_for():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        assert not setup.answers(f"http://127.0.0.1:{port}", seconds=0.2)
    assert not setup.answers(f"http://127.0.0.1:{port}", seconds=5)
