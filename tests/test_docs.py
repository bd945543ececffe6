"""What the documents say, held against the code."""

import importlib
import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import MISSING, fields
from datetime import UTC, datetime
from pathlib import Path

import pytest

import trueup
from trueup.cli import app
from trueup.datasets import Dataset
from trueup.demo.assistant import ClaimsAssistant
from trueup.flywheel.config import LoopConfig, load_config
from trueup.flywheel.workflow import STATIONS
from trueup.queues import AnnotationQueue, NewItem, Submission
from trueup.release.margins import Margin, Margins, load_margins
from trueup.store import Store
from trueup.store.schema import metadata
from trueup.store.traces import put_trace
from trueup.traces import build_trace, import_file
from trueup.training import METHODS, Method, read_examples
from trueup.types import LABELS, Expected, Label, ToolCall
from trueup.types import Trace as TraceRecord

ROOT = Path(__file__).parents[1]
DOCUMENTS = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/architecture.md", "docs/loop.md"]
DOCUMENTS += ["docs/service.md", "docs/evaluators.md", "docs/training.md"]
NOW = datetime(2026, 4, 1, 9, tzinfo=UTC)
COHORTS = ("expert-hard", "long-tail-refusal", "tool-heavy")
PUBLIC_MODULES = [
    *("types", "errors", "store", "models", "datasets", "traces", "evals", "queues", "training"),
    *("people", "scoring", "web", "webhooks"),
    *("stats.agreement", "stats.flow", "stats.intervals", "stats.paired", "stats.ac1"),
    *("stats.dawid_skene", "stats.distances", "stats.drift", "stats.haste", "stats.pairs"),
    "stats.position",
    *("report.html", "demo.assistant", "cli"),
    "evals.probes",
    *(f"release.{name}" for name in ("replay", "compare", "margins", "gate", "lineage")),
    "release.over_refusals",
    *(f"flywheel.{name}" for name in ("config", "application", "context", "workflow")),
]
REFERENCE = "I will look. " + ToolCall("lookup_claim", {"claim_id": "CL-7"}).render()


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(name: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text_of(name), re.MULTILINE | re.DOTALL)


def prose(name: str) -> str:
    return re.sub(r"^```.*?^```$", "", text_of(name), flags=re.MULTILINE | re.DOTALL)


def command_lines() -> list[tuple[str, str]]:
    found = []
    for name in DOCUMENTS:
        for block in blocks(name, "console"):
            joined = block.replace("\\\n", " ")
            found += [(name, line[2:]) for line in joined.splitlines() if line.startswith("$ ")]
    return found


def tokens_of(line: str) -> list[str]:
    return shlex.split(line, comments=True)


def test_console_blocks_hold_commands():
    commands = {tokens_of(line)[0] for _, line in command_lines()}
    assert {"trueup", "make", "pip"} <= commands
    for name in DOCUMENTS:
        assert all(block.startswith("$ ") for block in blocks(name, "console"))


@pytest.mark.parametrize(
    "line", sorted({line for _, line in command_lines() if line.startswith("trueup")})
)
def test_every_command_that_is_shown_is_one(line):
    _, *tokens = tokens_of(line)
    function, bound, _ = app.parse_args(tokens, exit_on_error=False, print_error=False)
    assert function.__module__.startswith("trueup.cli"), f"{line} only prints help"
    assert bound.arguments or tokens[-1] in (
        *("loop", "gate", "serve", "list", "deploy", "label", "invitations"),
    )


def test_every_command_there_is_is_shown():
    shown = " ".join(text_of(name) for name in DOCUMENTS)
    nouns = {
        "trace": ("import", "list", "show"),
        "eval": ("run", "list", "calibrate", "probe"),
        "queue": (
            *("create", "set", "add", "list", "stats", "audit", "agreement", "activity"),
            *("export", "import", "import-labels"),
        ),
        "dataset": ("list", "show", "seal", "export"),
        "train": (*METHODS, "advise", "compare"),
        "replay": ("run", "over-refusals"),
        "checkpoint": ("list", "add"),
        "member": ("list", "add", "set", "invite", "invitations", "cancel", "key"),
        "audit": ("verify", "show", "export"),
        "webhook": ("add", "list", "remove", "resume", "test"),
        "demo": ("deploy", "record", "enqueue", "label", "train", "replay"),
    }
    for noun, verbs in nouns.items():
        assert {n for n in app[noun] if not n.startswith("-")} == set(verbs)
        assert f"`trueup {noun} " in shown
        assert all(f"`{verb}`" in shown or f"trueup {noun} {verb}" in shown for verb in verbs)
    keys = {n for n in app["member"]["key"] if not n.startswith("-")}
    assert keys == {"add", "list", "revoke"}
    assert all(f"trueup member key {verb}" in shown for verb in keys)
    others = {n for n in app if not n.startswith("-")} - set(nouns)
    assert others == {"chat", "loop", "gate", "lineage", "reward", "serve"}
    assert all(f"$ trueup {verb}" in shown for verb in others)


