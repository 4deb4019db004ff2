"""Right work as other programs save it, and as few people write it: it earns what it is worth."""

import json

from .attack import Attack


def _colab(notebook: dict) -> None:
    notebook["nbformat_minor"] = 0
    kernel = {"name": "python3", "display_name": "Python 3"}
    widgets = {"application/vnd.jupyter.widget-state+json": {"state": {}}}
    notebook["metadata"] = {"colab": {"provenance": [], "gpuType": "T4"}, "accelerator": "GPU", "kernelspec": kernel}
    notebook["metadata"] |= {"language_info": {"name": "python"}, "widgets": widgets}
    for cell in notebook["cells"]:
        cell["metadata"] |= {"id": cell.pop("id"), "outputId": "abc", "colab": {"base_uri": "https://localhost:8080/"}}


def _vscode(notebook: dict) -> None:
    notebook["nbformat_minor"] = 2
    notebook["metadata"] = {"kernelspec": {"display_name": ".venv", "language": "python", "name": "python3"}}
    for cell in notebook["cells"]:
        del cell["id"]
        cell["metadata"]["vscode"] = {"languageId": "python"}
        cell["source"] = "".join(cell["source"]).splitlines(keepends=True)
        cell.pop("outputs", None)
        cell.pop("execution_count", None)


def _windows(notebook: dict) -> str:
    """Line ends of two characters in file and answers, and a byte order mark."""
    for cell in notebook["cells"]:
        if not cell["metadata"].get("nbgrader", {}).get("locked"):
            cell["source"] = [f"{line}\r\n" for line in "".join(cell["source"]).split("\n")]
    return "\ufeff" + json.dumps(notebook, indent=1).replace("\n", "\r\n")


def _version_3(notebook: dict) -> str:
    cells = []
    for cell in notebook["cells"]:
        code = {"input": cell["source"], "language": "python", "outputs": [], "collapsed": False}
        old = code if cell["cell_type"] == "code" else {"source": cell["source"]}
        cells.append({"cell_type": cell["cell_type"], "metadata": cell["metadata"], **old})
    sheets = [{"cells": cells, "metadata": {}}]
    return json.dumps({"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": ""}, "worksheets": sheets})


MODULE = """
import torch as th
from torch import Tensor
class Total(th.nn.Module):
    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return th.cat([x, y]).sum()
total = Total()
"""
PLOTTED = """%matplotlib inline
import matplotlib.pyplot as plt
def total(x, y):
    print("adding", x)
    plt.figure()
    plt.plot(x)
    plt.show()
    return (x + y).sum()
"""
USUAL = (
    "import asyncio\nawait asyncio.sleep(0.1)",
    "from IPython.display import display\nbar = display(0, display_id=True)\nfor i in range(30):\n    bar.update(i)",
    "%%capture out\nprint(1)",
    "!echo hello",
    "%cd /tmp\n%load_ext autoreload\n%autoreload 2",
)
ODD_WORK = [
    Attack("saved_by_colab", "false negative", "kept", edit=_colab),
    Attack("saved_by_vscode", "false negative", "kept", edit=_vscode),
    Attack("saved_on_windows", "false negative", "kept", edit=_windows),
    Attack("saved_long_ago", "false negative", "kept", edit=_version_3),
    Attack("usual_cells", "false negative", "kept", USUAL),
    Attack("module_and_helper", "false negative", "kept", answers={"total": MODULE,
           "scale": "import functools, operator\ndouble = functools.partial(operator.mul, 2)\nscale = double"}),
    Attack("numpy", "false negative", "kept", answers={
           "total": "import numpy as np\ndef total(x, y):\n    return np.float32(x.numpy().sum() + np.sum(y.numpy()))",
           "scale": "import numpy\ndef scale(x):\n    return numpy.asarray(x) * 2"}),
    Attack("plots_and_lists", "false negative", "kept", answers={"total": PLOTTED,
           "scale": "def scale(x, *, by: float = 2.0) -> list[float]:\n    return [by * v for v in x.tolist()]"}),
    Attack("compiled_and_cached", "false negative", "kept", answers={
           "total": "import torch\n@torch.jit.script\ndef total(x, y):\n    return x.sum() + y.sum()",
           "scale": "import functools\n@functools.cache\ndef scale(x):\n    return (2 * x).float().requires_grad_()"}),
]  # fmt: skip
