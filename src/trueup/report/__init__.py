"""The HTML shell, the plots and the lineage panel."""