def test_the_rows_that_training_shows_can_be_read(tmp_path):
    [block] = blocks("docs/training.md", "jsonl")
    lines = block.splitlines()
    for number, line in enumerate(lines):
        path = tmp_path / f"{number}.jsonl"
        path.write_text(line)
        assert read_examples(path)
    assert len(lines) == 6


def test_training_names_each_method_with_its_own_options():
    shared = {field.name for field in fields(Method)}
    for name, kind in METHODS.items():
        [row] = re.findall(rf"^\| `{name}` \|.*$", text_of("docs/training.md"), re.MULTILINE)
        own = {field.name for field in fields(kind)} - shared
        assert set(re.findall(r"`(\w+)`", row)) == {name, *own}


def test_every_make_target_that_is_shown_is_one():
    targets = set(re.findall(r"^([a-z]+):", text_of("Makefile"), re.MULTILINE))
    shown = {tokens_of(line)[1] for _, line in command_lines() if line.startswith("make ")}
    shown |= set(re.findall(r"`make ([a-z]+)`", " ".join(text_of(n) for n in DOCUMENTS)))
    assert {"loop", "test"} <= shown <= targets


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_relative_link_resolves(name):
    links = re.findall(r"\]\(([^)\s]+)\)", prose(name))
    for link in links:
        if not link.startswith(("http://", "https://")):
            target = (ROOT / name).parent / link.partition("#")[0]
            assert target.exists(), f"{name} links to {link}"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_python_and_json_blocks_parse(name):
    for number, block in enumerate(blocks(name, "python")):
        compile(block, f"{name}, block {number}", "exec")
    for block in blocks(name, "json"):
        assert isinstance(json.loads(block), dict)


def labelled_trace(number: int) -> TraceRecord:
    return build_trace(
        id=f"trace-{number}",
        conversation_id=f"talk-{number}",
        cohort=COHORTS[number % 3],
        messages=({"role": "user", "content": f"How far along is claim CL-7, asked {number}?"},),
        answer=f"It is fine, {number}.",
        family=f"family-{number}",
        expected=Expected(calls=(ToolCall("lookup_claim", {"claim_id": "CL-7"}),)),
    )


