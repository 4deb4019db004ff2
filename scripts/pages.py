"""Build and check the lecture's pages: `lecture12/NN_name.py` (jupytext percent) -> `lecture12/NN_name.ipynb`.

    python scripts/pages.py build [NAMES]      run the sources and write the notebooks
    python scripts/pages.py check [NAMES]      prove that notebooks and sources agree and keep the rules
    python scripts/pages.py new NN_name        begin a page

NAMES are page names such as 10_beta_vae; without any, all pages. The rules are listed in docs/pages.md.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from page_rules import problems

ROOT = Path(__file__).resolve().parents[1]
LECTURE = ROOT / "lecture12"
NAME = re.compile(r"\d\d_[a-z0-9_]+|kernels")  # sections of the lecture, and one page beside them
WIDGET = "application/vnd.jupyter.widget-view+json"
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
CELL_TIMEOUT = 600  # seconds; a page should take 90 altogether

SKELETON = """# %% Title [markdown]
# # {title}
#
# What the lecture claims, in two sentences, and what you will be able to do at the end of the page.

# %% Set up
from dgm_tutor.widgets import accessible

accessible()

# %% The question [markdown]
# ## The question
#
# Predict first; then reveal.
"""


class PageError(Exception):
    """A page that cannot be built; the message says where and what to do."""


def main(argv: list[str] | None = None, folder: Path = LECTURE) -> int:
    """Run one command on the pages of ``folder``; 0 = all well, 1 = a page has problems, 2 = wrong usage."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for command, about in (("build", "run the sources, write the notebooks"), ("check", "prove they agree")):
        commands.add_parser(command, help=about).add_argument("names", nargs="*", metavar="NAMES")
    commands.add_parser("new", help="begin a page").add_argument("name", metavar="NN_name")
    args = parser.parse_args(argv)
    try:
        if args.command == "new":
            print(f"begun: {new(args.name, folder)}")
            return 0
        failed = [s for s in sources(args.names, folder) if not {"build": _build, "check": _check}[args.command](s)]
    except PageError as error:
        print(error, file=sys.stderr)
        return 2
    return 1 if failed else 0


def _build(source: Path) -> bool:
    start = time.perf_counter()
    try:
        target = build(source)
    except PageError as error:
        print(error, file=sys.stderr)
        return False
    size = target.stat().st_size / 1e6
    print(f"{source.stem}: built in {time.perf_counter() - start:.0f} s, {size:.2f} MB")
    return _check(source)


def _check(source: Path) -> bool:
    found = check(source)
    for problem in found:
        print(f"{source.stem}: {problem}", file=sys.stderr)
    print(f"{source.stem}: {len(found)} problems" if found else f"{source.stem}: checked")
    return not found


def sources(names: list[str], folder: Path = LECTURE) -> list[Path]:
    """The sources of the named pages, or of all; ``PageError`` lists what there is where a name is unknown."""
    found = {path.stem: path for path in sorted(folder.glob("*.py")) if NAME.fullmatch(path.stem)}
    unknown = [name for name in names if name not in found]
    if unknown or not found:
        raise PageError(f"no page {', '.join(unknown)} in {folder}; pages there: {', '.join(found) or 'none'}")
    return [found[name] for name in names] if names else list(found.values())


def new(name: str, folder: Path = LECTURE) -> Path:
    """Write the skeleton of a page; refuses a name that is taken or not like ``10_beta_vae``."""
    path = folder / f"{name}.py"
    if not NAME.fullmatch(name):
        raise PageError(f"{name!r} is no page name: two digits, then lower case, like 10_beta_vae")
    if path.exists():
        raise PageError(f"{path} is there already")
    folder.mkdir(parents=True, exist_ok=True)
    _write(path, SKELETON.format(title=name[3:].replace("_", " ").capitalize()))
    return path


def read(source: Path) -> NotebookNode:
    """The page as a notebook, not run: ids are slugs of the cell titles. ``PageError`` names the line at fault."""
    text = source.read_text(encoding="utf-8")
    marks = [i for i, line in enumerate(text.splitlines(), 1) if re.match(r"# %%(?!%)", line)]
    before = text.splitlines()[: marks[0] - 1] if marks else [text]
    if any(line.strip() for line in before):
        raise PageError(f"{source.name}:1: a page begins with a cell, '# %% Title [markdown]', and has no header")
    cells = jupytext.reads(text, fmt="py:percent").cells
    if len(cells) != len(marks):
        raise PageError(
            f"{source.name}: {len(marks)} lines begin with '# %%' and jupytext finds {len(cells)} cells; "
            "is one of these lines inside a string?"
        )
    seen: dict[str, int] = {}
    for cell, line in zip(cells, marks, strict=True):
        cell.id = _slug(cell.metadata.get("title", ""))
        if not cell.id:
            raise PageError(f"{source.name}:{line}: this cell has no title; write '# %% What it does'")
        if cell.id in seen:
            raise PageError(f"{source.name}:{line}: the title {cell.metadata.title!r} is taken (line {seen[cell.id]})")
        seen[cell.id] = line
        cell.metadata = NotebookNode({k: cell.metadata[k] for k in ("title", "tags") if k in cell.metadata})
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata = NotebookNode({"kernelspec": KERNEL, "language_info": {"name": "python"}})
    notebook.metadata.dgm_tutor = {"generated": digest(notebook)}
    return notebook


