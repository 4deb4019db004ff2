"""scripts/mutants.py: a caught slip is killed, an uncaught one survives, a list that does not fit is an error."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from multiprocessing import forkserver
from pathlib import Path

import mutants
import pytest

LIST = """
[[mutant]]
name = "{name}"
file = "dgm_tutor/sum.py"
old = "a + b"
new = "{new}"
tests = ["tests/test_sum.py"]
"""


@pytest.fixture(autouse=True)
def server_of_our_own():
    """A process has one server to fork from, and other tests of this process may have filled it with our modules."""
    forkserver._forkserver._stop()
    yield
    forkserver._forkserver._stop()


@pytest.fixture
def tree(tmp_path):
    """A project of one function with a weak test: 0 + 0 = 0 * 0."""
    for folder in ("dgm_tutor", "tests"):
        (tmp_path / folder).mkdir()
    (tmp_path / "dgm_tutor" / "__init__.py").touch()
    (tmp_path / "dgm_tutor" / "sum.py").write_text("def add(a, b):\n    return a + b\n")
    (tmp_path / "tests" / "test_sum.py").write_text(
        "from dgm_tutor.sum import add\n\ndef test_add():\n    assert add(0, 0) == 0\n"
    )
    (tmp_path / "pyproject.toml").write_text("")

    def written(*slips):
        path = tmp_path / "list.toml"
        path.write_text("".join(LIST.format(name=f"slip {i}", new=new) for i, new in enumerate(slips)))
        return mutants.read(path)

    return tmp_path, written


@pytest.mark.slow
def test_a_caught_slip_is_killed_and_an_uncaught_one_survives(tree, capsys):
    root, written = tree
    alive = mutants.survivors(written("a * b", "a + b + 1"), root)
    assert [m.name for m in alive] == ["slip 0"]
    assert capsys.readouterr().out.split("\n")[1:3] == ["SURVIVED  slip 0", "killed    slip 1"]
    assert "a + b\n" in (root / "dgm_tutor" / "sum.py").read_text()


@pytest.mark.slow
def test_tests_that_fail_anyway_or_do_not_exist_prove_nothing(tree):
    root, written = tree
    slips = written("a * b")
    (root / "tests" / "test_sum.py").write_text("def test_add():\n    assert False\n")
    with pytest.raises(mutants.Unfit, match="without any slip"):
        mutants.survivors(slips, root)
    (root / "tests" / "test_sum.py").unlink()
    with pytest.raises(mutants.Unfit, match="could not run"):
        mutants.survivors(slips, root)


@pytest.mark.slow
def test_a_module_that_the_server_already_holds_is_refused(tree):
    root, written = tree
    slips = written("a + b + 1")
    (root / "scripts").mkdir()
    (root / "scripts" / "numpy.py").touch()  # as if numpy were ours
    with pytest.raises(mutants.Unfit, match="already imported, so a slip there would go unseen: numpy"):
        mutants.survivors(slips, root)


@pytest.mark.slow
def test_a_test_that_breaks_down_or_hangs_is_no_verdict(tree):
    root, written = tree
    test = root / "tests" / "test_sum.py"
    for does, code in (("os._exit(1)", 1), ("os._exit(0)", 0), ("os.abort()", -6)):
        test.write_text(f"import os\n\ndef test_add():\n    {does}\n")
        with pytest.raises(mutants.Unfit, match=f"exit code {code}"):
            mutants.survivors(written("a * b"), root)
    test.write_text("import time\n\ndef test_add():\n    time.sleep(1000)\n")
    assert mutants.passes(root, ["tests/test_sum.py"], 5) is None


@pytest.mark.slow
def test_a_run_that_is_told_to_end_leaves_no_process_and_no_copy(tree):
    root, written = tree
    written("a * b")
    (root / "scripts").mkdir()
    shutil.copy(mutants.__file__, root / "scripts")
    pid, room = root / "pid", Path(tempfile.mkdtemp())  # pytest's own folder is too long for the server's socket
    (root / "tests" / "test_sum.py").write_text(
        "import os, pathlib, time\n\ndef test_add():\n"
        f"    pathlib.Path({str(pid)!r}).write_text(str(os.getpid()))\n    time.sleep(1000)\n"
    )
    command = [sys.executable, root / "scripts" / "mutants.py", root / "list.toml"]
    run = subprocess.Popen(command, env={**os.environ, "TMPDIR": str(room)})
    for _ in range(1200):
        if pid.exists() and pid.read_text():
            break
        time.sleep(0.1)
    run.terminate()
    assert run.wait(60) == 128 + signal.SIGTERM
    room.rmdir()  # refuses, were anything in it
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


@pytest.mark.slow
def test_what_the_interpreter_s_tests_set_up_does_not_reach_the_others(tree):
    root, _ = tree
    apart = root / "tests" / "kernels" / "interpreter"
    apart.mkdir(parents=True)
    (apart / "a.py").write_text('import os\n\nos.environ["DGM_BACKEND"] = "triton"\n\ndef test_a():\n    pass\n')
    (root / "tests" / "test_sum.py").write_text(
        'import os\n\ndef test_add():\n    assert "DGM_BACKEND" not in os.environ\n'
    )
    assert mutants.passes(root, ("tests/test_sum.py", "tests/kernels/interpreter/a.py"), 60) is True


def test_nothing_of_ours_is_preloaded(root):
    ours = {path.stem for folder in (root, root / "autograder", root / "scripts") for path in folder.iterdir()}
    assert not ours & {name.partition(".")[0] for name in mutants.PRELOADED}


def test_the_right_text_must_occur_exactly_once(tree):
    root, written = tree
    (slip,) = written("a * b")
    for text, count in (("return a - b", 0), ("a + b; a + b", 2)):
        (root / "dgm_tutor" / "sum.py").write_text(text)
        with pytest.raises(mutants.Unfit, match=f"occurs {count} times"):
            slip.applied(root)
    with pytest.raises(mutants.Unfit, match="the same"):
        (root / "dgm_tutor" / "sum.py").write_text("a + b")
        written("a + b")[0].applied(root)


def test_an_incomplete_list_is_refused(tmp_path):
    path = tmp_path / "list.toml"
    for text in ("", '[[mutant]]\nname = "x"\n', LIST.format(name="twice", new="1") * 2):
        path.write_text(text)
        with pytest.raises(mutants.Unfit, match=re.escape("list.toml")):
            mutants.read(path)


def test_every_list_fits_the_code(root):
    paths = sorted((root / "tests" / "mutants").glob("*.toml"))
    assert paths
    for mutant in (m for path in paths for m in mutants.read(path)):
        mutant.applied(root)
        for test in mutant.tests:
            file, _, name = test.partition("::")
            assert f"def {name.partition('[')[0]}" in (root / file).read_text(), test
