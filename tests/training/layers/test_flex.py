from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from trueup.training.layers.attention import masked_attention
from trueup.training.layers.flex import block_mask, flex_tree_attention
from trueup.training.layers.tree import build_tree

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")

paths = st.lists(
    st.lists(st.integers(0, 1), min_size=1, max_size=9).map(lambda row: (7, *row)),
    min_size=1,
    max_size=6,
)


@pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")
@settings(max_examples=25, deadline=None)
@given(paths)
def test_every_path_attends_as_it_would_alone(rows: list[tuple[int, ...]]) -> None:
    tree = build_tree(rows, DEVICE, least_shared=1)
    generator = torch.Generator(DEVICE).manual_seed(0)
    query, key, value = (
        torch.randn(1, heads, tree.size, 16, generator=generator, device=DEVICE)
        for heads in (4, 2, 2)
    )
    learns = DEVICE.type != "cpu"  # the kernel has no backward there
    parts = [part.requires_grad_(learns) for part in (query, key, value)]
    out = flex_tree_attention(query, key, value, block_mask(tree), 0.3)
    for place in tree.places:
        alone = torch.nn.functional.scaled_dot_product_attention(
            *(part[:, :, place] for part in parts), is_causal=True, scale=0.3, enable_gqa=True
        )
        torch.testing.assert_close(out[:, :, place], alone, rtol=1e-4, atol=1e-5)
    if learns:
        index = torch.arange(tree.size, device=DEVICE)
        sees = (index <= index[:, None]) & (index[:, None] < tree.until)
        whole = masked_attention(
            *(part.transpose(1, 2) for part in parts), sees[None], 0.3
        ).transpose(1, 2)
        seed = torch.randn_like(out)
        for mine, other in zip(
            torch.autograd.grad(out, parts, seed),
            torch.autograd.grad(whole, parts, seed),
            strict=True,
        ):
            torch.testing.assert_close(mine, other, rtol=1e-3, atol=1e-4)


@settings(max_examples=40)
@given(st.lists(st.integers(1, 300), min_size=1, max_size=5), st.integers(0, 300))
def test_blocks_are_those_that_paths_cross(lengths: list[int], shared: int) -> None:
    prompt = tuple(range(shared))
    tree = build_tree([(*prompt, *[1000 + i] * n) for i, n in enumerate(lengths)], DEVICE)
    mask = block_mask(tree)
    index = torch.arange(tree.size, device=DEVICE)
    sees = (index <= index[:, None]) & (index[:, None] < tree.until)
    count = -(-tree.size // 128)
    # what lies beyond the last token counts for neither
    some, least = (
        torch.full((count * 128, count * 128), fill, device=DEVICE) for fill in (False, True)
    )
    some[: tree.size, : tree.size] = sees
    least[: tree.size, : tree.size] = sees
    crossed = some.view(count, 128, count, 128).any(dim=3).any(dim=1)
    whole = least.view(count, 128, count, 128).all(dim=3).all(dim=1)
    assert torch.equal(mask.to_dense()[0, 0].bool(), crossed)
    full = torch.zeros_like(crossed)
    for row, (number, which) in enumerate(
        zip(mask.full_kv_num_blocks[0, 0], mask.full_kv_indices[0, 0], strict=True)
    ):
        full[row, which[:number]] = True
    assert torch.equal(full, whole & ~torch.eye(count, dtype=torch.bool, device=DEVICE))
