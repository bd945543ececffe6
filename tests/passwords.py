"""Argon2 at its least cost: what takes a quarter of a second by design takes none in most tests."""

import argon2
import pytest

from trueup.people import _secrets

__all__ = ["full_cost", "quick_passwords"]


@pytest.fixture
def full_cost() -> None:
    """Ask for passwords at the cost that they have in use."""


@pytest.fixture(autouse=True)
def quick_passwords(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash passwords at the least cost that argon2 takes, but for who asks for `full_cost`."""
    if "full_cost" not in request.fixturenames:
        least = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
        monkeypatch.setattr(_secrets, "_HASHER", least)
    _secrets._nobodys.cache_clear()
