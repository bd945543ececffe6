"""Checks of what a model behind an endpoint is set to, each with an error of one line."""

from __future__ import annotations

import math
import os
from numbers import Integral, Real
from typing import Any
from urllib.parse import urlsplit

from trueup.errors import InputError

__all__ = ["check_address", "check_number", "check_whole"]


def check_whole(name: str, value: Any, least: int) -> None:
    """Check that a setting is a whole number of at least `least`.

    Raises:
        InputError: it is not; the message begins with `name`.
    """
    if isinstance(value, bool) or not isinstance(value, Integral) or int(value) < least:
        raise InputError(f"{name} is {value!r:.60}: give a whole number of at least {least}")


def check_number(name: str, value: Any, *, above: bool = False) -> None:
    """Check that a setting is a finite number of at least 0, or above it.

    Raises:
        InputError: it is not; the message begins with `name`.
    """
    number = math.nan if isinstance(value, bool) or not isinstance(value, Real) else float(value)
    if not math.isfinite(number) or number < 0 or (above and number == 0):
        least = "above 0" if above else "of at least 0"
        raise InputError(f"{name} is {value!r:.60}: give a number {least}")


def check_address(name: str, base_url: object) -> None:
    """Check the address of an endpoint; None is that of OPENAI_BASE_URL, if it is set.

    Raises:
        InputError: it is none; the message begins with `name`.
    """
    if base_url is None:
        name, base_url = "OPENAI_BASE_URL", os.environ.get("OPENAI_BASE_URL") or None
    if base_url is not None and not _is_address(base_url):
        raise InputError(
            f"{name} {base_url!r:.100} is no address: give one such as http://localhost:8000/v1"
        )


def _is_address(given: object) -> bool:
    try:
        url = urlsplit(given) if isinstance(given, str) else urlsplit("")
        return url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError:  # a port that is no number, brackets that do not close
        return False
