"""Format: can what reads the answer read it?"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from jsonschema import SchemaError
from jsonschema.exceptions import best_match
from jsonschema.validators import validator_for
from referencing.exceptions import Unresolvable

from trueup.errors import InputError
from trueup.evals.backends import Backend
from trueup.evals.base import Evaluator, need_text
from trueup.types import Score

__all__ = ["FormatValidity"]

_FENCED = re.compile(r"\s*```[\w-]*[ \t]*\n(.*?)\n?[ \t]*```\s*", re.DOTALL)


class FormatValidity(Evaluator):
    """Whether the response has the form that was asked for: 1.0 or 0.0.

    `evaluate(response=)`. Of no form asked for there is no score. JSON is all of the response, or
    the one block of code that it consists of.

    Args:
        form: "json" asks for JSON.
        schema: a JSON Schema, which asks for JSON that satisfies it.
        pattern: a regular expression that the whole response must match.
        choices: the responses that are allowed, but for space around them.

    `label` is "valid", "not_json", "not_as_schema" (with each place in `evidence`), "no_match" or
    "no_choice".

    Raises:
        InputError: more than one option is given, or one makes no sense.
    """

    name = "format_validity"
    labels = ("valid", "not_json", "not_as_schema", "no_match", "no_choice")
    pass_line = 1.0

    def __init__(
        self,
        *,
        form: Literal["json"] | None = None,
        schema: Mapping[str, Any] | None = None,
        pattern: str | None = None,
        choices: Sequence[str] | None = None,
        backend: Backend | None = None,
    ) -> None:
        super().__init__(backend=backend)
        asked = [option for option in (form, schema, pattern, choices) if option is not None]
        if len(asked) > 1:
            raise InputError("format_validity: form, schema, pattern, choices: give one of them")
        if form not in (None, "json"):
            raise InputError(f"format_validity: form {form!r} is none; give json")
        self._asked = bool(asked)
        self._schema = None if schema is None else _validator(dict(schema))
        self._pattern = None if pattern is None else _compiled(pattern)
        self._choices = None if choices is None else tuple(choices)
        if self._choices is not None and not self._choices:
            raise InputError("format_validity: choices are none; give at least one")

    def _score(self, *, response: str) -> Score:
        text = need_text("response", response)
        if not self._asked:
            return self._unscored("no form was asked for")
        if self._pattern is not None:
            return self._found("valid" if self._pattern.fullmatch(text) else "no_match")
        if self._choices is not None:
            return self._found("valid" if text.strip() in self._choices else "no_choice")
        fenced = _FENCED.fullmatch(text)
        try:
            value = json.loads(fenced[1] if fenced else text, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            return self._found("not_json", (str(error) or "nested too deeply",))
        return self._found(*self._beside_schema(value))

    def _beside_schema(self, value: Any) -> tuple[str, tuple[str, ...]]:
        if self._schema is None:
            return "valid", ()
        try:
            faults = sorted(self._schema.iter_errors(value), key=lambda fault: fault.json_path)
        except Unresolvable as error:
            raise InputError(f"schema: {error.ref} is not in it; write it in $defs") from error
        told = (best_match([fault]) or fault for fault in faults)
        evidence = tuple(f"{fault.json_path}: {fault.message:.200}" for fault in told)
        return ("not_as_schema", evidence) if evidence else ("valid", ())

    def _found(self, label: str, evidence: tuple[str, ...] = ()) -> Score:
        reason = evidence[0] if evidence else ""
        valid = label == "valid"
        return Score(self.name, self.version, float(valid), label, None, reason, evidence)


def _validator(schema: dict[str, Any]) -> Any:
    kind = validator_for(schema)
    try:
        kind.check_schema(schema)
    except SchemaError as error:
        raise InputError(f"schema: {error.json_path}: {error.message:.200}") from error
    return kind(schema)


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern, re.DOTALL)
    except re.error as error:
        raise InputError(f"pattern {pattern!r}: {error}") from error


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
