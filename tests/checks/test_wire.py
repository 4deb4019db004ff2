"""What a reply may hold, and that nothing else is ever built from one."""

import json

import numpy as np
import pytest
import torch

from dgm_tutor.checks import wire

PROBE = "def probe(answer, inputs):\n    return {'y': answer(inputs['x'])}\n"


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "uint8", "bool"])
@pytest.mark.parametrize("shape", [(), (3,), (2, 0, 4), (2, 3, 4)])
def test_a_tensor_comes_back_bit_for_bit(dtype, shape):
    tensor = (torch.randn(shape, generator=torch.Generator().manual_seed(1)) * 3).to(getattr(torch, dtype))
    back = wire.loads(wire.dumps({"t": tensor}))["t"]
    assert back.dtype == tensor.dtype and torch.equal(back, tensor)


def test_plain_data_comes_back():
    data = {"a": [1, 2.5, "text", None, True], "b": {"c": []}}
    assert wire.loads(wire.dumps(data)) == data


def test_what_numpy_makes_is_data():
    data = {"array": np.arange(3.0), "number": np.float32(2.5), "count": np.int64(3), "truth": np.bool_(True)}
    back = wire.loads(wire.dumps(data))
    assert torch.equal(back["array"], torch.arange(3.0, dtype=torch.float64))
    assert [float(back[name]) for name in ("number", "count", "truth")] == [2.5, 3.0, 1.0]


class Liar(float):
    def __eq__(self, other):
        return True


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), {1: 2}, {"__tensor__": 1}, b"bytes", {3}])
def test_what_is_not_plain_data_is_not_sent(value):
    with pytest.raises(wire.WireError):
        wire.dumps(value)


def test_an_object_that_equals_everything_becomes_the_number_it_is():
    assert wire.loads(wire.dumps(Liar(3.0))) == 3.0 and type(wire.loads(wire.dumps(Liar(3.0)))) is float


TENSOR = wire.dumps(torch.zeros(2))


@pytest.mark.parametrize(
    "text",
    [
        "NaN",
        "Infinity",
        "[1e999]",
        str(2**63),
        "9" * 5000,
        "[" * 200 + "]" * 200,
        "[" * 100_000,
        "{",
        "",
        '"' + "x" * wire.MAX_TEXT + '"',
        json.dumps([0] * (wire.MAX_ITEMS + 1)),
        TENSOR.replace("float32", "complex64"),
        TENSOR.replace("float32", "float64"),
        TENSOR.replace("[2]", "[3]"),
        TENSOR.replace("[2]", "[-2]"),
        TENSOR.replace("[2]", "[true, 2]"),
        TENSOR.replace("[2]", "[2147483648, 2147483648, 0]"),
        TENSOR.replace('"AAAA', '"!!!!'),
        TENSOR.replace("}", ', "more": 1}'),
        '{"__tensor__": ["bool", [1], "Ag=="]}',
        '{"__tensor__": ["float32", [1], 7]}',
        '{"__tensor__": 5}',
        '{"__tensor__": [["float32"], [1], "AAAAAA=="]}',
    ],
    ids=lambda text: text[:30],
)
def test_a_malformed_reply_is_refused(text):
    with pytest.raises(wire.WireError):
        wire.loads(text)


def test_bytes_and_objects_are_no_replies():
    for reply in (b"1", None, 3):
        with pytest.raises(wire.WireError):
            wire.loads(reply)


def say(answer):
    return wire.loads(wire.run(PROBE, "probe", answer, wire.dumps({"x": torch.ones(3)}), seed=1))


def test_the_four_ways_a_probe_ends():
    def stub(x):
        raise NotImplementedError

    assert torch.equal(say(lambda x: 2 * x)["data"]["y"], torch.full((3,), 2.0))
    assert say(stub) == say(None) == say(...) == {"status": "not attempted"}
    raised = say(lambda x: x.reshape(7))
    assert raised["status"] == "raised" and "RuntimeError" in raised["message"]
    assert say(lambda x: x.sum().item() / 0.0 if False else float("nan"))["status"] == "raised"


def test_a_probe_is_seeded_and_leaves_the_callers_noise_alone():
    torch.manual_seed(7)
    expected = torch.rand(1)
    torch.manual_seed(7)
    first = say(lambda x: torch.rand(3))
    assert torch.rand(1) == expected
    assert torch.equal(first["data"]["y"], say(lambda x: torch.rand(3))["data"]["y"])


def test_a_function_with_an_empty_body_is_not_attempted():
    def dots(x):
        """What it should do."""
        ...  # noqa: PIE790 (as a page's stub has it)

    def only_pass(x):
        pass

    def nothing_returned(x):
        x + 1

    def a_wrong_constant(x):
        return 0

    assert all(wire.placeholder(answer) for answer in (dots, only_pass))
    assert not any(wire.placeholder(answer) for answer in (nothing_returned, a_wrong_constant, len, 3, None))
