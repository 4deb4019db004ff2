"""The worlds on which derivations are checked: a readable family first, from which counterexamples are shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch

from dgm_tutor.exact import Factor, FiniteWorld, LinearGaussianWorld, Table, World

Worlds = Callable[[torch.Generator], Iterable[Any]]
COUNT = 64


def readable_table(factor: str, size: int, generator: torch.Generator) -> Table:
    """Random tables (COUNT, ...) whose probabilities are tenths (hundredths with more than six cells), none zero."""
    parsed = Factor.parse(factor)
    cells, columns = size ** len(parsed.left), size ** len(parsed.given)
    parts = 10 if cells <= 6 else 100
    weights = torch.rand(COUNT * columns, cells, generator=generator, dtype=torch.float64).square()
    drawn = torch.multinomial(weights, parts - cells, replacement=True, generator=generator)
    counts = 1 + torch.nn.functional.one_hot(drawn, cells).sum(1)
    probs = counts.double().reshape(COUNT, columns, cells).mT / parts
    return Table(parsed, probs.reshape(COUNT, *[size] * len(parsed.axes)))


def finite_worlds(p: tuple[str, ...], q: tuple[str, ...]) -> Worlds:
    """Finite worlds with the given factors: readable ones with two values a variable, then larger, sharper ones."""

    def worlds(generator: torch.Generator) -> Iterable[FiniteWorld]:
        yield FiniteWorld(*([readable_table(f, 2, generator) for f in side] for side in (p, q)))
        yield FiniteWorld.random(p, q, sizes=3, batch=(COUNT,), generator=generator)
        yield FiniteWorld.random(p, q, sizes=2, batch=(COUNT,), generator=generator, spread=3.0)

    return worlds


def variational_worlds(generator: torch.Generator) -> Iterable[World]:
    """One x, one z: readable finite worlds first, then generic ones."""
    yield from finite_worlds(("z", "x | z"), ("x", "z | x"))(generator)
    yield from generic_worlds(generator)


def generic_worlds(generator: torch.Generator) -> Iterable[World]:
    """Finite and linear-Gaussian worlds in which no two distributions agree by chance (among tenths some do)."""
    yield FiniteWorld.random(sizes={"x": 5, "z": 3}, batch=(COUNT,), generator=generator)
    yield LinearGaussianWorld.random(batch=(COUNT,), generator=generator)


def altered(alter: Callable[[World], World]) -> Worlds:
    """Generic worlds, each changed by ``alter``: how a case of equality is built, or broken."""
    return lambda generator: [alter(world) for world in generic_worlds(generator)]


def with_true_posterior(world: World) -> World:
    """The same world with q(z|x) = p(z|x)."""
    return type(world)(world.p.factors, [world.data, world.true_posterior])


def with_model_data(world: World) -> World:
    """The same world with p_data = p_theta."""
    return type(world)(world.p.factors, [world.model, world.posterior])


def optimal(world: World) -> World:
    """The same world with p_data = p_theta and q(z|x) = p(z|x)."""
    return with_model_data(with_true_posterior(world))
