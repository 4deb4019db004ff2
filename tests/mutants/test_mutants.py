"""scripts/mutants.py: a caught slip is killed, an uncaught one survives, a list that does not fit is an error."""

import re

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
    assert capsys.readouterr().out.split("\n")[:2] == ["SURVIVED  slip 0", "killed    slip 1"]
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
