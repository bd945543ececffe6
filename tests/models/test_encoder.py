import numpy as np
import pytest

from trueup.errors import ModelError
from trueup.evals.grounding.reader import FOLDER
from trueup.models.encoder import Encoder, Network


@pytest.fixture(scope="module")
def encoder():
    return Encoder(FOLDER)


def test_tokens_say_where_they_stand(encoder):
    text = "Maria's Café costs $1,500"
    read = encoder.tokens(text)
    assert [text[a:b].lower() for a, b in read.spans][:3] == ["maria", "'", "s"]
    assert len(read.ids) == len(read.spans)
    assert encoder.tokens("").ids == []


def test_half_a_surrogate_pair_is_read(encoder):
    read = encoder.tokens("a \ud800 b")
    assert read.spans[-1] == (4, 5)


def test_order_is_kept_and_a_window_is_read_alone(encoder):
    windows = [encoder.tokens(text).ids for text in ("one", "two and three " * 20, "", "four five")]
    together = encoder.states(windows)
    assert [len(states) for states in together] == [len(window) for window in windows]
    for window, states in zip(windows, together, strict=True):
        assert np.array_equal(encoder.states([window])[0], states)


def test_what_cannot_be_loaded_is_one_line(tmp_path):
    with pytest.raises(ModelError, match=r"tokenizer\.json") as error:
        Encoder(tmp_path)
    assert "\n" not in str(error.value)
    (tmp_path / "bad.onnx").write_text("no network")
    for name in ("none.onnx", "bad.onnx"):
        with pytest.raises(ModelError, match=rf"{name}: no ONNX network") as error:
            Network(tmp_path / name)
        assert "\n" not in str(error.value)
