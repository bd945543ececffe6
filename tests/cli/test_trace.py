import json

import pytest

from trueup.cli import main
from trueup.cli.trace import import_, list_, show
from trueup.errors import InputError, StoreError, TraceRejected, UnknownName


@pytest.fixture
def path(tmp_path):
    rows = [
        {
            "messages": [{"role": "user", "content": f"q{i}"}],
            "answer": "yes [b]" * 20,
            "id": f"t{i}",
        }
        for i in range(3)
    ]
    path = tmp_path / "traces.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def store(tmp_path):
    return str(tmp_path / "store")


def test_a_file_is_imported_once(path, store, capsys):
    import_(path, cohort="hard", store=store)
    assert capsys.readouterr().out == "3 imported, 0 duplicates, 0 rejected\n"
    import_(path, cohort="hard", store=store)
    assert capsys.readouterr().out == "0 imported, 3 duplicates, 0 rejected\n"


def test_bad_lines_are_named_on_standard_error(path, store, capsys):
    path.write_text("{\n" + path.read_text() + '{"answer": 3}\n')
    with pytest.raises(TraceRejected, match="2 rejected"):
        import_(path, store=store)
    out, err = capsys.readouterr()
    assert out == "3 imported, 0 duplicates, 2 rejected\n"
    assert err.splitlines()[0].startswith(f"{path}:1: broken JSON")
    assert err.splitlines()[1].startswith(f"{path}:5: messages: field required")
    import_(path, skip_bad=True, store=store, as_json=True)
    result = json.loads(capsys.readouterr().out)
    assert (result["imported"], result["duplicates"], result["rejected"]) == (0, 3, 2)
    assert result["bad"][0]["line"] == 1


def test_keys_that_are_not_read_are_said(path, store, capsys):
    path.write_text(json.dumps(json.loads(path.read_text().splitlines()[0]) | {"user": 1}) + "\n")
    import_(path, store=store)
    assert "keys that are not read, with how many records have them: user (1)" in (
        capsys.readouterr().out
    )


@pytest.mark.parametrize("limit", ["0", "-1", "9" * 30])
def test_a_limit_that_makes_no_sense_is_a_usage_error(path, store, capsys, limit):
    import_(path, store=store)
    with pytest.raises(SystemExit) as stopped:
        main(["trace", "list", "--limit", limit, "--store", store])
    assert stopped.value.code == 2
    assert "--limit" in capsys.readouterr().err


def test_a_folder_of_traces_is_no_file(tmp_path, store):
    with pytest.raises(InputError, match="it is no file"):
        import_(tmp_path, store=store)


def test_a_missing_file_makes_no_store(tmp_path, store):
    with pytest.raises(InputError, match="no such file"):
        import_(tmp_path / "none.jsonl", store=store)
    assert not (tmp_path / "store").exists()


def test_traces_are_listed_and_shown(path, store, capsys):
    import_(path, cohort="hard", store=store)
    capsys.readouterr()
    list_(store=store, limit=2)
    out = capsys.readouterr().out
    assert "2 of 3 traces" in out
    assert "yes [b]yes" in out
    list_(store=store, cohort="hard", after="t0", as_json=True)
    assert [row["id"] for row in json.loads(capsys.readouterr().out)] == ["t1", "t2"]
    show("t1", store=store)
    assert "[user] q1" in capsys.readouterr().out
    show("t1", store=store, as_json=True)
    assert json.loads(capsys.readouterr().out)["cohort"] == "hard"


def test_unknown_names_are_refused(path, store):
    with pytest.raises(StoreError, match="no store at"):
        list_(store=store)
    import_(path, store=store)
    with pytest.raises(UnknownName, match="no cohort 'nope': there are default"):
        list_(cohort="nope", store=store)
    with pytest.raises(UnknownName, match="no trace t9"):
        show("t9", store=store)