def _slug(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:64].rstrip("-")


def digest(notebook: NotebookNode) -> str:
    """What the sources of all cells hash to: tells a notebook that was generated from one edited since."""
    cells = [[cell.get("id"), cell.cell_type, cell.source] for cell in notebook.cells]
    return hashlib.sha256(json.dumps(cells).encode()).hexdigest()


def build(source: Path) -> Path:
    """Run a page from top to bottom beside its source and write the notebook; raises ``PageError``.

    A cell that fails leaves the notebook on disk as it was; one edited by hand is copied before it is replaced.
    """
    notebook = read(source)
    run(notebook, source)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = list(clean(cell, source))
    nbformat.validate(notebook)
    target = source.with_suffix(".ipynb")
    keep(target)
    _write(target, nbformat.writes(notebook) + "\n")
    return target


def run(notebook: NotebookNode, source: Path) -> None:
    """Execute in place, in a fresh kernel whose working folder is the page's."""
    client = NotebookClient(
        notebook,
        timeout=CELL_TIMEOUT,
        kernel_name=KERNEL["name"],
        resources={"metadata": {"path": str(source.parent)}},
        store_widget_state=False,
        record_timing=False,
    )
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    try:  # no progress bars in the record, and sets in one order
        client.execute(env={**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": "0", "TQDM_DISABLE": "1"})
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        raise PageError(f"{source.name}: {_where(notebook)}\n{error}") from error
    notebook.metadata.language_info = NotebookNode({"name": "python"})  # nbclient adds this machine's version


def _where(notebook: NotebookNode) -> str:
    ran = [c for c in notebook.cells if c.cell_type == "code" and (c.execution_count or c.outputs)]
    return f"the cell '{ran[-1].metadata.title}' failed" if ran else "no cell could be run"


def clean(cell: NotebookNode, source: Path):
    """A cell's outputs without noise and without widget state, which is dead when the kernel is."""
    for output in cell.outputs:
        if output.output_type == "stream" and output.name == "stderr":
            print(f"{source.name}: '{cell.metadata.title}' wrote to stderr:\n{output.text}", file=sys.stderr)
            continue
        if output.output_type == "stream":
            output.text = re.sub(r"[^\n]*\r(?!\n)", "", output.text)  # a line overwritten shows its last state
        elif WIDGET in output.get("data", {}):
            del output.data[WIDGET]
            if not {"text/html", "image/png"} & set(output.data):
                raise PageError(
                    f"{source.name}: '{cell.metadata.title}' shows a widget that leaves nothing to see "
                    "without a kernel; show View(widget, still) instead"
                )
            if not output.data.get("text/html") and "image/png" not in output.data:
                continue  # a widget that is not for looking at
        yield output


def keep(target: Path) -> None:
    """Copy a notebook whose sources somebody changed since it was generated to NN_name.backup-DATE.ipynb."""
    if not target.exists():
        return
    try:
        notebook = nbformat.read(target, as_version=4)
        if digest(notebook) == notebook.metadata.get("dgm_tutor", {}).get("generated"):
            return
    except (ValueError, nbformat.ValidationError, AttributeError):
        pass  # not a notebook any more: keep it all the same
    stamp = datetime.now().strftime("%Y-%m-%d-%H%M%S-%f")
    copy = target.with_name(f"{target.stem}.backup-{stamp}.ipynb")
    shutil.copy2(target, copy)
    print(f"{target.name} was edited by hand; kept as {copy.name}", file=sys.stderr)


def check(source: Path) -> list[str]:
    """Every way in which a page breaks the rules, in words; an empty list where it breaks none."""
    target = source.with_suffix(".ipynb")
    again = f"run: python scripts/pages.py build {source.stem}"
    try:
        fresh = read(source)
    except PageError as error:
        return [str(error)]
    if not target.exists():
        return [f"{target.name} is missing; {again}"]
    try:
        made = nbformat.read(target, as_version=nbformat.NO_CONVERT)
        nbformat.validate(made)
    except (ValueError, nbformat.ValidationError) as error:
        return [f"{target.name} is no valid notebook ({str(error).splitlines()[0]}); {again}"]
    found = []
    if made.metadata != fresh.metadata:
        found.append(f"the notebook's metadata are not the generated ones; {again}")
    if [_face(c) for c in made.cells] != [_face(c) for c in fresh.cells]:
        ours, theirs = ({c.get("id"): _face(c) for c in n.cells} for n in (fresh, made))
        names = [name for name in {**ours, **theirs} if ours.get(name) != theirs.get(name)]
        found.append(f"cells differ from {source.name}: {', '.join(map(str, names)) or 'their order'}; {again}")
    return found + problems(made, target, ROOT)


def _face(cell: NotebookNode) -> tuple:
    return cell.get("id"), cell.cell_type, cell.source, dict(cell.metadata)


def _write(path: Path, text: str) -> None:
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", newline="\n", dir=path.parent, delete=False) as part:
        part.write(text)
    os.chmod(part.name, 0o644)
    os.replace(part.name, path)


if __name__ == "__main__":
    sys.exit(main())
