"""Keeping freed memory is a setting of the allocator: results must not notice."""

from __future__ import annotations

import ctypes

import torch

from trueup.models._memory import keep_freed_memory


def test_it_can_be_asked_for_again_and_again():
    before = torch.arange(2**20, dtype=torch.float32)
    for _ in range(3):
        keep_freed_memory()
    assert before.sum() == torch.arange(2**20, dtype=torch.float32).sum()


def test_an_allocator_without_the_setting_is_left_alone(monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    keep_freed_memory()
