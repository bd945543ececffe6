"""Traces in: OpenTelemetry-shaped spans from files, made one `Trace` each."""
