"""What labels settle on, and the files it is written to."""
