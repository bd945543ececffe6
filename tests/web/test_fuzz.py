"""Every route of the API, given what its description allows and what it does not.

TRUEUP_FUZZ is how many requests each route is given of each kind, others each time; without it a
few, always the same.
"""

import os
from contextlib import suppress
from itertools import count

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from trueup.people import PERMISSIONS, make_key
from trueup.types import Label, Question
from trueup.web import create_app

EXAMPLES = int(os.environ.get("TRUEUP_FUZZ", "4"))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
AS_MADE = {
    "state": "active",
    "overlap": 2,
    "reviewers": (),
    "teams": (),
    "assignment": "open",
    "safety": True,
}
ENDLESS = "/api/queues/{name}/events"  # its answers are tried in test_changes.py


@pytest.mark.one_database
@pytest.mark.parametrize("who", ["ana", "ben"])
def test_no_route_fails_on_what_it_is_given(fill, people, who):
    queue = fill(3, "prefs", settings={"safety": True})
    items = queue.items()
    standing = queue.submit(items[0].id, "cleo", Label("a", 1))
    here = {"name": "prefs", "item": items[1].id, "key": standing.id, "who": "vic"}
    role = {"ana": "admin", "ben": "reviewer"}[who]
    key = make_key(people, who, "fuzz", PERMISSIONS[role]).key
    app = create_app(people)
    tried = 0
    for found in schemathesis.openapi.from_asgi("/openapi.json", app).get_all_operations():
        operation = found.ok()
        if operation.path == ENDLESS:
            continue
        queue.configure(**AS_MADE)  # what the route before did to it
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            for known_path in (None, here):
                tried += fuzz(operation, mode, known_path, key)
    assert tried > 10 * EXAMPLES


def fuzz(operation, mode, here, key):
    """Send a route requests of one kind, to objects that are there or to any, and count them."""
    names = {parameter.name for parameter in operation.path_parameters}
    if here is not None and not (names and names <= here.keys()):
        return 0
    path = {} if here is None else {name: here[name] for name in names}
    # a name in a path is only ever wrong by its length, which hypothesis draws once in fifty tries
    rare = mode is GenerationMode.NEGATIVE and not path and not operation.query
    rare = rare and not operation.body
    sent = 0

    @settings(
        max_examples=max(1, EXAMPLES // 4) if rare else EXAMPLES,
        derandomize="TRUEUP_FUZZ" not in os.environ,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(mode, **({"path_parameters": path} if path else {})))
    def send(case):
        nonlocal sent
        sent += 1
        case.call_and_validate(headers={"Authorization": f"Bearer {key}"}, checks=CHECKS)

    with suppress(Unsatisfiable):  # what takes nothing cannot be given what it does not allow
        send()
    return sent


HOSTILE = {
    "NUL": '"a\\u0000b"',
    "half a character": '"a\\ud800b"',
    "another half": '"\\udc00"',
    "direction marks": '"\\u202ea\\u2028"',
    "a number beyond all": "1e400",
    "no number": "NaN",
    "a whole number beyond all": "1" + "0" * 400,
    "deep": "[" * 5000 + "]" * 5000,
    "an object with odd names": '{"\\u0000": {"\\ud800": ""}}',
}
BODIES = {
    ("POST", "/api/queues"): [
        '{"name": X}',
        '{"name": "N", "description": X}',
        '{"name": "N", "reviewers": [X]}',
        '{"name": "N", "questions": [{"name": X, "kind": "text", "title": X}]}',
        '{"name": "N", "questions": [{"name": "q", "kind": "number", "low": X}]}',
        '{"name": "N", "overlap": X}',
        "X",
    ],
    ("PATCH", "/api/queues/prefs"): ['{"guidelines": X}', '{"teams": [X]}', "{X: 1}"],
    ("POST", "/api/queues/prefs/claim"): ['{"beside": X}'],
    ("POST", "/api/queues/prefs/items/ITEM/label"): [
        '{"preferred": "neither", "correction": X}',
        '{"preferred": "neither", "answers": {"why": X}}',
        '{"preferred": X, "labels": [X]}',
        '{"preferred": "a", "strength": 1, "shown": X}',
        '{"preferred": "a", "strength": 1, "replaces": X}',
        '{"preferred": "a", "strength": 1, "seconds": X}',
    ],
    ("POST", "/api/queues/prefs/items/ITEM/skip"): ['{"reason": X}'],
    ("POST", "/api/audit/verify"): ['{"head": X}'],
    ("POST", "/api/audit/export"): ['{"since": X}', '{"format": X}'],
    ("POST", "/api/webhooks"): ['{"url": X}', '{"url": "https://example.org", "queue": X}'],
}


def test_what_no_program_should_send_is_refused_in_one_line(fill, people, client):
    asked = (Question("preference", "preference"), Question("why", "text"))
    queue = fill(1, "prefs", questions=[*asked, Question("correction", "edit")])
    item = queue.items()[0].id
    ana, numbers = client("ana"), count()
    for (method, path), bodies in BODIES.items():
        for body in bodies:
            for what, value in HOSTILE.items():
                where = path.replace("ITEM", item)
                sent = body.replace('"N"', f'"n{next(numbers)}"').replace("X", value).encode()
                answer = ana.request(
                    method, where, content=sent, headers={"Content-Type": "application/json"}
                )
                assert answer.status_code < 500, (method, path, body, what, answer.text)
                if answer.status_code >= 400:
                    assert answer.json()["error"].count("\n") == 0, (path, body, what)
    for path in (
        "/api/queues/%00",
        "/api/queues/%ED%A0%80",
        "/item/%00",
        "/trace/%ff",
        "/queue/%00",
    ):
        answer = ana.get(path)
        assert answer.status_code in (404, 422), (path, answer.text)
    for query in ("by=%00", "object=%ED%A0%80", "noun=%ff", "before=-1", "before=" + "9" * 30):
        for path in ("/api/audit", "/audit"):
            assert ana.get(f"{path}?{query}").status_code in (200, 422), (path, query)
