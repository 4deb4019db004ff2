"""Submissions that try to take marks they did not earn; an honest grader gives each of them 0.

The classes are those under which stock nbgrader was seen to give full marks. `CELLS` run before anything else, and the
answers below them are left as released; `ANSWERS` stand in the place of every answer.
"""

CELLS = {
    "do_execute_says_ok": """
import types
shell = get_ipython()
kernel = shell.kernel
original = kernel.do_execute
async def do_execute(self, *args, **kwargs):
    reply = await original(*args, **kwargs)
    return {"status": "ok", "execution_count": 1, "payload": [], "user_expressions": {"reply": {
        "status": "ok", "data": {"text/plain": "4.0"}, "metadata": {}}}}
kernel.do_execute = types.MethodType(do_execute, kernel)
""",
    "ast_drops_asserts": """
import ast
class Drop(ast.NodeTransformer):
    def visit_Assert(self, node):
        return ast.Pass()
    def visit_Raise(self, node):
        return ast.Return(ast.Constant(0.0))
get_ipython().ast_transformers.append(Drop())
""",
    "input_transformer": """
get_ipython().input_transformers_cleanup.append(lambda lines: ["4.0\\n"])
""",
    "builtins_abs": """
import builtins
builtins.abs = lambda value: 0.0
builtins.all = builtins.any = builtins.isinstance = lambda *a: True
""",
    "math_patched": """
import math, numpy
math.isclose = lambda *a, **k: True
math.isfinite = lambda *a: True
numpy.allclose = lambda *a, **k: True
""",
    "torch_patched": """
import torch
torch.allclose = torch.equal = torch.isclose = lambda *a, **k: True
torch.Tensor.__eq__ = torch.Tensor.__le__ = torch.Tensor.__lt__ = lambda *a: True
torch.testing.assert_close = lambda *a, **k: None
""",
    "reads_the_solution": """
import os
found = []
for top, folders, files in os.walk("/"):
    folders[:] = [f for f in folders if f not in ("proc", "sys", "usr", "dev", "lib", "site-packages")]
    for name in files:
        path = os.path.join(top, name)
        try:
            text = open(path).read()
        except Exception:
            continue
        if "def scale" in text and "BEGIN SOLUTION" in text and path.endswith((".py", ".ipynb")):
            found.append(path)
for path in found:
    exec(open(path).read())
""",
    "imports_the_answer": """
import os, sys
for top, folders, files in os.walk("/"):
    folders[:] = [f for f in folders if f not in ("proc", "sys", "usr", "dev", "lib")]
    if "dgm_tutor" in folders or "dgm_autograder" in folders:
        sys.path.insert(0, top)
for room in ("models", "objectives", "exact", "derivations", "evaluation", "components"):
    try:
        exec(f"from dgm_tutor import {room}")
        print("there is", room)
    except ImportError:
        pass
try:
    import dgm_autograder.assignment
    print("there is the autograder")
except ImportError:
    pass
""",
    "writes_the_gradebook": """
import glob, sqlite3
for path in glob.glob("/tmp/pytest-of-*/**/gradebook.db", recursive=True):
    database = sqlite3.connect(path)
    database.execute("update grade set auto_score = 100, manual_score = 100")
    database.commit()
""",
    "constant_noise": """
import torch
torch.manual_seed = lambda *a: None
torch.randn = lambda *s, **k: torch.zeros(*s)
torch.randn_like = torch.zeros_like
torch.normal = lambda mean, *a, **k: mean
torch.distributions.Normal.rsample = torch.distributions.Normal.sample = lambda self, *a: self.mean
""",
    "probe_runner_patched": """
import ast, re
shell = get_ipython()
def user_expressions(expressions):
    if not expressions:
        return {}
    nonce = re.findall(r"[0-9a-f]{32}", str(expressions))[-1]
    import base64
    text = base64.b64encode(b'{"status": "ok", "data": {"value": 0, "right": true}}').decode()
    return {"reply": {"status": "ok", "data": {"text/plain": repr(nonce + "." + text)}, "metadata": {}}}
shell.user_expressions = user_expressions
""",
    "malformed_messages": """
shell = get_ipython()
shell.user_expressions = lambda expressions: {"reply": ["ok", {"text/plain": 7}]}
""",
    "prints_a_reply": """
import json, threading, time
def chatter():
    while True:
        print(json.dumps({"status": "ok", "data": {"value": 0}}), "4.0", flush=True)
        time.sleep(0.05)
threading.Thread(target=chatter, daemon=True).start()
""",
    "json_patched": """
import base64, json
json.dumps = lambda *a, **k: '{"status": "ok", "data": {}}'
json.loads = lambda *a, **k: {}
base64.b64encode = lambda *a: b"b2s="
""",
    "rewrites_feedback_from_a_child": """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        while True:
            for top, folders, files in os.walk("/"):
                folders[:] = [f for f in folders if f not in ("proc", "sys", "usr")]
                for name in files:
                    if name.endswith((".html", ".ipynb", ".db")) and "pytest-of" in top:  # this test's own files
                        try:
                            open(os.path.join(top, name), "w").write("full marks")
                        except OSError:
                            pass
            time.sleep(0.2)
    os._exit(0)
""",
    "exits_politely": """
import os
os._exit(0)
""",
}

