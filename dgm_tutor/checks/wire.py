"""Probes and their replies as plain text: the only thing that ever leaves a student's code for a grader.

A *probe* is a trusted snippet that runs on an answer and returns data: numbers, strings, containers and plain
tensors, written as JSON with tensors as dtype, shape and base64 bytes. Nothing is pickled, so reading a reply can
build numbers and nothing else. The file imports only the standard library at the top: the autograder sends this
very text into the student's kernel, and the instant checks run it in place.
"""

import base64
import json
import linecache
import math
import traceback

MAX_TEXT = 4_000_000  # characters in one reply
MAX_DEPTH = 6
MAX_ITEMS = 100_000
DTYPES = {"float32": 4, "float64": 8, "int64": 8, "uint8": 1, "bool": 1}
TENSOR = "__tensor__"


class WireError(ValueError):
    """The text is not a reply that a probe could have written."""


def encode(value):
    """`value` as JSON data. Raises `WireError` for anything that is not plain data."""
    import torch

    if type(value).__module__ == "numpy":  # its arrays, and its numbers, of which only some are Python's
        value = torch.as_tensor(value)
    if isinstance(value, torch.Tensor):
        plain = value.detach().cpu().contiguous()
        dtype = str(plain.dtype).removeprefix("torch.")
        if dtype not in DTYPES:
            raise WireError(f"a tensor of dtype {dtype} cannot be sent; use one of {sorted(DTYPES)}")
        return {TENSOR: [dtype, list(plain.shape), base64.b64encode(plain.numpy().tobytes()).decode()]}
    if isinstance(value, dict):
        if TENSOR in value or not all(isinstance(key, str) for key in value):
            raise WireError("a mapping needs string keys")
        return {key: encode(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [encode(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise WireError(f"{value} is not a number to compare with")
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise WireError(f"{type(value).__name__} is not plain data")


def dumps(value) -> str:
    """`value` as text."""
    return json.dumps(encode(value), allow_nan=False)


def decode(value, depth: int = MAX_DEPTH):
    """Tensors, numbers, strings and containers from JSON data; everything is checked before it is built."""
    if depth < 0:
        raise WireError(f"nested deeper than {MAX_DEPTH}")
    if isinstance(value, dict):
        if TENSOR in value:
            return _tensor(value)
        if len(value) > MAX_ITEMS:
            raise WireError(f"more than {MAX_ITEMS} items")
        return {key: decode(item, depth - 1) for key, item in value.items()}
    if isinstance(value, list):
        if len(value) > MAX_ITEMS:
            raise WireError(f"more than {MAX_ITEMS} items")
        return [decode(item, depth - 1) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise WireError("a number that is not finite")
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 2**63:
        raise WireError("an integer beyond 64 bits")
    return value


def _tensor(value):
    import torch

    fields = value[TENSOR]
    if len(value) != 1 or not isinstance(fields, list) or len(fields) != 3:
        raise WireError("a tensor is [dtype, shape, base64 bytes]")
    dtype, shape, text = fields
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise WireError("a tensor of unknown dtype")
    if not isinstance(shape, list) or len(shape) > 8 or not all(type(n) is int and 0 <= n < 2**31 for n in shape):
        raise WireError("a tensor without a shape")
    try:
        raw = base64.b64decode(text, validate=True)
    except (TypeError, ValueError) as error:
        raise WireError("tensor bytes that are not base64") from error
    if len(raw) != math.prod(shape) * DTYPES[dtype]:
        raise WireError("tensor bytes that do not fill the shape")
    if dtype == "bool" and set(raw) - {0, 1}:
        raise WireError("a truth value that is neither 0 nor 1")
    if not raw:
        return torch.zeros(shape, dtype=getattr(torch, dtype))
    return torch.frombuffer(bytearray(raw), dtype=getattr(torch, dtype)).reshape(shape)


def loads(text: str):
    """The data in a reply. Raises `WireError` for text that is too long, too deep or not plain data."""
    if not isinstance(text, str) or len(text) > MAX_TEXT:
        raise WireError(f"a reply is at most {MAX_TEXT} characters of text")

    def refuse(constant):
        raise WireError(f"{constant} is not a number to compare with")

    try:
        data = json.loads(text, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise WireError(f"not JSON: {error}") from error
    return decode(data)


def run(source: str, name: str, answer, inputs: str, seed: int) -> str:
    """Run the probe function `name` of `source` on `answer`; the reply as text.

    A reply is `{"status": "ok", "data": ...}`, `{"status": "raised", "message": ...}` or
    `{"status": "not attempted"}` (no answer, a placeholder, or `NotImplementedError`). The caller's random
    numbers are left as they were.
    """
    import torch

    if answer is None or answer is ... or placeholder(answer):
        return dumps({"status": "not attempted"})
    namespace = {"__name__": "probe"}
    try:
        exec(compile(source, "<probe>", "exec"), namespace)
        with torch.random.fork_rng(devices=[]), torch.enable_grad():
            torch.manual_seed(seed)
            return dumps({"status": "ok", "data": namespace[name](answer, loads(inputs))})
    except NotImplementedError:
        return dumps({"status": "not attempted"})
    except Exception as error:
        return dumps({"status": "raised", "message": describe(error)})


def placeholder(answer) -> bool:
    """Whether the answer is a function with nothing in it but a docstring, `...` or `pass`."""
    import dis

    code = getattr(answer, "__code__", None)
    if not hasattr(code, "co_code"):
        return False
    steps = list(dis.get_instructions(code))
    idle = {"RESUME", "NOP", "LOAD_CONST", "RETURN_CONST", "RETURN_VALUE"}
    constants = [step.argval for step in steps if step.opname in ("LOAD_CONST", "RETURN_CONST")]
    return {step.opname for step in steps} <= idle and constants == [None]


def describe(error: BaseException) -> str:
    """The error in one line, with the answer's own line that raised it."""
    text = f"{type(error).__name__}: {error}".strip().rstrip(":")[:600]
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        line = linecache.getline(frame.filename, frame.lineno or 0).strip()
        if frame.filename.startswith("<ipython") or "ipykernel_" in frame.filename:
            return f"{text} (your line {frame.lineno}: {line[:200]})"
    return text
