"""`trueup queue create` and `set`: queues made and configured."""

from __future__ import annotations

from dataclasses import asdict, field, fields, make_dataclass
from pathlib import Path
from typing import Annotated, Any, get_type_hints

from cyclopts import Parameter

from trueup.cli._output import JsonOption, StoreOption, open_store, say, show_facts, show_json
from trueup.errors import InputError
from trueup.queues import AnnotationQueue, Settings, State, Stream, parse_questions
from trueup.store import Store
from trueup.types import LABELS

__all__ = ["create", "set_"]

Names = Annotated[tuple[str, ...] | None, Parameter(negative="")]

_HINTS = get_type_hints(Settings)
# of each setting, or None where it is to stay
Changes: Any = make_dataclass(
    "Changes",
    [(f.name, _HINTS[f.name] | None, field(default=None)) for f in fields(Settings)],
    frozen=True,
)
Changes.__doc__ = Settings.__doc__  # the options' help
Changes.__module__ = __name__  # else it passes for a type of Python's own, which has no fields


def create(
    name: str,
    /,
    *,
    overlap: int = 3,
    stream: Stream = "reviewer",
    questions: Path | None = None,
    label: Names = None,
    guidelines: Path | None = None,
    settings: Annotated[Settings, Parameter(name="*")] = Settings(),  # noqa: B008, it is frozen
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a queue.

    Args:
        name: What it is found by.
        overlap: Labels that each item needs.
        stream: Whose labels it takes; streams are never mixed.
        questions: What reviewers are asked: TOML with a [[question]] each, or JSON. Without it,
            for a preference, the labels and a correction.
        label: The labels that reviewers may tick, where no questions are given; several times.
        guidelines: What reviewers read beside each item, a Markdown file.
        settings: How it hands out its items.
    """
    if questions and label:
        raise InputError("--label is for a queue without --questions: write it into the file")
    asked = parse_questions(_read(questions)) if questions else None
    text = _read(guidelines) if guidelines else None
    with Store.open(store) as opened:
        queue = AnnotationQueue.create(
            name,
            overlap=overlap,
            stream=stream,
            labels=label or LABELS,
            questions=asked,
            settings=settings,
            store=opened,
        )
        if text is not None:
            queue.configure(guidelines=text)
        _show(queue, "is made", as_json=as_json)


def set_(
    name: str,
    /,
    *,
    overlap: int | None = None,
    state: State | None = None,
    guidelines: Path | None = None,
    settings: Annotated[Changes, Parameter(name="*")] = Changes(),  # noqa: B008, it is frozen
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Change what of a queue may change; what is left out stays.

    Args:
        name: The queue.
        overlap: Labels that each item needs; fewer keeps the labels there are.
        state: Hands out items, does not, is done, or takes no labels any more.
        guidelines: The next version of what reviewers read, a Markdown file.
        settings: How it hands out its items.
    """
    changed = {option: value for option, value in vars(settings).items() if value is not None}
    if not changed and overlap is None and state is None and guidelines is None:
        raise InputError(f"queue {name}: nothing is to change; give an option or more")
    text = _read(guidelines) if guidelines else None
    with open_store(store) as opened:
        queue = AnnotationQueue.get(name, store=opened)
        queue.configure(overlap=overlap, state=state, guidelines=text, **changed)
        _show(queue, "is set", as_json=as_json)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {path}: {error}; give a text file") from error


def _show(queue: AnnotationQueue, said: str, *, as_json: bool) -> None:
    versions = queue.guidelines()
    about: dict[str, Any] = {
        "overlap": queue.overlap,
        "stream": queue.stream,
        "state": queue.state,
        **asdict(queue.settings),
    }
    if as_json:
        asked = [asdict(question) for question in queue.questions]
        show_json({"queue": queue.name, "questions": asked, "guidelines": len(versions), **about})
        return
    say(f"queue {queue.name} {said}")
    named = {name: _named(value) for name, value in about.items() if value not in ("", ())}
    asks = ", ".join(f"{asked.name} ({asked.kind})" for asked in queue.questions)
    show_facts(
        {**named, "asks": asks, "guidelines": f"version {len(versions)}" if versions else ""}
    )


def _named(value: Any) -> Any:
    return ", ".join(value) if isinstance(value, tuple) else value
