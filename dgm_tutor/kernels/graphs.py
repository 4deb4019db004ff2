"""A step that is run many times, recorded once: CUDA graphs, for work whose kernels are shorter than their launches.

Off unless ``DGM_CUDA_GRAPHS=1``: what it gains has not been measured on a GPU yet.
"""

import os
from collections.abc import Callable

import torch

from dgm_tutor.kernels.backend import BackendError


def repeat(step: Callable[[], None], times: int, device: torch.device) -> None:
    """Runs ``step`` so many times. It must work on tensors that stay where they are, a counter among them, and leave
    no trace in Python: a recorded step is launched again, not called again.

    Raises:
        BackendError: DGM_CUDA_GRAPHS=1, and the device is no GPU.
    """
    if os.environ.get("DGM_CUDA_GRAPHS") != "1":
        for _ in range(times):
            step()
        return
    if device.type != "cuda":
        raise BackendError(f"DGM_CUDA_GRAPHS=1, but the work is on {device}: unset it, or move the model to a GPU")
    side = torch.cuda.Stream(device)
    side.wait_stream(torch.cuda.current_stream(device))
    with torch.cuda.stream(side):
        step()  # the first time by itself: libraries set themselves up, kernels are compiled
    torch.cuda.current_stream(device).wait_stream(side)
    if times == 1:
        return
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()  # recorded, not run
    for _ in range(times - 1):
        graph.replay()
    torch.cuda.current_stream(device).synchronize()  # the graph's own memory goes with it
