"""The pins agree with each other, cover what is installed on every system, and lie inside the declared ranges."""

import tomllib
from importlib.metadata import PackageNotFoundError, distribution, version

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

SYSTEMS = [("linux", "Linux", "posix"), ("darwin", "Darwin", "posix"), ("win32", "Windows", "nt")]
PYTHONS = ["3.11", "3.12", "3.13"]
TESTED_TOGETHER = {
    "jupyterlab": "4.6.6",
    "notebook": "7.6.5",
    "ipykernel": "6.31.0",
    "ipywidgets": "8.1.8",
    "widgetsnbextension": "4.0.15",
    "jupyterlab-widgets": "3.0.16",
    "anywidget": "0.11.0",
    "matplotlib": "3.11.2",
    "nbgrader": "0.9.6",
    "torch": "2.13.0",
}


def requirements(lines) -> dict[str, Requirement]:
    found = [Requirement(line) for line in lines]
    return {canonicalize_name(r.name): r for r in found}


def pin(requirement: Requirement) -> str:
    (specifier,) = requirement.specifier
    assert specifier.operator == "=="
    return specifier.version


@pytest.fixture(scope="module")
def constraints(root) -> dict[str, Requirement]:
    lines = (root / "constraints.txt").read_text(encoding="utf-8").splitlines()
    lines = [line for line in lines if line and not line.startswith("#")]
    found = requirements(lines)
    assert len(found) == len(lines), "a package is pinned twice"
    return found


@pytest.fixture(scope="module")
def project(root) -> dict:
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_every_constraint_is_an_exact_version(constraints):
    assert all(pin(requirement) for requirement in constraints.values())


def test_the_versions_known_to_work_together_are_the_pinned_ones(constraints):
    assert {name: pin(constraints[name]) for name in TESTED_TOGETHER} == TESTED_TOGETHER


def test_conda_users_get_the_same_versions(root, constraints, project):
    environment = yaml.safe_load((root / "environment.yml").read_text(encoding="utf-8"))
    (pip_part,) = [part["pip"] for part in environment["dependencies"] if isinstance(part, dict)]
    options = [line for line in pip_part if line.startswith("-")]
    pinned = requirements(line for line in pip_part if not line.startswith("-"))
    assert options == ["-c constraints.txt", "-e .[course,cluster,test]"]
    assert {name: pin(r) for name, r in pinned.items()} == {name: pin(constraints[name]) for name in pinned}
    direct = requirements(project["dependencies"] + project["optional-dependencies"]["course"])
    assert set(direct) <= set(pinned)


def test_pins_lie_inside_the_declared_ranges(constraints, project):
    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
    for name, requirement in requirements(project["dependencies"] + extras).items():
        assert requirement.specifier.contains(pin(constraints[name])), requirement


def test_the_torch_pin_takes_the_cpu_and_the_cuda_build(constraints):
    assert constraints["torch"].specifier.contains("2.13.0+cpu")
    assert constraints["torch"].specifier.contains("2.13.0+cu130")
    assert Version("2.13.0+cpu") > Version("2.13.0"), "with both on offer, pip takes the CPU build"


@pytest.mark.parametrize("torch", ["2.4.0", "2.5.1+cu121", "2.6.0+cu124", "2.9.1", "2.13.0+cpu", "2.14.1"])
def test_the_torch_range_admits_hosted_notebooks(project, torch):
    assert requirements(project["dependencies"])["torch"].specifier.contains(torch)


def wanted(extra: str, system: tuple[str, str, str], python: str) -> list[tuple[str, str]]:
    """(distribution, who wants it) for dgm-tutor[extra] and all it pulls in, as installed here, on another system."""
    platform, name, os_name = system
    about = {
        "sys_platform": platform,
        "platform_system": name,
        "os_name": os_name,
        "python_version": python,
        "python_full_version": f"{python}.0",
        "platform_machine": "x86_64",
    }
    seen, todo, found = set(), [("dgm-tutor", frozenset({extra}))], []
    while todo:
        item = todo.pop()
        if item in seen:
            continue
        seen.add(item)
        try:
            lines = distribution(item[0]).requires or []
        except ModuleNotFoundError:  # another system's package: its name is checked, its own needs are unknown here
            continue
        for r in map(Requirement, lines):
            if r.marker is None or any(r.marker.evaluate({**about, "extra": e}) for e in item[1] or {""}):
                found.append((canonicalize_name(r.name), item[0]))
                todo.append((canonicalize_name(r.name), frozenset(r.extras)))
    return found


@pytest.mark.pinned
@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("system", SYSTEMS, ids=lambda system: system[1])
def test_everything_the_course_pulls_in_is_pinned(constraints, system, python):
    cuda = ("nvidia-", "cuda-")  # torch's own metadata fixes these
    missing = {
        (name, by)
        for extra in ("course", "test")
        for name, by in wanted(extra, system, python)
        if name not in constraints and not name.startswith(cuda)
    }
    assert not missing


@pytest.mark.pinned
def test_this_environment_has_the_pinned_versions(constraints):
    installed = {name for extra in ("course", "test") for name, _ in wanted(extra, SYSTEMS[0], "3.11")}
    wrong = {}
    for name in installed:
        requirement = constraints[name]
        if requirement.marker is None and not requirement.specifier.contains(version(name)):
            wrong[name] = (version(name), pin(requirement))
    assert not wrong, "installed against pinned"


@pytest.mark.pinned
def test_the_pins_install_on_every_python_from_3_11_0(constraints):
    """Debian 12's own Python is 3.11.2; a pin that wants 3.11.5 leaves its pip searching, and then giving up."""
    wanted = {name: distribution(name).metadata.get("Requires-Python") for name in constraints if _installed(name)}
    too_new = {name: spec for name, spec in wanted.items() if spec and not SpecifierSet(spec).contains("3.11.0")}
    assert not too_new


def _installed(name: str) -> bool:
    try:
        return bool(distribution(name))
    except PackageNotFoundError:
        return False
