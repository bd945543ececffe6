"""Whether labels may be trusted: agreement, audits, how the work goes, what is behind a figure."""