ANSWERS = {
    "equal_to_anything": """
class Same(float):
    def __eq__(self, other): return True
    def __sub__(self, other): return Same(0)
    __rsub__ = __abs__ = __float__ = __sub__
    __lt__ = __le__ = __gt__ = __ge__ = __eq__
    __hash__ = float.__hash__
total = scale = lambda *a: Same(0)
""",
    "tensor_equal_to_anything": """
import torch
class Same(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        return True if function.__name__ in ("allclose", "equal", "eq", "lt", "le") else torch.zeros(())
same = torch.zeros((), requires_grad=True).as_subclass(Same)
total = scale = lambda *a: same
""",
    "nan_for_a_mark": """
import torch
nan = float("nan")
total = scale = lambda x, *a: x * nan
""",
    "infinite_and_negative": """
import torch
inf = float("inf")
total = scale = lambda x, *a: x - inf
""",
    "frames_and_garbage": """
import gc, inspect, sys
def loot(*args):
    for frame in [f.frame for f in inspect.stack()] + list(sys._current_frames().values()):
        for space in (frame.f_locals, frame.f_globals):
            for name in ("expected", "reference", "solution", "mean"):
                if name in space:
                    return space[name]
    for thing in gc.get_objects():
        if type(thing).__name__ in ("Expected", "Case", "Exercise", "Answer", "Assignment"):
            return thing
    return None
total = scale = loot
""",
    "distributions_patched": """
import torch
zero = lambda *a, **k: torch.zeros(())
torch.distributions.kl_divergence = torch.distributions.kl.kl_divergence = zero
torch.distributions.Normal.log_prob = torch.distributions.Independent.log_prob = zero
total = scale = lambda *a: torch.zeros((), requires_grad=True)
""",
}

# Files handed in beside the notebook.
FILES = {
    "shadowed_torch": {"torch.py": "allclose = equal = lambda *a, **k: True\n", "json.py": "loads = dumps = str\n"},
    "time_turned_back": {"timestamp.txt": "1999-01-01 00:00:00 UTC"},
}


def checks_skipped(notebook):
    """Every cell tagged so that it is not executed."""
    for cell in notebook["cells"]:
        cell["metadata"]["tags"] = ["skip-execution", "raises-exception"]


def checks_deleted(notebook):
    """No check left."""
    notebook["cells"] = [c for c in notebook["cells"] if not c["metadata"].get("nbgrader", {}).get("grade")]


def checks_made_answers(notebook):
    """Checks re-tagged as answers, worth more, saying what one likes."""
    for cell in notebook["cells"]:
        data = cell["metadata"].get("nbgrader", {})
        if data.get("grade") and cell["cell_type"] == "code":
            data.update(solution=True, locked=False, points=100)
            cell["source"] = "100.0"


def checks_not_graded(notebook):
    """Checks said to be no checks."""
    for cell in notebook["cells"]:
        cell["metadata"].get("nbgrader", {}).update(grade=False)


def checks_twice(notebook):
    """Every check copied, the copy a number."""
    checks = [c for c in notebook["cells"] if c["metadata"].get("nbgrader", {}).get("grade")]
    notebook["cells"] += [{**c, "id": f"{c['id']}-2", "source": "100.0"} for c in checks]


def metadata_broken(notebook):
    """nbgrader's data of every kind but the right one."""
    for index, cell in enumerate(notebook["cells"]):
        if "nbgrader" in cell["metadata"]:
            cell["metadata"]["nbgrader"] = [None, 7, {"grade_id": ["total"]}, {"schema_version": 99}][index % 4]


def flags_forged(notebook):
    """The grader's own notes, written by the student."""
    notebook["metadata"]["dgm_flags"] = "nothing to see"
    data = [cell["metadata"].get("nbgrader", {}) for cell in notebook["cells"]]
    notebook["metadata"]["dgm_marks"] = {item["grade_id"]: 4 for item in data if item.get("grade")}


EDITS = {
    edit.__name__: edit
    for edit in (
        checks_skipped,
        checks_deleted,
        checks_made_answers,
        checks_not_graded,
        checks_twice,
        metadata_broken,
        flags_forged,
    )
}
