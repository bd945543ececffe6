from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from trueup.errors import InputError, UnknownName
from trueup.models import folder_hash
from trueup.training import DPO, SFT, Recipe, Reward, Stage, run_recipe
from trueup.types import Example

Examples = Callable[..., list[Example]]

TOML = """
[[stages]]
name = "warm-up"
method = "sft"
data = "corrected"
lr = 1e-3
lora_rank = 2

[[stages]]
name = "prefer"
method = "dpo"
data = "pairs"
beta = 0.2
lora_rank = 2
"""


def test_a_recipe_reads_from_toml_and_goes_back() -> None:
    recipe = Recipe.from_dict(tomllib.loads(TOML))
    assert recipe == Recipe(
        (
            Stage("warm-up", SFT(lr=1e-3, lora_rank=2), "corrected"),
            Stage("prefer", DPO(beta=0.2, lora_rank=2), "pairs"),
        )
    )
    assert Recipe.from_dict(recipe.to_dict()) == recipe


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("beta = 0.2", "bta = 0.2"), "no key bta"),
        (('method = "dpo"', 'method = "ppo"'), "no method ppo; there are cpt, sft, reward, dpo"),
        (('data = "pairs"', ""), "stage prefer: data is missing"),
        (('name = "prefer"', 'name = "warm-up"'), "named twice: warm-up"),
        (('name = "prefer"', 'name = "../x"'), "lower-case"),
        (("[[stages]]", "[[steps]]"), "no key steps"),
        (("lr = 1e-3", 'lr = "high"'), "lr = 'high'"),
    ],
)
def test_mistakes_in_a_recipe_are_named(change: tuple[str, str], told: str) -> None:
    with pytest.raises(InputError, match=told):
        Recipe.from_dict(tomllib.loads(TOML.replace(*change)))


@pytest.mark.parametrize("stages", [[], "sft", ["sft"]])
def test_stages_must_be_tables(stages: object) -> None:
    with pytest.raises(InputError, match=r"recipe"):
        Recipe.from_dict({"stages": stages})


def test_each_stage_starts_from_the_one_before(
    tiny_model_dir: Path, examples: Examples, tmp_path: Path
) -> None:
    recipe = Recipe.from_dict(tomllib.loads(TOML))
    data = {"corrected": examples(8), "pairs": examples(8, pairs=True)}
    calls: list[tuple[str, int, int]] = []
    first, second = run_recipe(
        recipe,
        model=tiny_model_dir,
        data=data,
        held_out={"pairs": examples(2, pairs=True, seed=9)},
        out=tmp_path,
        progress=lambda what, done, total: calls.append((what, done, total)),
    )
    assert [call for call in calls if call[0] == "steps"] == [("steps", 1, 2), ("steps", 2, 2)]
    assert (first.checkpoint_path.parent.name, first.best_metric) == ("warm-up", None)
    assert second.best_metric is not None
    claimed = (tmp_path / "prefer" / "run.json").read_text()
    assert folder_hash(first.checkpoint_path) == first.content_hash
    assert first.content_hash in claimed
    again = run_recipe(
        recipe,
        model=tiny_model_dir,
        data=data,
        held_out={"pairs": examples(2, pairs=True, seed=9)},
        out=tmp_path,
    )
    assert again == [first, second]


def test_missing_rows_are_named_before_anything_trains(
    tiny_model_dir: Path, examples: Examples, tmp_path: Path
) -> None:
    recipe = Recipe.from_dict(tomllib.loads(TOML))
    with pytest.raises(UnknownName, match="stage prefer: no rows named pairs; there are corrected"):
        run_recipe(
            recipe, model=tiny_model_dir, data={"corrected": examples(2)}, out=tmp_path / "o"
        )
    assert not (tmp_path / "o").exists()


def test_a_reward_model_is_no_stage() -> None:
    with pytest.raises(InputError, match="stage judge: a reward model answers nothing"):
        Recipe((Stage("judge", Reward(), "pairs"),))
