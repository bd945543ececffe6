from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from trueup.errors import ModelError
from trueup.models import folder_hash, load_model, save_model, state_hash


def test_a_saved_model_loads_in_plain_transformers(tmp_path: Path, tiny_model_dir: Path) -> None:
    loaded = load_model(tiny_model_dir, device="cpu")
    content_hash = save_model(loaded.model, loaded.tokenizer, tmp_path / "deep" / "out")
    assert content_hash == loaded.content_hash == folder_hash(tmp_path / "deep" / "out")
    plain = AutoModelForCausalLM.from_pretrained(tmp_path / "deep" / "out")
    ids = torch.arange(20)[None]
    with torch.no_grad():
        assert torch.equal(plain(ids).logits, loaded.model(ids).logits)
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["out"]


def test_saving_the_same_again_changes_nothing(tmp_path: Path, tiny_model_dir: Path) -> None:
    loaded = load_model(tiny_model_dir)
    first = save_model(loaded, None, tmp_path / "out")
    stamp = (tmp_path / "out" / "model.safetensors").stat().st_mtime_ns
    assert save_model(loaded, None, tmp_path / "out") == first
    assert (tmp_path / "out" / "model.safetensors").stat().st_mtime_ns == stamp
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_another_model_is_not_overwritten(tmp_path: Path, tiny_model_dir: Path) -> None:
    loaded = load_model(tiny_model_dir)
    first = save_model(loaded, None, tmp_path / "out")
    with torch.no_grad():
        loaded.model.model.norm.weight += 1
    with pytest.raises(ModelError, match="another model is there"):
        save_model(loaded, None, tmp_path / "out")
    assert folder_hash(tmp_path / "out") == first
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_folder_of_something_else_is_not_overwritten(
    tmp_path: Path, tiny_model_dir: Path
) -> None:
    (tmp_path / "notes.txt").write_text("keep me")
    loaded = load_model(tiny_model_dir)
    with pytest.raises(ModelError, match="exists and is not empty"):
        save_model(loaded, None, tmp_path)
    assert (tmp_path / "notes.txt").read_text() == "keep me"


def test_an_empty_folder_is_filled(tmp_path: Path, tiny_model_dir: Path) -> None:
    (tmp_path / "out").mkdir()
    assert save_model(load_model(tiny_model_dir), None, tmp_path / "out")


def test_a_failed_save_leaves_nothing(tmp_path: Path, tiny_model_dir: Path) -> None:
    loaded = load_model(tiny_model_dir)
    with pytest.raises(AttributeError):
        save_model(loaded.model, None, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing. is deprecated")  # by peft
def test_adapters_are_refused(tmp_path: Path, tiny_model_dir: Path) -> None:
    from peft import LoraConfig, get_peft_model

    loaded = load_model(tiny_model_dir)
    adapted = get_peft_model(loaded.model, LoraConfig(target_modules=["q_proj"]))
    with pytest.raises(ModelError, match="merge adapters"):
        save_model(adapted, loaded.tokenizer, tmp_path / "out")


def test_the_folder_hash_needs_weights(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no \*\.safetensors"):
        folder_hash(tmp_path)
    with pytest.raises(ModelError, match="no such folder"):
        folder_hash(tmp_path / "none")


def test_the_folder_hash_covers_every_shard(tmp_path: Path, tiny_model_dir: Path) -> None:
    model = load_model(tiny_model_dir).model
    model.save_pretrained(tmp_path, max_shard_size="100KB")
    shards = sorted(tmp_path.glob("*.safetensors"))
    assert len(shards) > 1
    before = folder_hash(tmp_path)
    shards[-1].write_bytes(shards[-1].read_bytes()[:-1] + b"\x01")
    assert folder_hash(tmp_path) != before


def test_the_state_hash_follows_the_weights(tiny_model_dir: Path) -> None:
    one, other = (load_model(tiny_model_dir).model for _ in range(2))
    assert state_hash(one) == state_hash(other)
    with torch.no_grad():
        other.model.norm.weight[3] += 1e-3
    assert state_hash(one) != state_hash(other)
    assert state_hash(one) != state_hash(one.bfloat16())
