"""Recording a step: what can be held without a GPU. Its memory stays where it is, and replaying it is running it."""

from contextlib import contextmanager, nullcontext

import pytest
import torch

from dgm_tutor.components.pixelcnn import cached_sample
from dgm_tutor.components.pixelcnn.sampling import _Rows
from dgm_tutor.kernels.backend import BackendError
from dgm_tutor.kernels.graphs import repeat
from tests.components.pixelcnn.networks import FAMILIES, condition_for, noise, random_network


def tensors(thing, seen=None):
    """Every tensor that an object holds, however deep."""
    seen = set() if seen is None else seen
    if isinstance(thing, torch.Tensor):
        yield thing
    elif isinstance(thing, list | tuple):
        for each in thing:
            yield from tensors(each, seen)
    elif hasattr(thing, "__dict__") and id(thing) not in seen:
        seen.add(id(thing))
        yield from tensors(list(vars(thing).values()), seen)


class Gpu:
    """As much of a GPU as ``repeat`` uses: what is recorded does not run, and a replay runs the very same step."""

    def __init__(self, monkeypatch, state):
        self.replays, self.synchronised, gpu = 0, False, self

        class Stream:
            def __init__(self, device=None):
                pass

            def wait_stream(self, other):
                pass

            def synchronize(self):
                gpu.synchronised = True

        class Graph:
            def replay(self):
                gpu.replays += 1
                gpu.step()

        @contextmanager
        def recording(graph):
            before = [t.clone() for t in state]
            yield
            for t, old in zip(state, before, strict=True):
                t.copy_(old)

        monkeypatch.setenv("DGM_CUDA_GRAPHS", "1")
        for name, fake in {
            "Stream": Stream,
            "current_stream": Stream,
            "stream": lambda stream: nullcontext(),
            "CUDAGraph": Graph,
            "graph": recording,
        }.items():
            monkeypatch.setattr(torch.cuda, name, fake)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("height", [1, 2, 5])
def test_a_recorded_row_replayed_is_the_image(height, family, monkeypatch):
    network = random_network((height, 4), family, condition=2, first_kernel=5, scale=0.4)
    u, condition = noise(3, network), condition_for(network, 3)
    with torch.inference_mode():
        rows = _Rows(network, u, condition)
        gpu = Gpu(monkeypatch, {t.data_ptr(): t for t in tensors(rows)}.values())
        gpu.step = rows.step
        repeat(rows.step, height, torch.device("cuda"))
    assert gpu.replays == height - 1
    assert gpu.synchronised == (height > 1)
    monkeypatch.delenv("DGM_CUDA_GRAPHS")
    assert torch.equal(rows.image(), cached_sample(network, u, condition))


def test_a_step_leaves_no_trace_in_python_and_its_memory_stays():
    """Or a recorded step, which is launched and not called, would work on what is there no more."""
    network = random_network((4, 5), condition=2)
    with torch.inference_mode():
        rows = _Rows(network, noise(3, network), condition_for(network, 3))

        def trace():
            held = [rows, *rows.stacks, rows.row, *rows.row.layers]
            return [id(value) for thing in held for value in vars(thing).values()], [
                t.data_ptr() for t in tensors(rows)
            ]

        before = trace()
        rows.step()
        rows.step()
        assert trace() == before


def test_recording_is_off_unless_asked_for_and_refused_where_there_is_no_gpu(monkeypatch):
    calls = []
    repeat(lambda: calls.append(1), 3, torch.device("cpu"))
    assert len(calls) == 3
    monkeypatch.setenv("DGM_CUDA_GRAPHS", "1")
    with pytest.raises(BackendError, match="the work is on cpu"):
        repeat(lambda: calls.append(1), 3, torch.device("cpu"))
