"""What submissions do to graders, by malice and by accident: each a record with the outcome that is safe.

Classes: crash, malformed, forge, leak, poison, hang, resource, flood, inject, and right work that graders were seen to
refuse. Archives and the exchange (collect) are tests of `test_intake.py`: nothing of them reaches a kernel.
"""

from .attack import SCRIPT, Attack
from .attack import cells as _cells
from .dear import DEAR
from .forgeries import ANSWERS, CELLS, EDITS, FILES
from .honest import ODD_WORK

FORGE = [
    *_cells("forge", "nothing", CELLS, solved=False),
    *[Attack(name, "forge", "nothing", answers={"total": text, "scale": text}) for name, text in ANSWERS.items()],
    *[Attack(name, "forge", "nothing", answers={}, files=files) for name, files in FILES.items()],
    *[Attack(name, "forge", "nothing", answers={}, edit=edit) for name, edit in EDITS.items()],
]

CRASH = _cells(
    "crash",
    "refused",
    {
        "segfault": "import ctypes\nctypes.string_at(0)",
        "abort": "import os\nos.abort()",
        "kill_itself": "import os\nos.kill(os.getpid(), 9)",
        # Some interpreters outlive the recursion, with an error in its thread: then the cell makes an end itself.
        "deep_recursion": "import os, sys, threading\nthreading.stack_size(1 << 16)\nsys.setrecursionlimit(10**9)\n"
        "def f(n):\n    return [f(n + 1)]\nt = threading.Thread(target=f, args=(0,))\n"
        "try:\n    t.start(); t.join()\nfinally:\n    os.abort()",
        "closes_every_file": "import os\nos.closerange(3, 1000)",
    },
    solved=True,
)
HANG = _cells(
    "hang",
    "refused",
    {
        "c_loop": "import re\nre.match('(a+)+$', 'a' * 60 + 'b')",
        "stopped": "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)",
        "deaf": "import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True:\n    time.sleep(1)",
        "catches_everything": "import time\nwhile True:\n    try:\n        time.sleep(60)\n    except BaseException:\n"
        "        pass",
    },
    solved=True,
) + [
    Attack("just_under_the_limit", "hang", "refused", ("import time\ntime.sleep(3)",) * 8),
    Attack("hangs_in_the_answer", "hang", "refused", answers=dict.fromkeys(("total", "scale"), "import time\n"
           "total = scale = lambda *a: time.sleep(1000)")),
    Attack("sleeps_and_is_stopped", "hang", "kept", ("import time\ntime.sleep(1000)",)),
    Attack("waits_for_input", "hang", "kept", ("input('say yes: ')",)),
]  # fmt: skip
RESOURCE = [
    Attack("memory", "resource", "kept", ("x = bytearray(5_000_000_000)",)),
    Attack("memory_of_many", "resource", "any", ("import os, time\nfor _ in range(30):\n    if os.fork() == 0:\n"
           "        x = bytearray(100_000_000)\n        time.sleep(1000)",)),
    Attack("shared_memory", "resource", "refused", ("import mmap\nm = mmap.mmap(-1, 3_000_000_000)\n"
           "for i in range(0, 3_000_000_000, 4096):\n    m[i] = 1",)),
    Attack("fork_bomb", "resource", "any", ("import os\nwhile True:\n    os.fork()",)),
    Attack("threads", "resource", "any", ("import threading, time\nfor _ in range(10_000):\n"
           "    threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()",)),
    Attack("disk", "resource", "any", ("f = open('/tmp/x', 'wb')\nwhile True:\n    f.write(bytes(1 << 20))",)),
    Attack("disk_of_sockets", "resource", "any", ("import glob, time\nrooms = glob.glob('/tmp/dgm-room-*')\n"
           "place = (glob.glob(rooms[0] + '/room-*') or rooms)[0]\n"
           "open(place + '/x', 'wb').write(bytes(15_000_000))\ntime.sleep(2)",)),
    Attack("folders_among_sockets", "resource", "any", ("import glob, os\nrooms = glob.glob('/tmp/dgm-room-*')\n"
           "os.chdir((glob.glob(rooms[0] + '/room-*') or rooms)[0])\n"
           "for _ in range(5000):\n    os.mkdir('d')\n    os.chdir('d')",)),
    Attack("open_files", "resource", "any", ("keep = []\nwhile True:\n    keep.append(open('/dev/null'))",)),
]  # fmt: skip
FLOOD = [
    Attack("large_display", "flood", "kept", ("from IPython.display import HTML\nHTML('x' * 70_000_000)",)),
    Attack("large_print", "flood", "kept", ("print('x' * 30_000_000)",)),
    Attack("many_displays", "flood", "kept", ("from IPython.display import display\nfor i in range(3000):\n"
           "    display(i)",)),
    Attack("endless_print", "flood", "any", ("while True:\n    print('x' * 100_000)",)),
    Attack("large_error", "flood", "kept", ("raise ValueError('x' * 20_000_000)",)),
    # Of 400 frames: IPython looks through every loaded module for each, seconds of processor for the usual 1,000.
    Attack("large_traceback", "flood", "kept", ("import sys\nsys.setrecursionlimit(400)\n"
           "def f(n):\n    return f(n + 1)\nf(0)",)),
    Attack("many_comms", "flood", "kept", ("from comm import create_comm\nfor i in range(500):\n"
           "    create_comm(target_name='jupyter.widget', data={'state': {'x': 'y' * 10_000}})",)),
]  # fmt: skip
LEAK = _cells(
    "leak",
    "kept",
    {
        "environment": "import os\nprint(dict(os.environ))\nprint(os.popen('cat /proc/*/environ').read())",
        "keys": "import os\nprint(os.popen('cat ~/.ssh/* /root/.ssh/* /home/*/.ssh/*; find / -name id_rsa').read())",
        "neighbours": "import os\nfor top, d, names in os.walk('/'):\n    d[:] = [x for x in d if x not in "
        "('proc', 'sys', 'usr', 'lib', 'site-packages')]\n    for n in names:\n        if n == 'gradebook.db' or "
        "'submitted' in top.split('/'):\n            print('the-neighbour' + '-is-there', top, n)\nprint('looked')",
        "everything": "import os\nfor top, d, names in os.walk('/'):\n    d[:] = [x for x in d if x not in "
        "('dev', 'proc', 'sys', 'usr', 'lib', 'site-packages')]\n    for n in names:\n        try:\n"
        "            t = open(os.path.join(top, n)).read()\n        except Exception:\n            continue\n"
        "        if 'of-the-instructor' in t and 'In [' not in t:\n            print(n, t[:300])\nprint('looked')",
        "network": "import socket\nfor a in ('127.0.0.1', '192.0.2.1'):\n    for p in (22, 53, 80):\n        try:\n"
        "            socket.create_connection((a, p), 0.2)\n            print('the-network' + '-is-there')\n"
        "        except OSError:\n            pass",
        "kernel_memory": "for p in ('/proc/kcore', '/dev/mem', '/proc/sysrq-trigger', '/proc/1/mem', '/dev/vda'):\n"
        "    try:\n        open(p, 'rb').read(1)\n        print('the-device' + '-is-there')\n"
        "    except OSError:\n        pass",
    },
    solved=True,
)
POISON = _cells(
    "poison",
    "kept",
    {
        "startup": "import os\nfor p in ('~/.ipython/profile_default/startup', '~/.jupyter'):\n"
        "    os.makedirs(os.path.expanduser(p), exist_ok=True)\n"
        "    open(os.path.expanduser(p) + '/poison.py', 'w').write('import os; os._exit(1)')",
        "daemon": "import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n"
        "        while True:\n            time.sleep(0.1)\n    os._exit(0)",
        "site_packages": "import torch, site\nfor p in (torch.__file__, site.getsitepackages()[0] + '/poison.pth'):\n"
        "    try:\n        open(p, 'a').write('import os')\n        print('the-library' + '-was-written')\n"
        "    except OSError:\n        pass",
        "other_kernels": "import glob\nassert len(glob.glob('/tmp/dgm-room-*')) == 1",
    },
    solved=True,
)
POISON += [
    Attack("kills_others", "poison", "any", ("import os, signal\nfor p in range(2, 40_000):\n    try:\n"
           "        os.kill(p, signal.SIGKILL)\n    except OSError:\n        pass",)),
]  # fmt: skip
INJECT = _cells(
    "inject",
    "kept",
    {
        "html": f"from IPython.display import HTML\nHTML({SCRIPT!r})",
        "javascript": "from IPython.display import Javascript\nJavascript('evil()')",
        "svg": "from IPython.display import SVG\n"
        "SVG('<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"evil()\"></svg>')",
        "latex": f"from IPython.display import Latex\nLatex({SCRIPT!r})",
        "markdown_output": f"from IPython.display import Markdown\nMarkdown({SCRIPT!r})",
        "picture": "from IPython.display import display\n"
        "display({'image/png': 'x\"onerror=\"evil()', 'text/plain': ''}, raw=True)",
        "remote_picture": "from IPython.display import Image\nImage(url='http://evil.example/x.png')",
        "style": "from IPython.display import HTML\n"
        "HTML('<div style=\"background:url(http://evil.example/x)\">x</div>"
        "<link rel=stylesheet href=http://evil.example/>')",
        "error_name": f"class E(Exception):\n    pass\nE.__name__ = {SCRIPT!r}\nraise E({SCRIPT!r})",
        "escape_codes": "import sys\nprint('\\x1b]0;evil\\x07\\x1b[2J', file=sys.stderr)\nraise ValueError('\\x1b[2J')",
    },
    solved=True,
) + [
    Attack("markdown_cell", "inject", "kept", edit=lambda n: n["cells"].insert(0, {
        "cell_type": "markdown", "id": "m", "metadata": {}, "attachments": {'x" onload="evil()': {"image/png": "AA=="}},
        "source": f"{SCRIPT} ![a](http://evil.example/a.png) [b](javascript:evil()) ![c][d]\n\n[d]: http://evil.example/",
    })),
    Attack("formula", "inject", "kept", edit=lambda n: n["cells"].insert(0, {
        "cell_type": "markdown", "id": "m", "metadata": {}, "source": "".join(f"${f}$ $${f}$$ " for f in (
            rf"\text{{{SCRIPT}}}", r"\href{javascript:evil()}{x}", r"\color{red\" onload=\"evil()}x",
            r"\style{background:url(http://evil.example)}{x}", SCRIPT))})),
    Attack("raw_cell", "inject", "kept", edit=lambda n: n["cells"].insert(0, {
        "cell_type": "raw", "id": "r", "metadata": {"raw_mimetype": "text/html"}, "source": SCRIPT})),
    Attack("message_of_the_answer", "inject", "nothing", answers=dict.fromkeys(("total", "scale"),
           f"def total(*a):\n    raise ValueError({SCRIPT!r})\nscale = total")),
]  # fmt: skip


