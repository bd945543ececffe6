"""What a judge answered before, as files by the hash of what it was asked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trueup.errors import InputError
from trueup.store.files import whole_file

__all__ = ["VerdictFiles"]


class VerdictFiles:
    """A folder of what was asked and answered, one readable file each; processes may share it.

    Raises:
        InputError: the folder cannot be made.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"cache {folder}: {error.strerror}; name a folder") from error

    def get(self, key: str) -> Mapping[str, Any] | None:
        """Return the server's response of that key; None where it is not there or not whole."""
        try:
            kept = json.loads(self._path(key).read_text(encoding="utf-8"))
            return dict(kept["response"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def put(self, key: str, asked: Mapping[str, Any], response: Mapping[str, Any]) -> None:
        """Keep a response beside the request that it answers."""
        text = json.dumps({"request": asked, "response": response}, ensure_ascii=False, indent=1)
        with whole_file(self._path(key), overwrite=True) as path:
            path.write_text(text + "\n", encoding="utf-8", errors="replace")

    def _path(self, key: str) -> Path:
        return self._folder / key[:2] / f"{key}.json"
