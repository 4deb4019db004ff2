"""``dgm-tutor lab``: open the course in JupyterLab."""

import argparse
import importlib.util
import os
import signal
import subprocess
import sys
from pathlib import Path

from dgm_tutor.cli.command import Command

FIRST_PAGE = "10_beta_vae.ipynb"


def pages_folder() -> Path:
    """The folder of lecture pages: in the current folder or above it, or beside an editable installation."""
    here = Path.cwd()
    for root in (here, *here.parents, Path(__file__).parents[2]):
        if (root / "lecture12").is_dir():
            return root / "lecture12"
    raise FileNotFoundError(
        f"no folder lecture12 in {here} or above it: the pages come with the course's repository, run this in a clone"
    )


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("page", nargs="?", default=FIRST_PAGE, help=f"the page to open (default {FIRST_PAGE})")
    parser.add_argument("--no-browser", action="store_true", help="print the address and open nothing")
    parser.add_argument("--port", type=int, default=8888, help="the first port to try (default 8888)")


def _run(args: argparse.Namespace) -> int:
    if importlib.util.find_spec("jupyterlab") is None:
        raise RuntimeError("JupyterLab is not installed here: pip install 'dgm-tutor[course]'")
    folder = pages_folder()
    page = folder / args.page
    if not page.is_file():
        there = ", ".join(sorted(path.name for path in folder.glob("*.ipynb")))
        raise FileNotFoundError(f"no page {args.page}: there are {there}")
    command = [sys.executable, "-m", "jupyterlab", str(page), f"--port={args.port}"]
    command += [f"--ServerApp.root_dir={folder.parent}"]
    if args.no_browser:
        command.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")  # containers: Jupyter refuses root otherwise
    # the environment's own commands first: nbgrader calls some of them by their bare names
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    with subprocess.Popen(command, env={**os.environ, "PATH": path}) as lab:
        signal.signal(signal.SIGTERM, lambda *_: lab.terminate())  # or it would go on without us
        while True:
            try:
                code = lab.wait()
                return 0 if code == -signal.SIGTERM else code
            except KeyboardInterrupt:
                continue  # Ctrl-C is how one leaves JupyterLab, which asks whether it was meant


LAB = Command("lab", "Open the course in JupyterLab.", _arguments, _run)
