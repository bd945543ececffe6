"""OTLP in its JSON form (`{"resourceSpans": [...]}`), decoded by OpenTelemetry's own messages."""

from __future__ import annotations

import base64
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from google.protobuf import json_format  # type: ignore[import-untyped]
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from trueup.errors import InputError
from trueup.traces import _names as names
from trueup.types import Span

if TYPE_CHECKING:
    from opentelemetry.proto.common.v1.common_pb2 import AnyValue
    from opentelemetry.proto.trace.v1.trace_pb2 import Span as ProtoSpan

__all__ = ["is_otlp", "traces_from_otlp"]

# What a resource may say for all of its spans.
_INHERITED = (names.CONVERSATION, names.SESSION, names.COHORT, names.QUESTION_TYPE, names.FAMILY)
_STATUS = {0: "UNSET", 1: "OK", 2: "ERROR"}


def is_otlp(data: Mapping[str, Any]) -> bool:
    """Tell whether a JSON object is an OTLP export of spans."""
    return "resourceSpans" in data or "resource_spans" in data


def traces_from_otlp(data: dict[str, Any]) -> dict[str, list[Span]]:
    """Return the spans of an OTLP/JSON export by trace id (32 hexadecimal digits).

    Args:
        data: the parsed JSON; its ids are rewritten in place.

    Raises:
        InputError: it is not OTLP, or a span has no trace id or span id.
    """
    for span in _span_objects(data):
        _decode_ids(span)
    try:
        export = json_format.ParseDict(data, TracesData(), ignore_unknown_fields=True)
    except (json_format.ParseError, ValueError, TypeError, AttributeError) as error:
        raise InputError(f"not OTLP: {str(error).splitlines()[0]}") from error
    found: dict[str, list[Span]] = defaultdict(list)
    for resource in export.resource_spans:
        said = {a.key: _value(a.value) for a in resource.resource.attributes}
        inherited = {key: said[key] for key in _INHERITED if key in said}
        for scope in resource.scope_spans:
            for span in scope.spans:
                if not span.trace_id or not span.span_id:
                    raise InputError(f"span {span.name!r} has no traceId or no spanId")
                found[span.trace_id.hex()].append(_span(span, inherited))
    return dict(found)


def _span(span: ProtoSpan, inherited: Mapping[str, Any]) -> Span:
    return Span(
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex() or None,
        name=span.name,
        start_ns=span.start_time_unix_nano,
        end_ns=span.end_time_unix_nano,
        attributes={**inherited, **{a.key: _value(a.value) for a in span.attributes}},
        status=_STATUS.get(span.status.code, "UNSET"),
    )


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(entry) for entry in value.array_value.values]
    if kind == "kvlist_value":
        return {entry.key: _value(entry.value) for entry in value.kvlist_value.values}
    if kind == "bytes_value":
        return base64.b64encode(value.bytes_value).decode("ascii")
    if kind == "double_value" and not math.isfinite(value.double_value):
        return str(value.double_value)  # JSON has no word for it
    return getattr(value, kind) if kind else None


def _span_objects(data: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the span objects that are where they should be; the decoder judges the rest."""
    for resource in _objects(data, "resourceSpans", "resource_spans"):
        for scope in _objects(resource, "scopeSpans", "scope_spans"):
            yield from _objects(scope, "spans", "spans")


def _objects(data: Mapping[str, Any], *keys: str) -> list[dict[str, Any]]:
    value = next((data[key] for key in keys if key in data), None)
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _decode_ids(span: dict[str, Any]) -> None:
    """Turn ids from hexadecimal, as OTLP/JSON writes bytes, to the base64 that protobuf reads."""
    for key in ("traceId", "spanId", "parentSpanId", "trace_id", "span_id", "parent_span_id"):
        value = span.get(key)
        if not isinstance(value, str):
            continue
        try:
            span[key] = base64.b64encode(bytes.fromhex(value)).decode("ascii")
        except ValueError as error:
            raise InputError(
                f"{key} {value!r:.80} is not hexadecimal: OTLP/JSON has no ids in base64"
            ) from error
