"""What a `loop.toml` may say; all of it is checked before anything is done."""

from __future__ import annotations

import pytest

from trueup.errors import GateError, InputError
from trueup.flywheel.config import load_config


def load(tmp_path, text):
    path = tmp_path / "loop.toml"
    path.write_text(text)
    return load_config(path)


def test_the_file_of_defaults_is_the_defaults():
    assert load_config("loop.toml") == load_config(None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("deploy = 3", "deploy is 3; write it as a table"),
        ("recipe = []", "recipe is .*; write it as a table"),
        ("passed_share = 1.5", "passed_share is 1.5; it must be from 0 to 1"),
        ("overlap = 0", "overlap is 0; it must be 1 or more"),
        ("samples = 0", "samples is 0"),
        ("max_new_tokens = 0", "max_new_tokens is 0"),
        ("seed = -1", "seed is -1"),
        ("min_alpha = nan", "min_alpha is nan"),
        ("min_agreement = 2", "min_agreement is 2"),
        ("validation_share = 3.0", "validation_share is 3"),
        ("temperature = inf", "temperature is inf"),
        ('dataset = "a/b"', "dataset 'a/b'"),
        ('version = "../v"', "version '../v'"),
        ("seed = true", "seed = True"),
        ('passed_share = "0.5"', "passed_share = '0.5'"),
        ("deploy = {lr = true}", "lr = True"),
        (
            '[[recipe.stages]]\nname = "s"\nmethod = "sft"\ndata = "chosn"',
            "data is 'chosn'; give chosen, pairs, balanced",
        ),
    ],
)
def test_what_no_turn_can_use_is_one_line(tmp_path, text, said):
    with pytest.raises(InputError, match=said) as caught:
        load(tmp_path, text)
    assert "\n" not in str(caught.value)


def test_the_margins_are_read_at_once(tmp_path):
    with pytest.raises(GateError, match=r"margins nope\.toml: cannot be read"):
        load(tmp_path, 'margins = "nope.toml"')
