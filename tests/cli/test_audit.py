import json
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from trueup.cli import main
from trueup.store import schema
from trueup.store.events import record

pytestmark = pytest.mark.one_database

NOW = datetime(2026, 5, 1, 9, 30, tzinfo=UTC)


def run(*arguments):
    with pytest.raises(SystemExit) as stopped:
        main(["audit", *map(str, arguments)])
    return stopped.value.code


def write(store, number, **options):
    with store.transaction() as tx:
        detail = {"n": number, "said": "Grüße"}
        record(tx, "label", "item", f"i{number % 2}", detail, actor="ben", now=NOW, **options)


@pytest.fixture
def log(store):
    """Four events, one of them on safety."""
    for number in range(4):
        write(store, number, safety=number == 2)
    return store


def verified(capsys, *arguments):
    code = run("verify", "--json", *arguments)
    captured = capsys.readouterr()
    return code, json.loads(captured.out), captured.err


def test_verify_seals_and_holds_all_against_the_chain(log, capsys):
    code, first, _ = verified(capsys)
    assert (code, first["sealed"], first["sealed_now"], first["unsealed"]) == (0, 4, 4, 0)
    assert first["fault"] == ""
    write(log, 4)
    code, second, _ = verified(capsys, "--head", first["head"])
    assert (code, second["sealed"], second["sealed_now"]) == (0, 5, 1)
    assert second["head"] != first["head"]
    assert run("verify") == 0
    shown = capsys.readouterr().out
    assert second["head"] in shown
    assert "sealed now  0" in shown


def test_what_was_changed_is_an_error_that_says_which(log, capsys):
    verified(capsys)
    with log.transaction() as tx:
        tx.execute(sa.update(schema.event).where(schema.event.c.number == 3).values(actor="eve"))
    code, found, err = verified(capsys)
    assert (code, found["sealed"]) == (1, 2)
    assert found["fault"].startswith("event 3 or its place")
    assert err.count("\n") == 1
    assert f"audit log of {log.address}: event 3" in err.replace("\\n", "")
    assert run("verify") == 1
    assert "event 3 or its place" in capsys.readouterr().out


def test_a_log_cut_short_is_found_by_its_head(log, capsys):
    _, first, _ = verified(capsys)
    with log.transaction() as tx:
        tx.execute(sa.delete(schema.seal).where(schema.seal.c.number > 2))
        tx.execute(sa.delete(schema.event).where(schema.event.c.number > 2))
    assert verified(capsys)[0] == 0
    code, _, err = verified(capsys, "--head", first["head"])
    assert code == 1
    assert "its end was cut off" in err


def test_show_picks_by_object_safety_and_number(log, capsys):
    def shown(*arguments):
        assert run("show", "--json", *arguments) == 0
        return [event["detail"]["n"] for event in json.loads(capsys.readouterr().out)]

    assert shown() == [0, 1, 2, 3]
    assert shown("--object", "i1") == [1, 3]
    assert shown("--safety") == [2]
    assert shown("--after", "1", "--limit", "2") == [1, 2]
    assert shown("--object", "none") == []
    assert run("show", "--object", "i1") == 0
    text = capsys.readouterr().out
    assert "2026-05-01 09:30:00" in text
    assert '{"n": 3, "said": "Grüße"}' in text
    assert "ben" in text


def test_export_writes_what_touches_safety_with_its_head(log, tmp_path, capsys):
    out = tmp_path / "safety.jsonl"
    assert run("export", "--out", out, "--json") == 0
    made = json.loads(capsys.readouterr().out)
    assert (made["labels"], made["events"], made["seal"]) == (0, 1, 4)
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert [row["record"] for row in rows] == ["event", "head"]
    assert rows[-1]["seal_hash"] == made["head"]
    assert run("export", "--out", out) == 1
    assert "exists" in capsys.readouterr().err
    assert run("export", "--out", out, "--force", "--since", "2026-05-02") == 0
    assert "0 labels and 1 events" in capsys.readouterr().out
    assert verified(capsys, "--head", made["head"])[0] == 0


def test_no_store_is_an_error(tmp_path, capsys):
    for verb in (["verify"], ["show"], ["export", "--out", tmp_path / "a.csv"]):
        assert run(*verb, "--store", tmp_path / "none") == 1
        assert "no store at" in capsys.readouterr().err
