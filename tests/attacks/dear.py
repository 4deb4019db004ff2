"""Small submissions that would cost a grader or a reader dear: its memory, its hours, or the page that is read."""

from .attack import SCRIPT, Attack

REFRESH = "<meta http-equiv=refresh content='0;//evil.example'>"
SEND = """
kernel = get_ipython().kernel
def send(kind, **content):
    kernel.session.send(kernel.iopub_socket, kind, content, parent=kernel.get_parent("shell"))
"""
# Frames of one message of ZeroMQ's, written past its library, each said to be followed by another: nothing is ever
# read, and everything arrives.
ENDLESS = """
import os, socket, struct
frame = b"\\x03" + struct.pack(">Q", 1 << 20) + bytes(1 << 20)
for number in map(int, os.listdir("/proc/self/fd")):
    try:
        one = socket.socket(fileno=os.dup(number))
        if one.getsockname().endswith("kernel-2") and not one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            one.setblocking(True)
            while True:
                one.sendall(frame)
    except (AttributeError, OSError, UnicodeError):
        pass
"""
DISPLAYS = """
from IPython.display import display, update_display
for _ in range(400):
    display(1, display_id="one")
update_display("x" * 1_400_000, display_id="one")
"""


def _html(expression: str) -> str:
    return f"from IPython.display import HTML\nHTML({expression})"


def _markdown(source: str):
    return lambda n: n["cells"].insert(0, {"cell_type": "markdown", "id": "m", "metadata": {}, "source": source})


DEAR = [
    Attack("endless_message", "flood", "refused", (ENDLESS,)),
    Attack("one_display_in_many_places", "flood", "any", (DISPLAYS,)),
    Attack("tags_times_paragraphs", "flood", "kept", (
           _html("'<p>' + ''.join(f'<b title={i}>' for i in range(2000)) + '</p><p>x' * 2000"),)),
    Attack("tags_within_tags", "flood", "kept", (_html("'<div>' * 30_000"),)),
    Attack("brackets_in_a_style", "flood", "kept", (_html("'<b style=\"color:' + '(' * 5000 + '\">x</b>'"),)),
    Attack("half_pictures", "flood", "kept", edit=_markdown("![" * 300_000)),
    Attack("blank_lines", "flood", "kept", ("x = 1" + "\n " * 20_000 + "y = 2",)),
    Attack("dots", "flood", "any", ("x = 1\n" + "a." * 200_000 + "b",)),
    Attack("escape_codes_without_end", "flood", "kept", ("print('\\x1b[1m' * 400_000)",)),
    Attack("number_of_a_prompt", "inject", "refused", (SEND + f"send('execute_input', execution_count={SCRIPT!r})",)),
    Attack("reason_that_acts", "inject", "refused", edit=lambda n: n["metadata"].update(dgm_unreadable=REFRESH)),
    Attack("cell_that_a_reason_quotes", "inject", "refused", (f"{REFRESH!r}\nimport os\nos._exit(1)",)),
    Attack("names_that_act", "inject", "kept", files={"<img src=x onerror=evil()>.so": "x" * 2_100_000,
           "mine.html": SCRIPT, "<meta http-equiv=refresh content=0;evil>.ipynb": "{}"}),
    Attack("picture_that_is_not_there", "malformed", "kept", edit=_markdown("![a](attachment:a.png)![](attachment:ü)")),
    Attack("files_of_the_grader", "malformed", "kept", files={"__main__.py": "x", "n" * 250: "x", ".graded/x": "x"}),
]  # fmt: skip
