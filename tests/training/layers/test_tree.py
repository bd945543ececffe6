from __future__ import annotations

from itertools import pairwise
from unittest.mock import patch

import torch
from hypothesis import given
from hypothesis import strategies as st

from trueup.training.layers.tree import Tree, build_tree, shared_prefix, tree_size

path = st.lists(st.integers(0, 2), min_size=1, max_size=7).map(tuple)
paths = st.lists(path, min_size=1, max_size=7)


def seen_by(tree: Tree, token: int) -> set[int]:
    """Indices of the tokens that `token` attends to, read off the pieces."""
    [piece] = [piece for piece in tree.pieces if piece.start <= token < piece.end]
    seen = {i for start, end in piece.above for i in range(start, end)}
    trunk = range(piece.start, piece.start + piece.trunk)
    if token in trunk:
        return seen | set(range(piece.start, token + 1))
    branch, slot = divmod(int(piece.home[token - trunk.stop]), piece.slots.shape[1])
    own = piece.mask[branch, slot].nonzero()[:, 0]
    assert bool(piece.filled[branch, own].all())
    return seen | set(trunk) | {piece.start + i for i in piece.slots[branch, own].tolist()}


@given(paths, st.sampled_from([1, 2, 16]), st.sampled_from([0, 3, 4_000]))
def test_every_token_sees_exactly_its_own_sequence(
    paths: list[tuple[int, ...]], least_shared: int, call: int
) -> None:
    with patch("trueup.training.layers.tree.CALL", call):
        tree = build_tree(paths, least_shared=least_shared)
    ends = [piece.end for piece in tree.pieces]
    assert [piece.start for piece in tree.pieces] == [0, *ends[:-1]]
    assert ends[-1] == tree.size
    for path, place in zip(paths, tree.places, strict=True):
        assert tree.tokens[place].tolist() == list(path)
        assert tree.positions[place].tolist() == list(range(len(path)))
        for depth, token in enumerate(place.tolist()):
            assert seen_by(tree, token) == set(place[: depth + 1].tolist())
            assert all(i <= token < int(tree.until[i]) for i in seen_by(tree, token))
    sees = [
        (i <= token) & (token < tree.until[i])
        for token in range(tree.size)
        for i in range(tree.size)
    ]
    assert sum(map(bool, sees)) == sum(len(seen_by(tree, token)) for token in range(tree.size))


@given(paths)
def test_each_distinct_prefix_is_one_token(paths: list[tuple[int, ...]]) -> None:
    prefixes = {path[: i + 1] for path in paths for i in range(len(path))}
    assert build_tree(paths, least_shared=1).size == len(prefixes)


@given(paths, st.sampled_from([1, 2, 16]), st.booleans())
def test_the_size_is_known_before_the_tree_is_built(
    paths: list[tuple[int, ...]], least_shared: int, in_order: bool
) -> None:
    rows = sorted(paths) if in_order else paths
    shared = [0, *(shared_prefix(one, other) for one, other in pairwise(rows))]
    said = tree_size([len(row) for row in rows], shared, least_shared)
    size = build_tree(paths, least_shared=least_shared).size
    assert said == size if in_order else said >= size


@given(path, path)
def test_shared_prefix(one: tuple[int, ...], other: tuple[int, ...]) -> None:
    n = shared_prefix(one, other)
    assert one[:n] == other[:n]
    assert n == min(len(one), len(other)) or one[n] != other[n]


def test_what_shares_too_little_below_the_trunk_stays_apart() -> None:
    short = [(1, 2, 3), (1, 2, 4), (1, 5)]
    assert build_tree(short, least_shared=1).pieces[0].slots.shape == (2, 3)
    assert build_tree(short, least_shared=2).pieces[0].slots.shape == (3, 2)
    prompts = [(1, *range(10, 30)), (1, *range(10, 28), 40), (1, *range(50, 60))]
    tree = build_tree([(*p, end) for p in prompts for end in (7, 8)])
    assert len(tree.pieces[0].slots) == 1 + 2, "a prompt of 10 tokens is read for each completion"


def test_prompts_with_their_answers_attend_apart_where_they_are_long() -> None:
    def rows(prompt: int, answer: int) -> list[tuple[int, ...]]:
        prompts = [(1, 2, *range(100 * i, 100 * i + prompt)) for i in (1, 2, 3)]
        return [(*p, *range(j, j + answer)) for p in prompts for j in (7, 1007)]

    long = build_tree(rows(90, 70)).pieces
    assert [(p.trunk, len(p.slots)) for p in long] == [(2, 0), (90, 2), (90, 2), (90, 2)]
    assert [p.above for p in long] == [(), ((0, 2),), ((0, 2),), ((0, 2),)]
    [short] = build_tree(rows(20, 7)).pieces
    assert (short.trunk, len(short.slots)) == (2, 3)


def test_no_row_of_a_mask_is_empty() -> None:
    [piece] = build_tree([(1, 2, 3), (1, 4), (1, 5, 6, 7, 8)]).pieces
    assert bool(piece.mask.any(-1).all())


def test_a_single_sequence_is_all_trunk() -> None:
    [piece] = build_tree([(4, 5, 6)]).pieces
    assert (piece.trunk, piece.slots.numel(), piece.home.numel()) == (3, 0, 0)


def test_sequences_with_nothing_in_common_have_no_trunk() -> None:
    tree = build_tree([(1, 2), (3,)])
    assert tree.pieces[0].trunk == 0
    assert torch.equal(tree.tokens, torch.tensor([1, 2, 3])), "token ids are integers"
    assert torch.equal(tree.positions, torch.tensor([0, 1, 0]))
