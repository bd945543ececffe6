import json

import pytest

from trueup.cli import main
from trueup.queues import AnnotationQueue
from webhooks.conftest import Receiver

pytestmark = pytest.mark.one_database


def run(*arguments):
    with pytest.raises(SystemExit) as stopped:
        main(["webhook", *map(str, arguments)])
    return stopped.value.code


@pytest.fixture
def receiver():
    made = Receiver()
    yield made
    made.close()


def test_a_webhook_is_added_listed_tried_resumed_and_removed(store, receiver, capsys):
    AnnotationQueue.create("prefs", store=store)
    asked = ("--queue", "prefs", "--action", "submit", "--action", "correct")
    assert run("add", receiver.url, *asked, "--json") == 0
    made = json.loads(capsys.readouterr().out)
    assert made["secret"].startswith("whsec_")
    assert (made["queue"], made["actions"]) == ("prefs", ["submit", "correct"])
    assert run("list", "--json") == 0
    [listed] = json.loads(capsys.readouterr().out)
    assert listed == {name: value for name, value in made.items() if name != "secret"}
    assert run("list") == 0
    assert made["id"] in capsys.readouterr().out
    assert run("test", made["id"]) == 0
    assert "it arrived" in capsys.readouterr().out
    receiver.answers = [500]
    assert run("test", made["id"]) == 1
    assert "it answered 500" in capsys.readouterr().err
    assert run("resume", made["id"]) == 0
    assert "is active; 0 deliveries wait" in capsys.readouterr().out
    assert run("remove", made["id"], "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"removed": made["id"]}
    assert run("remove", made["id"]) == 1
    assert run("add", receiver.url) == 0
    assert "it is not shown again" in capsys.readouterr().out


def test_networks_are_opened_by_option_or_environment(store, capsys, monkeypatch):
    url = "https://10.1.2.3/hook"
    assert run("add", url) == 1
    assert "not public" in capsys.readouterr().err
    several = ("--webhook-network", "192.168.0.0/16", "--webhook-network", "10.0.0.0/8")
    assert run("add", url, *several) == 0
    monkeypatch.setenv("TRUEUP_WEBHOOK_NETWORK", "192.168.0.0/16 10.0.0.0/8")
    assert run("add", url) == 0
    assert run("add", url, "--webhook-network", "nonsense") == 1
    assert "give some such as 10.0.0.0/8" in capsys.readouterr().err
