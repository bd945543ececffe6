"""Classifiers beside transformers' own forward on the same windows."""

from __future__ import annotations

import pickle

import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from trueup.errors import ModelError, PromptTooLong
from trueup.models import Classifier


@pytest.fixture(scope="module")
def detector(tmp_path_factory, make_classifier):
    return make_classifier(tmp_path_factory.mktemp("one") / "model", ["LABEL_0"])


@pytest.fixture(scope="module")
def nli(tmp_path_factory, make_classifier):
    labels = ["CONTRADICTION", "NEUTRAL", "ENTAILMENT"]
    return make_classifier(tmp_path_factory.mktemp("nli") / "model", labels)


def plain(folder, source, claim=None):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    with torch.inference_mode():
        return model(**tokenizer(source, claim, return_tensors="pt")).logits[0]


PAIRS = [("the sky is blue", "sky is blue"), ("a", "the sky"), ("the sky is", "b")]


def test_nli_is_the_probability_of_entailment(nli):
    judge = Classifier(nli, device="cpu", batch_size=2)
    assert judge.labels == ("CONTRADICTION", "NEUTRAL", "ENTAILMENT")
    wanted = [float(plain(nli, *pair).softmax(-1)[2]) for pair in PAIRS]
    assert judge.good(PAIRS) == pytest.approx(wanted, abs=1e-6)
    assert len(set(wanted)) == 3
    assert judge.good([]) == []
    named = Classifier(nli, device="cpu", good="neutral")
    assert named.good(PAIRS[:1])[0] == pytest.approx(float(plain(nli, *PAIRS[0]).softmax(-1)[1]))
    assert named.fingerprint != judge.fingerprint
    bad = Classifier(nli, device="cpu", bad=["Contradiction", "NEUTRAL"]).good(PAIRS[:1])[0]
    assert bad == pytest.approx(1 - float(plain(nli, *PAIRS[0]).softmax(-1)[:2].max()))


def test_a_single_logit_is_read_by_sigmoid(detector):
    judge = Classifier(detector, device="cpu")
    wanted = [float(plain(detector, *pair).sigmoid()[0]) for pair in PAIRS]
    assert judge.good(PAIRS) == pytest.approx(wanted, abs=1e-6)
    assert judge.good(["the sky"])[0] == pytest.approx(
        float(plain(detector, "the sky").sigmoid()[0]), abs=1e-6
    )
    toxic = Classifier(detector, device="cpu", bad=["label_0"])
    assert toxic.good(PAIRS) == pytest.approx([1 - value for value in wanted], abs=1e-6)


def test_what_is_longer_than_a_window_is_read_in_several(nli):
    judge = Classifier(nli, device="cpu", max_length=16)
    words = ["the", "sky", "is", "blue", "a", "b"] * 7
    # [CLS] source [SEP] claim [SEP]: 16 less 3 marks and 2 words of the claim leave 11, 2 shared
    windows = [" ".join(words[at : at + 11]) for at in range(0, 40, 9)]
    each = [float(plain(nli, window, "a b").softmax(-1)[2]) for window in windows]
    assert judge.good([(" ".join(words), "a b")])[0] == pytest.approx(max(each), abs=1e-6)
    alone = [" ".join(words[at : at + 14]) for at in range(0, 40, 11)]
    each = [float(plain(nli, window).softmax(-1)[2]) for window in alone]
    assert judge.good([" ".join(words)])[0] == pytest.approx(min(each), abs=1e-6)
    with pytest.raises(PromptTooLong, match="a claim of 18 tokens leaves no room"):
        judge.good([("the sky", "a " * 15)])


def test_it_is_the_same_in_another_process(nli):
    judge = Classifier(nli, device="cpu", good="neutral", max_length=32)
    other = pickle.loads(pickle.dumps(judge))
    assert other.good(PAIRS) == judge.good(PAIRS)
    assert other.fingerprint == judge.fingerprint


def test_what_cannot_be_read_as_good_is_an_error(tmp_path, make_classifier, tiny_model_dir, nli):
    folder = make_classifier(tmp_path / "model", ["LABEL_0", "LABEL_1"])
    with pytest.raises(ModelError, match="give good= or bad= of LABEL_0, LABEL_1"):
        Classifier(folder)
    with pytest.raises(ModelError, match="no label 'good'; it has LABEL_0, LABEL_1"):
        Classifier(folder, good="good")
    with pytest.raises(ModelError, match="give one of them"):
        Classifier(nli, good="neutral", bad=["contradiction"])
    with pytest.raises(ModelError, match="is no classifier"):
        Classifier(tiny_model_dir)
    with pytest.raises(ModelError, match="no such folder"):
        Classifier(tmp_path / "nowhere")
