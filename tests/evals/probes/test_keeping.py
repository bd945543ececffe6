import json

import pytest

from trueup.errors import InputError
from trueup.evals.probes import KeptAnswers, OverRefusal


class Model:
    """Counts what it is asked, and can die after some calls."""

    def __init__(self, calls=99):
        self.asked, self.left = [], calls

    def __call__(self, prompts):
        if not self.left:
            raise KeyboardInterrupt
        self.left -= 1
        self.asked += [p[-1]["content"] for p in prompts]
        return [f"Answer to {p[-1]['content']}" for p in prompts]


def test_a_run_that_was_killed_goes_on(tmp_path):
    path = tmp_path / "deep" / "answers.jsonl"
    dying = Model(calls=2)
    with pytest.raises(KeyboardInterrupt):
        OverRefusal().run(KeptAnswers(dying, path, name="m"))
    assert len(dying.asked) == len(path.read_text().splitlines()) == 32
    second = Model()
    found = OverRefusal().run(KeptAnswers(second, path, name="m"))
    assert len(second.asked) == 300 - 32
    assert found == OverRefusal().run(Model())
    again = Model(calls=0)
    assert OverRefusal().run(KeptAnswers(again, path, name="m")) == found


def test_a_line_that_was_cut_off_is_asked_again(tmp_path):
    path = tmp_path / "answers.jsonl"
    first = KeptAnswers(Model(), path, name="m")
    prompts = [({"role": "user", "content": f"q{n}"},) for n in range(3)]
    answers = first(prompts)
    path.write_bytes(path.read_bytes()[:-7])
    model = Model()
    assert KeptAnswers(model, path, name="m")(prompts) == answers
    assert model.asked == ["q2"]
    assert len([json.loads(line) for line in path.read_text().splitlines()]) == 3


def test_another_model_and_another_conversation_are_other_answers(tmp_path):
    path = tmp_path / "answers.jsonl"
    prompt = ({"role": "user", "content": "q"},)
    longer = (*prompt, {"role": "assistant", "content": "a"}, {"role": "user", "content": "q"})
    model = Model()
    KeptAnswers(model, path, name="m")([prompt, longer, prompt])
    KeptAnswers(model, path, name="other")([prompt])
    assert model.asked == ["q", "q", "q"]
    row = json.loads(path.read_text().splitlines()[1])
    assert row["messages"] == [dict(m) for m in longer]
    assert row["answer"] == "Answer to q"


@pytest.mark.parametrize("content", ["a letter\n", '{"prompt": "x"}\n', "a letter", "[1]\n"])
def test_a_file_of_something_else_is_left_as_it_is(tmp_path, content):
    path = tmp_path / "letter"
    path.write_text(content)
    with pytest.raises(InputError, match="give another file"):
        KeptAnswers(Model(), path, name="m")
    assert path.read_text() == content
