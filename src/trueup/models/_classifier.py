"""Sequence classifiers of transformers as judges: NLI models, hallucination and other detectors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from trueup.errors import ModelError, PromptTooLong
from trueup.models._hash import folder_hash
from trueup.models._load import one_line, pick_device, quiet
from trueup.models._source import locate
from trueup.store.ids import content_hash

__all__ = ["Classifier"]

# What models call the good end, by what they are about: NLI, support by a source, harm.
_GOOD = (
    *("entailment", "entails", "consistent", "factually consistent", "supported", "supports"),
    *("faithful", "grounded", "factual", "non-toxic", "not toxic"),
)


class Classifier:
    """A sequence classifier over a text, or over a source and a claim, as the chance of good.

    A model with several labels is read by softmax, one of a single logit (a cross-encoder that
    detects hallucinations) or of several that do not exclude each other by sigmoid. What is longer
    than the model's context is read in overlapping windows: a claim is as good as in the source's
    best window (as in SummaC's zero-shot form, arXiv:2111.09525), a text as in its worst.

    Args:
        source: a folder in the Hugging Face format, or a hub name.
        good: the label whose probability is the value. Left out, it is the single logit, or the
            label with a known name of the good end ("entailment", "consistent", "supported", ...).
        bad: instead, labels of the bad end ("toxic"); the value is 1 minus the largest of theirs.
        device: "auto" is the first GPU where there is one, else the processor.
        batch_size: windows at once.
        max_length: tokens of a window; the tokenizer's own, at most 512, if left out.

    Raises:
        ModelError: nothing is there, it is no classifier, or which label is good is not known.
    """

    kind: ClassVar[str] = "model"

    def __init__(
        self,
        source: str | Path,
        *,
        good: str | None = None,
        bad: Sequence[str] = (),
        device: str = "auto",
        batch_size: int = 32,
        max_length: int | None = None,
    ) -> None:
        self._asked: dict[str, Any] = {
            **{"source": source, "good": good, "bad": tuple(bad), "device": device},
            **{"batch_size": batch_size, "max_length": max_length},
        }
        folder = locate(source).folder
        self._device = pick_device(device)
        with quiet(), one_line(str(source)):
            self._tokenizer = AutoTokenizer.from_pretrained(folder)
            model, info = AutoModelForSequenceClassification.from_pretrained(
                folder, dtype=torch.float32, output_loading_info=True, use_safetensors=True
            )
        if absent := sorted(info["missing_keys"]):
            raise ModelError(f"{source}: is no classifier (no {absent[0]}); give one that is")
        self._model = model.to(self._device).eval()
        config = self._model.config
        self.labels = tuple(str(config.id2label[index]) for index in range(config.num_labels))
        self._apart = config.problem_type == "multi_label_classification" or len(self.labels) == 1
        self._good, self._bad = _ends(str(source), self.labels, good, bad)
        self._batch_size = batch_size
        self._max_length = max_length or min(512, self._tokenizer.model_max_length)
        self.content_hash = folder_hash(folder)

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (self._asked,)

    def __repr__(self) -> str:
        return f"Classifier({str(self._asked['source'])!r})"

    @property
    def fingerprint(self) -> str:
        """A hash of what decides how it grades: weights, labels, window."""
        return content_hash([self.content_hash, self._good, self._bad, self._max_length])

    def good(self, texts: Sequence[str | tuple[str, str]]) -> list[float]:
        """Return how likely each is good, from 0 to 1.

        Args:
            texts: texts, or pairs of a source and a claim about it; all of one kind.

        Raises:
            PromptTooLong: a claim leaves no room for its source.
        """
        if not texts:
            return []
        pairs = isinstance(texts[0], tuple)
        windows, owners = self._windows(texts)
        values = self._values(windows)
        best = (np.maximum if pairs else np.minimum).reduceat(
            values, np.flatnonzero(np.diff(owners, prepend=-1))
        )
        return [float(value) for value in best]

    def _windows(
        self, texts: Sequence[str | tuple[str, str]]
    ) -> tuple[list[dict[str, Any]], np.ndarray[Any, Any]]:
        """Return the windows' token ids, and for each window the place of its text."""
        windows: list[dict[str, Any]] = []
        owners: list[int] = []
        for place, text in enumerate(texts):
            source, claim = text if isinstance(text, tuple) else (text, None)
            room = self._room(claim)
            cut = self._tokenizer(
                source,
                claim,
                truncation="only_first",
                max_length=self._max_length,
                stride=room // 4,
                return_overflowing_tokens=True,
                return_tensors=None,
            )
            names = [n for n in ("input_ids", "token_type_ids", "attention_mask") if n in cut]
            count = len(cut["input_ids"])
            windows += [{name: cut[name][at] for name in names} for at in range(count)]
            owners += [place] * count
        return windows, np.array(owners)

    def _room(self, claim: str | None) -> int:
        """Return how many tokens of the source a window has room for."""
        taken = len(self._tokenizer("", claim)["input_ids"])
        room = self._max_length - taken
        if room < self._max_length // 4:
            raise PromptTooLong(
                f"a claim of {taken} tokens leaves no room for its source in the model's "
                f"{self._max_length}; give shorter claims"
            )
        return room

    @torch.inference_mode()
    def _values(self, windows: Sequence[dict[str, Any]]) -> np.ndarray[Any, Any]:
        order = sorted(range(len(windows)), key=lambda at: len(windows[at]["input_ids"]))
        values = np.empty(len(windows))
        for start in range(0, len(order), self._batch_size):
            places = order[start : start + self._batch_size]
            batch = self._tokenizer.pad([windows[at] for at in places], return_tensors="pt")
            logits = self._model(**batch.to(self._device)).logits.float()
            chances = logits.sigmoid() if self._apart else logits.softmax(-1)
            if self._bad:
                found = 1 - chances[:, list(self._bad)].amax(-1)
            else:
                found = chances[:, self._good]
            values[places] = found.cpu().numpy()
        return values


def _again(asked: dict[str, Any]) -> Classifier:
    return Classifier(**asked)


def _ends(
    source: str, labels: Sequence[str], good: str | None, bad: Sequence[str]
) -> tuple[int, tuple[int, ...]]:
    """Return the place of the good label, and those of the bad ones where they are named."""
    if good is not None and bad:
        raise ModelError(f"{source}: good and bad labels are given; give one of them")
    folded = [label.casefold() for label in labels]
    named = [good] if good is not None else list(bad)
    if unknown := [name for name in named if name.casefold() not in folded]:
        raise ModelError(f"{source}: no label {unknown[0]!r}; it has {', '.join(labels)}")
    if bad:
        return -1, tuple(folded.index(name.casefold()) for name in bad)
    if good is None and len(labels) > 1:
        good = next((name for name in _GOOD if name in folded), None)
        if good is None:
            raise ModelError(
                f"{source}: which of its labels is good is not known; "
                f"give good= or bad= of {', '.join(labels)}"
            )
    return (0 if good is None else folded.index(good.casefold())), ()
