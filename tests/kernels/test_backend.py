"""Which implementation runs: by device and DGM_BACKEND; a request is met or refused, and nothing needs Triton."""

import subprocess
import sys

import pytest
import torch

from dgm_tutor.kernels import backend as module
from dgm_tutor.kernels.backend import BackendError, backend


class OnGpu:
    """As much of a tensor on a GPU as the choice looks at."""

    device = torch.device("cuda", 0)


@pytest.fixture
def gpu(monkeypatch):
    """A machine with Triton and a GPU of the given compute capability."""

    def make(capability=(8, 0), cuda="13.0", triton=True):
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
        monkeypatch.setattr(torch.version, "cuda", cuda)
        monkeypatch.setattr(module, "installed", lambda: triton)

    return make


@pytest.fixture(autouse=True)
def choose(monkeypatch):
    def set_choice(name):
        monkeypatch.setenv("DGM_BACKEND", name)

    monkeypatch.delenv("DGM_BACKEND", raising=False)
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    return set_choice


def test_without_a_word_the_device_decides(gpu):
    gpu()
    assert backend(OnGpu()) == "triton"
    assert backend(torch.zeros(1)) == "torch"
    assert backend(OnGpu(), torch.zeros(1)) == "torch"


@pytest.mark.parametrize("machine", [{"triton": False}, {"capability": (7, 0)}, {"cuda": None}])
def test_without_a_word_a_gpu_that_cannot_gets_torch(gpu, machine):
    gpu(**machine)
    assert backend(OnGpu()) == "torch"


def test_a_kernel_that_does_not_pay_is_used_when_asked_for_by_name(gpu, choose):
    gpu()
    assert backend(OnGpu(), pays=False) == "torch"
    choose("triton")
    assert backend(OnGpu(), pays=False) == "triton"


def test_torch_is_torch_everywhere(gpu, choose):
    gpu()
    choose("torch")
    assert backend(OnGpu()) == "torch"


@pytest.mark.parametrize(
    ("machine", "what"),
    [
        ({"triton": False}, "pip install triton"),
        ({"capability": (7, 0)}, "compute capability 7.0"),
        ({"cuda": None}, "not built for NVIDIA"),
    ],
)
def test_triton_asked_for_by_name_is_never_torch(gpu, choose, machine, what):
    gpu(**machine)
    choose("triton")
    with pytest.raises(BackendError, match=what):
        backend(OnGpu())


def test_a_tensor_elsewhere_is_named(gpu, choose):
    gpu()
    choose("triton")
    with pytest.raises(BackendError, match="a tensor is on cpu"):
        backend(OnGpu(), torch.zeros(1))


def test_the_interpreter_takes_the_cpu(gpu, choose, monkeypatch):
    gpu()
    choose("triton")
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    assert backend(torch.zeros(1)) == "triton"


def test_a_typing_error_is_refused(choose):
    choose("trition")
    with pytest.raises(BackendError, match="'trition': expected one of auto, torch, triton"):
        backend(torch.zeros(1))


EVERYTHING = """
import sys
sys.modules["triton"] = None  # as on macOS and Windows: importing it fails
import pkgutil, dgm_tutor, dgm_tutor.kernels
for module in pkgutil.walk_packages(dgm_tutor.kernels.__path__, "dgm_tutor.kernels."):
    if not module.name.endswith(".triton"):
        __import__(module.name)
import dgm_tutor.models, dgm_tutor.evaluation
from dgm_tutor.objectives import squared_mmd
import torch
squared_mmd(torch.randn(5, 2), torch.randn(4, 2))
"""


def test_where_there_is_no_triton_everything_imports_and_runs():
    done = subprocess.run([sys.executable, "-c", EVERYTHING], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_importing_the_models_does_not_import_triton():
    check = "import sys, dgm_tutor.models, dgm_tutor.evaluation; sys.exit('triton' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check]).returncode == 0