@pytest.fixture
def filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """A default store with a queue as the loop leaves it, and the README's own trace."""
    monkeypatch.setenv("TRUEUP_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("TRUEUP_ACTOR", "ana")
    (tmp_path / "traces.jsonl").write_text(blocks("README.md", "json")[0], encoding="utf-8")
    with Store.open() as store:
        traces = [labelled_trace(number) for number in range(9)]
        with store.transaction() as tx:
            for trace in traces:
                put_trace(tx, trace, source="test", checkpoint_id=None, actor="ana", now=NOW)
        queue = AnnotationQueue.create_or_get("rlhf-prefs-2026q2", store=store)
        queue.add_items(
            [NewItem.from_trace(t, reason="sampled", candidate=REFERENCE) for t in traces]
        )
        queue.submit_many(
            [
                Submission(item.id, reviewer, Label(item.answer("sampled").key, 2))
                for item in queue.items()
                for reviewer in ("ann", "bob", "cy")
            ]
        )
        result = import_file(store, tmp_path / "traces.jsonl", actor="ana", now=NOW)
        assert (result.imported, result.rejected, result.ignored) == (1, 0, {})
        yield store


def test_the_snippets_of_the_readme_run(filled):
    own_traces, make_dataset, score_rows = blocks("README.md", "python")
    exec(own_traces, {})
    queued = AnnotationQueue.get("support-2026q2").items()
    assert len(queued) == 10  # the README's trace and nine that call no tool
    assert {item.reason for item in queued} >= {"failed:task_completion"}

    exec(make_dataset, {})
    dataset = Dataset.get("rlhf-regression", "v18")
    assert len(dataset) == 9
    results = {(r.evaluator, r.cohort): r for r in dataset.evaluations()}
    assert len(results) == 6
    assert [r for r in results.values() if not r.passed] == []

    after = {"regression_dataset": dataset}
    exec(score_rows, after)
    assert after["t"].value == 1.0


def test_loop_toml_spells_out_the_defaults():
    assert load_config(ROOT / "loop.toml") == LoopConfig()
    written = text_of("loop.toml")
    assert all(re.search(rf"^#? ?\[*{f.name}\b", written, re.MULTILINE) for f in fields(LoopConfig))


def test_gate_toml_spells_out_the_defaults():
    read, default = load_margins(ROOT / "gate.toml"), Margins()
    assert (read.alpha, read.required, read.targets) == (
        default.alpha,
        default.required,
        default.targets,
    )
    assert set(read.metrics) == set(default.required)
    assert set(read.metrics.values()) == {Margin()}
    assert read.cohorts == {}


def table_rows(name: str) -> dict[str, list[str]]:
    """Return the cells of each table row by the name that its first cell has in backticks."""
    rows = {}
    for line in text_of(name).splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if line.startswith("|") and (first := re.match(r"`([^`]+)`", cells[0].strip())):
            rows[first[1]] = cells
    return rows


def toml_value(value: object) -> str:
    return "none" if value is None else f"`{json.dumps(value)}`"


def test_loop_md_has_every_key_with_its_default():
    rows = table_rows("docs/loop.md")
    for field in fields(LoopConfig):
        shown = rows[field.name][1]
        if field.default is MISSING:
            assert shown == "see below"
        else:
            assert shown == toml_value(field.default), field.name


def test_loop_md_has_every_option_of_every_method_with_its_default():
    section = text_of("docs/loop.md").partition("### Stages")[2].partition("\n## ")[0]
    for method in METHODS.values():
        for option in fields(method):
            [row] = [x for x in section.splitlines() if x.startswith(f"| `{option.name}` |")]
            usual, *others = row.split(" | ")[1].split(", ")
            told = {kind: value for value, kind in (other.split(" for ") for other in others)}
            shown = told.get(f"`{method.name}`", usual)
            default = None if shown == "none" else json.loads(shown.strip("`"))
            wanted = list(option.default) if isinstance(option.default, tuple) else option.default
            assert default == wanted, f"{option.name} of {method.name}"


def test_loop_md_has_every_station_margin_and_label():
    written = text_of("docs/loop.md")
    stations = written.partition("| station |")[2].partition("\n\n")[0]
    named = [
        name
        for line in stations.splitlines()[2:]
        for name in line.strip("| ").split(" | ")[0].split(", ")
    ]
    assert named == list(STATIONS)
    assert all(f"`{f.name}" in written or f"`[{f.name}." in written for f in fields(Margins))
    assert all(f"`{f.name}`" in written for f in fields(Margin))
    assert all(f"`{name}`" in written for name in LABELS)
    assert all(f"`{f.name}`" in written for f in fields(Label))


def test_architecture_has_every_room_and_every_table():
    written = text_of("docs/architecture.md")
    home = Path(trueup.__file__).parent
    rooms = {p.parent.name for p in home.glob("*/__init__.py")}
    rooms |= {p.stem for p in home.glob("[a-z]*.py")}
    assert rooms == set(re.findall(r"^### ([a-z]+)$", written, re.MULTILINE))
    rows = table_rows("docs/architecture.md")
    assert set(metadata.tables) <= set(rows)


def test_architecture_has_every_public_name():
    written = text_of("docs/architecture.md")
    for path in PUBLIC_MODULES:
        section = written.partition(f"### {path.partition('.')[0]}\n")[2]
        section = re.split(r"^##", section, maxsplit=1, flags=re.MULTILINE)[0]
        names = importlib.import_module(f"trueup.{path}").__all__
        missing = [n for n in names if not re.search(rf"`(\w+\.)*{n}`", section)]
        assert not missing, f"{path}: {missing}"


def test_the_demo_has_the_cohorts_that_the_documents_name():
    requests = ClaimsAssistant().requests("replay", 0)
    assert set(COHORTS) <= {request.cohort for request in requests}
