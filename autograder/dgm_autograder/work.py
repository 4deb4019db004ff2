"""Run and judge one notebook: the part of grading that takes time, in whatever process, on whatever machine.

What goes in and what comes out is data. The gradebook stays with the one process that writes to it.
"""

import os
import threading
import traceback
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from sqlalchemy.exc import OperationalError
from traitlets.config import Config

from dgm_autograder.kernel import RoomKernelManager, plain_files
from dgm_autograder.logs import LOG
from dgm_autograder.provisioner import Bubblewrap
from dgm_autograder.sealed import SealedExecute

TROUBLE = (OSError, MemoryError, OperationalError)  # the machine's, or the database's: nobody's 0
_torch = threading.Lock()  # its random numbers are the process's own


def task(notebook: NotebookNode, about: dict, folder: Path, config: Config) -> dict:
    """What `work` needs: a restored notebook, nbgrader's names for it, its files, the settings that matter."""
    names = {cls.__name__ for kind in (SealedExecute, RoomKernelManager, Bubblewrap) for cls in kind.mro()}
    files, left = plain_files(folder)
    return {
        "notebook": nbformat.writes(notebook),
        "about": {name: value for name, value in about.items() if name != "db_url"},
        "files": files,
        "left": left,
        "config": {name: dict(section) for name, section in config.items() if name in names},
    }


def work(given: dict) -> dict:
    """The executed notebook, a mark for each check, and notes on the whole; or what `broke`, if a notebook breaks us.

    Raises `OSError` or `MemoryError` for the machine's trouble, which is nobody's 0.
    """
    step = SealedExecute(config=Config(given["config"]), log=LOG)
    resources = {
        "metadata": {"path": os.sep},
        "nbgrader": given["about"],
        "dgm_files": given["files"],
        "dgm_left": given["left"],
    }
    try:
        with _torch:
            notebook, resources = step.preprocess(nbformat.reads(given["notebook"], as_version=4), resources)
    except TROUBLE:
        raise
    except Exception as error:
        LOG.error("%s: %s", given["about"]["student"], traceback.format_exc())
        return {"broke": type(error).__name__}
    return {
        "notebook": nbformat.writes(notebook),
        "marks": resources["dgm_marks"],
        "notes": resources["dgm_notes"],
    }
