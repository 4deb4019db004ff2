"""Many machines: independent tasks over a Dask cluster, every result kept, no task done twice."""

import json
import re
from collections.abc import Callable, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

from filelock import FileLock
from tqdm import tqdm

from dgm_tutor.files import write_bytes

PATIENCE = 30  # seconds: a busy machine takes its time to start a worker


def run_all(
    task: Callable[[dict], dict],
    items: Sequence[dict],
    keep: Sequence[Path],
    scheduler: str = "local",
    workers: int = 2,
    progress: bool = True,
) -> list[dict]:
    """``task(item)`` for every item, somewhere; the results in the items' order.

    A task whose worker dies is given to another one. A result is written to its file before it counts, so that a
    sweep that was stopped, or whose scheduler died, goes on with what is missing when it is called again.

    Args:
        task: a function that workers can import. What it keeps on the way (checkpoints) is its own affair.
        items, results: made of what JSON holds.
        keep: a file for each result, in a folder that all workers share.
        scheduler: the address of a running one, such as "tcp://10.0.0.1:8786"; "local" starts processes here.
        workers: how many of those.

    Raises:
        ImportError: Dask is not installed.
        ValueError: an address that is none, or no workers.
        OSError: no scheduler answers at that address within ``PATIENCE`` seconds, or no worker joins it.
        Exception: whatever a task raises; what other tasks have finished is kept.
    """
    with connect(scheduler, workers) as client, tqdm(total=len(items), disable=not progress, unit="task") as bar:
        from distributed import as_completed

        futures = [
            client.submit(once, task, item, str(path), pure=False) for item, path in zip(items, keep, strict=True)
        ]
        for future in as_completed(futures):
            future.result()
            bar.update()
        return client.gather(futures)


@contextmanager
def connect(scheduler: str = "local", workers: int = 2):
    """A client of a Dask scheduler at an address, or of processes here; it has a worker. Raises as `run_all`."""
    try:
        from distributed import LocalCluster
    except ImportError as error:
        raise ImportError("several machines need Dask: pip install 'dgm-tutor[cluster]'") from error
    local = scheduler == "local"
    if workers < 1:
        raise ValueError(f"workers={workers}: expected at least 1")
    if not local and not re.fullmatch(r"\w+://.+:\d+", scheduler):
        raise ValueError(f"scheduler {scheduler!r}: expected 'local' or an address such as tcp://10.0.0.1:8786")
    cluster = LocalCluster(workers, threads_per_worker=1, dashboard_address=None) if local else nullcontext(scheduler)
    with cluster as where, _client(where) as client:
        yield client


def _client(where):
    """A client of the cluster or address, once it has a worker; OSError with what to start where it has none."""
    from distributed import Client

    try:
        client = Client(where, timeout=PATIENCE)
    except OSError as error:
        raise OSError(
            f"no scheduler answers at {where}: start one there with 'dask scheduler', and give the address it prints"
        ) from error
    try:
        client.wait_for_workers(1, timeout=PATIENCE)
    except TimeoutError as error:
        client.close()
        raise OSError(f"the scheduler at {where} has no workers: start some with 'dask worker {where}'") from error
    return client


def once(task: Callable[[dict], dict], item: dict, path: str) -> dict:
    """The result that is kept at ``path``; made by ``task(item)`` where there is none yet, by one process at a time.

    Raises:
        ValueError: the file holds the result of another item.
    """
    path, item = Path(path), json.loads(json.dumps(item))
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_name(f".{path.name}.lock")):
        if path.exists():
            record = json.loads(path.read_text())
            if record["item"] != item:
                raise ValueError(f"{path} holds the result of {record['item']}, not of {item}: choose another folder")
            return record["result"]
        result = task(item)
        write_bytes(path, json.dumps({"item": item, "result": result}, indent=2).encode())
        return result
