"""The rubrics that judges are asked by, read from `rubrics.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from trueup.models.judge import Grade, Rubric

__all__ = ["RUBRICS", "simple_rubric"]


def _read() -> dict[str, Rubric]:
    read = tomllib.loads((files(__package__) / "rubrics.toml").read_text(encoding="utf-8"))
    return {name: _rubric(name, entry) for name, entry in read.items()}


def _rubric(name: str, entry: dict[str, Any]) -> Rubric:
    grades = tuple(Grade(label, **about) for label, about in entry.pop("grades").items())
    lists: Mapping[str, Any] = {
        key: tuple(entry.pop(key)) for key in ("takes", "summary") if key in entry
    }
    return Rubric(name=name, grades=grades, **lists, **entry)


RUBRICS: Mapping[str, Rubric] = _read()
"""Every rubric that ships, by the name of its evaluator."""


def simple_rubric(name: str, task: str, takes: tuple[str, ...]) -> Rubric:
    """Return a rubric of one's own task, graded in five steps from 0 to 1."""
    steps = (
        ("fully", "it does so in full", 1.0),
        ("mostly", "it falls short in something minor", 0.75),
        ("half", "about as much speaks for it as against it", 0.5),
        ("little", "it does so in something minor", 0.25),
        ("not", "it does not", 0.0),
    )
    return Rubric(name, "1", task, tuple(Grade(*step) for step in steps), takes)
