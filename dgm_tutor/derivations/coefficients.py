"""Coefficients of terms: small sympy expressions in declared parameters, read from a student without ``eval``."""

from __future__ import annotations

import ast
import math
import operator
from dataclasses import dataclass
from numbers import Real
from typing import Any

import sympy
import torch
from torch import Tensor

GREEK = {"alpha": "α", "beta": "β", "gamma": "γ", "lambda": "λ"}
OPERATIONS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
NODES = (sympy.Add, sympy.Mul, sympy.Pow, sympy.Symbol, sympy.Number)
LONGEST, HIGHEST_POWER = 100, 4


@dataclass(frozen=True)
class Parameter:
    """A free number of a derivation, such as beta: its name, and the range that sliders and random checks cover.

    ``log`` spaces the range geometrically (both ends positive). Random values have two decimals and keep away
    from 0 and 1, where a wrong coefficient can look right.
    """

    name: str
    low: float
    high: float
    log: bool = False
    default: float = 1.0

    @property
    def symbol(self) -> sympy.Symbol:
        return sympy.Symbol(self.name)

    @property
    def text(self) -> str:
        return GREEK.get(self.name, self.name)

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """``count`` random values, float64 (count,)."""
        low, high = (math.log(self.low), math.log(self.high)) if self.log else (self.low, self.high)
        value = low + (high - low) * torch.rand(count, generator=generator, dtype=torch.float64)
        value = value.exp() if self.log else value
        for trivial in (0.0, 1.0):
            value = torch.where((value - trivial).abs() < 0.1, trivial + 0.15 * (self.high - trivial), value)
        return value.mul(100).round() / 100


def coefficient(value: Any, parameters: tuple[Parameter, ...]) -> sympy.Expr:
    """A number, a string such as ``"beta - 1"`` or a sympy expression, as an expression in the parameters.

    Raises ValueError for anything else: other names, function calls, NaN and infinities, powers above 4.
    """
    if isinstance(value, str):
        value = _parse(value, parameters)
    elif isinstance(value, Real) and not isinstance(value, bool):
        value = sympy.nsimplify(value) if isinstance(value, int) else sympy.Float(float(value))
    if not isinstance(value, sympy.Expr):
        raise ValueError(f"a coefficient is a number or text such as {_example(parameters)!r}, got {value!r}")
    known = {p.name: p.symbol for p in parameters}
    for node in sympy.preorder_traversal(value):
        power = isinstance(node, sympy.Pow) and not (node.exp.is_number and abs(node.exp) <= HIGHEST_POWER)
        unknown = isinstance(node, sympy.Symbol) and node.name not in known
        if not isinstance(node, NODES) or not node.is_finite and node.is_number or power or unknown:
            raise ValueError(
                f"the coefficient {value} holds {node}: use numbers, {', '.join(known) or 'no parameter'}, "
                f"+ - * / and ** up to {HIGHEST_POWER}"
            )
    return value.subs({s: known[s.name] for s in value.free_symbols})  # the same names, whatever their assumptions


def _example(parameters: tuple[Parameter, ...]) -> str:
    return f"{parameters[0].name} - 1" if parameters else "-1"


def _parse(text: str, parameters: tuple[Parameter, ...]) -> sympy.Expr:
    """Text to sympy by walking its syntax tree; nothing in it is ever run."""
    symbols = {p.name: p.symbol for p in parameters}
    for p in parameters:
        text = text.replace(p.text, p.name)  # what is printed as β may be written β
    keyword = text.replace("lambda_", "lambda").replace("lambda", "lambda_")  # a Python keyword, a fine name

    def walk(node: ast.AST) -> sympy.Expr:
        match node:
            case ast.Expression(body=body):
                return walk(body)
            case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
                return sympy.Rational(str(number))
            case ast.Name(id=name) if name.removesuffix("_") in symbols:
                return symbols[name.removesuffix("_")]
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -walk(operand)
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return walk(operand)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATIONS:
                a, b = walk(left), walk(right)
                if isinstance(op, ast.Pow) and not (b.is_Integer and abs(b) <= HIGHEST_POWER):
                    raise ValueError(f"the power in {text!r} must be a whole number up to {HIGHEST_POWER}")
                return OPERATIONS[type(op)](a, b)
        raise ValueError(f"{ast.unparse(node)!r} in {text!r}: use numbers, {', '.join(symbols) or 'no names'}, + - * /")

    if len(text) > LONGEST:
        raise ValueError(f"a coefficient has at most {LONGEST} characters, got {len(text)}")
    try:
        return walk(ast.parse(keyword.strip(), mode="eval"))
    except (SyntaxError, RecursionError, MemoryError, TypeError) as error:
        raise ValueError(f"{text!r} is no formula; write for example {_example(parameters)!r}") from error


def evaluate(expression: sympy.Expr, values: dict[str, Any]) -> Any:
    """The expression with numbers or tensors for its parameters."""
    match expression:
        case sympy.Number():
            return float(expression)
        case sympy.Symbol():
            return values[expression.name]
        case sympy.Pow():
            return evaluate(expression.base, values) ** float(expression.exp)
    parts = [evaluate(argument, values) for argument in expression.args]
    return sum(parts) if isinstance(expression, sympy.Add) else math.prod(parts)


def signed(expression: sympy.Expr) -> tuple[str, sympy.Expr]:
    """Its sign as it is written in a sum, and what stands behind the sign: -beta is ("-", beta)."""
    parts = sympy.Add.make_args(expression)
    negative = sum(part.could_extract_minus_sign() for part in parts)
    return ("-", -expression) if 2 * negative > len(parts) else ("+", expression)


def written(expression: sympy.Expr, latex: bool) -> tuple[str, str]:
    """(sign, factor) of a coefficient, the factor empty for one and in brackets for a sum."""
    sign, body = signed(sympy.expand(expression) if expression.is_Add else expression)
    if body == 1:
        return sign, ""
    text = sympy.latex(body) if latex else sympy.sstr(body)
    if not latex:
        for name, letter in GREEK.items():
            text = text.replace(name, letter)
        text = text.replace("-", "−").replace("*", "·")
    return sign, f"({text})" if body.is_Add else text
