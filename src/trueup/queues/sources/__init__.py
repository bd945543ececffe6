"""Where items come from: traces, spans, rows of datasets, records from outside."""
