"""Traces: what an application was asked and how it answered, read from spans and files."""

from trueup.traces.conventions import build_trace, spans_of, trace_from_spans
from trueup.traces.exchange import Exchange, read_exchange
from trueup.traces.importing import ImportResult, import_file, rejection
from trueup.traces.jsonl import BadLine, read_traces, write_traces
from trueup.traces.records import record_of

__all__ = [
    "BadLine",
    "Exchange",
    "ImportResult",
    "build_trace",
    "import_file",
    "read_exchange",
    "read_traces",
    "record_of",
    "rejection",
    "spans_of",
    "trace_from_spans",
    "write_traces",
]