def _kernelspec(name):
    return lambda n: n["metadata"].update(kernelspec=name)


MALFORMED = [
    Attack("not_json", "malformed", "refused", edit=lambda n: "this is not a notebook"),
    Attack("empty_file", "malformed", "refused", edit=lambda n: ""),
    Attack("binary", "malformed", "refused", edit=lambda n: "\x00\xff" * 1000),
    Attack("cells_a_string", "malformed", "refused", edit=lambda n: '{"cells": "x", "metadata": {}, "nbformat": 4}'),
    Attack("a_list", "malformed", "refused", edit=lambda n: "[1, 2, 3]"),
    Attack("deep_json", "malformed", "refused", edit=lambda n: "[" * 100_000 + "]" * 100_000),
    Attack("format_99", "malformed", "any", edit=lambda n: n.update(nbformat=99)),
    Attack("no_metadata", "malformed", "kept", edit=lambda n: n.update(metadata="x")),
    Attack("kernel_of_another_language", "malformed", "kept", edit=_kernelspec({"name": "ruby", "display_name": "R"})),
    Attack("kernelspec_a_number", "malformed", "kept", edit=_kernelspec(7)),
    Attack("no_kernelspec", "malformed", "kept", edit=lambda n: n["metadata"].pop("kernelspec", None) and None),
    Attack("many_cells", "malformed", "refused", edit=lambda n: n["cells"].extend(
        {"cell_type": "code", "id": f"c{i}", "metadata": {}, "source": "1", "outputs": []} for i in range(20_000))),
    Attack("huge", "malformed", "refused", edit=lambda n: n["cells"][0].update(outputs="x" * 70_000_000)),
    Attack("answers_twice", "malformed", "kept", edit=lambda n: n["cells"].extend(
        {**c, "id": c["id"] + "-2"} for c in list(n["cells"]) if c["id"].endswith("-answer"))),
    Attack("sources_of_all_types", "malformed", "any", edit=lambda n: [c.update(source=s) for c, s in zip(
        n["cells"], (7, None, ["a", 1], {"x": 1}), strict=False)] and None),
    Attack("cells_of_all_types", "malformed", "kept", edit=lambda n: n["cells"].extend([None, 7, "x", {}, []])),
    Attack("lone_surrogates", "malformed", "kept", cells=("print('\\ud800')\nx = '\\udfff'",)),
    Attack("no_text_in_the_message", "malformed", "nothing", answers=dict.fromkeys(("total", "scale"),
           "def total(*a):\n    raise ValueError('\\ud800\\x00\\x1b')\nscale = total")),
    Attack("refuses_itself", "malformed", "refused", edit=lambda n: n["metadata"].update(dgm_unreadable="\x00\x1b[2J")),
    Attack("marks_of_hidden_tests", "malformed", "kept", cells=("### BEGIN HIDDEN TESTS\n### BEGIN SOLUTION",)),
]  # fmt: skip
NOISY = "import sys, warnings\nfrom tqdm import tqdm\nwarnings.warn('old')\nfor _ in tqdm(range(3)):\n    pass\n"
HONEST = _cells(
    "false negative",
    "kept",
    {
        "warns_and_shows_a_bar": NOISY,
        "raises_elsewhere": "1 / 0",
        "shadows_builtins": "list = str = sum = 3",
        "moves_away": "import os\nos.chdir('/tmp')",
        "magics": "%%time\nx = 1",
        "plots": "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()",
        "logs": "import logging\nlogging.basicConfig(level=0)\nlogging.getLogger().error('seen')",
        "sets_defaults": "import torch\ntorch.set_default_dtype(torch.float16)\ntorch.manual_seed(0)",
        "does_not_parse": "def f(:",
    },
    solved=True,
) + [Attack("noisy_answer", "false negative", "kept", answers={
    "total": NOISY + "def total(x, y):\n    print('adding', file=sys.stderr)\n    return x.sum() + y.sum()",
    "scale": "def scale(x):\n    warnings.warn('deprecated')\n    return 2 * x"})]  # fmt: skip

ALL = [*FORGE, *CRASH, *HANG, *RESOURCE, *FLOOD, *LEAK, *POISON, *INJECT, *MALFORMED, *HONEST, *DEAR, *ODD_WORK]
# Names of folders, and what lies in the place of a notebook: right answers, except where there is none.
FOLDERS = ["[brackets]", "{student_id}", "50%", "-rf", "a b;ls", "päul", "star*", "dot.."]
NO_NOTEBOOK = ["link", "pipe", "folder", "missing", "other_name"]
UNPRINTABLE = "esc\x1b[2J\nape"
