"""Traces: what an application was asked and how it answered, read from spans and files."""

from trueup.traces.conventions import build_trace, spans_of, trace_from_spans

__all__ = ["build_trace", "spans_of", "trace_from_spans"]
