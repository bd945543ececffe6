from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.training import KTO, SFT
from trueup.training.batches import Batches
from trueup.training.groups import Group


@given(st.integers(1, 30), st.integers(1, 7), st.integers(0, 5))
def test_an_epoch_holds_every_row_once(count: int, batch_size: int, seed: int) -> None:
    groups = [Group(str(i), (1,), ((2,),)) for i in range(count)]
    method = SFT(batch_size=batch_size, seed=seed)
    steps = method.total_steps(count)
    batches = Batches(groups, replace(method, epochs=2)).of_run()
    assert batches[:steps] == [Batches(groups, method).of_step(step) for step in range(steps)]
    assert batches[steps:] == [[]] * steps, "rows are listed where they are first read"
    for epoch in range(2):
        seen = [
            g.id
            for step in range(epoch * steps, (epoch + 1) * steps)
            for g in Batches(groups, method).of_step(step)
        ]
        assert sorted(seen) == sorted(g.id for g in groups)


def test_an_epoch_of_many_rows_is_ordered_once(monkeypatch: pytest.MonkeyPatch) -> None:
    draws: list[Any] = []
    draw = np.random.default_rng
    monkeypatch.setattr(np.random, "default_rng", lambda seed: draws.append(seed) or draw(seed))
    groups = [Group(str(i), (1,), ((2,),)) for i in range(50)]
    Batches(groups, SFT(batch_size=2, epochs=2, seed=913)).of_run()
    assert draws == [[913, 0], [913, 1]]


def test_each_epoch_and_seed_has_its_own_order() -> None:
    groups = [Group(str(i), (1,), ((2,),)) for i in range(20)]

    def order(step: int, seed: int) -> list[str]:
        return [g.id for g in Batches(groups, SFT(batch_size=20, seed=seed)).of_step(step)]

    assert order(0, 0) == order(0, 0)
    assert order(0, 0) != order(1, 0)
    assert order(0, 0) != order(0, 1)


@given(st.lists(st.booleans(), min_size=1, max_size=20), st.integers(1, 4), st.integers(0, 5))
def test_the_halves_of_a_pair_are_neighbours_and_no_row_is_lost(
    paired: list[bool], half: int, seed: int
) -> None:
    groups = []
    for number, pair in enumerate(paired):
        for wanted in (True, False) if pair else (True,):
            groups.append(Group(f"{number} {wanted}", (number,), ((2,),), desirable=wanted))
    batches = Batches(groups, KTO(batch_size=2 * half, seed=seed))
    epoch = [g for step in range(-(-len(groups) // (2 * half))) for g in batches.of_step(step)]
    assert sorted(g.id for g in epoch) == sorted(g.id for g in groups)
    at = {g.id: place for place, g in enumerate(epoch)}
    for number, pair in enumerate(paired):
        assert not pair or abs(at[f"{number} True"] - at[f"{number} False"]) == 1
    if all(paired):  # then no pair is cut in two
        for step in range(-(-len(paired) // half)):
            assert sum(g.desirable for g in batches.of_step(step)) * 2 == len(batches.of_step(step))


def test_rows_that_are_no_pairs_keep_their_order() -> None:
    groups = [Group(str(i), (i,), ((2,),), desirable=i % 2 == 0) for i in range(20)]
    one, other = (
        [g.id for g in Batches(groups, method(batch_size=20)).of_step(0)] for method in (SFT, KTO)
    )
    assert one == other
