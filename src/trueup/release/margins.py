"""What the gate asks: `gate.toml`, its keys checked."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from trueup.errors import GateError
from trueup.release.compare import METRICS

__all__ = ["Margin", "Margins", "load_margins"]

_GATED = tuple(m.name for m in METRICS if m.better != "neither")
_TARGETS = tuple(name for name in _GATED if name != "preference")


@dataclass(frozen=True, slots=True)
class Margin:
    """What is asked of one metric.

    Attributes:
        non_inferiority: the loss that is small enough to bear; the interval must lie above it.
        min_gain: what a gain's interval must lie above to count as a reason to ship.
    """

    non_inferiority: float = 0.1
    min_gain: float = 0.0


@dataclass(frozen=True, slots=True)
class Margins:
    """What the gate asks; `gate.toml` holds one.

    Attributes:
        alpha: of every two-sided test and interval.
        required: metrics on which no cohort may be worse.
        targets: metrics of which one must be shown better.
        guards: metrics that block where a cohort is shown worse, and of which no cohort needs to be
            shown no worse: requests that are rightly refused are mostly too few for that.
        metrics: per metric, where it differs from `Margin()`.
        cohorts: per cohort and metric, where it differs from that.
    """

    alpha: float = 0.05
    required: tuple[str, ...] = ("tool_selection_accuracy", "task_completion", "over_refusal")
    targets: tuple[str, ...] = ("tool_selection_accuracy", "task_completion", "over_refusal")
    guards: tuple[str, ...] = ("under_refusal",)
    metrics: Mapping[str, Margin] = field(default_factory=dict)
    cohorts: Mapping[str, Mapping[str, Margin]] = field(default_factory=dict)

    def of(self, cohort: str, metric: str) -> Margin:
        """Return the margin of a cohort and metric."""
        return self.cohorts.get(cohort, {}).get(metric) or self.metrics.get(metric) or Margin()

    def to_json(self) -> dict[str, Any]:
        """Return the margins as plain JSON values, in the shape of `gate.toml`."""
        lists = {name: list(getattr(self, name)) for name in ("required", "targets", "guards")}
        return asdict(self) | lists

    @classmethod
    def from_json(cls, data: Mapping[str, Any], source: str = "margins") -> Margins:
        """Read margins, missing keys taking their defaults.

        Args:
            data: what a `gate.toml` says.
            source: names it in errors.

        Raises:
            GateError: a key or metric that does not exist, or a value that makes no sense.
        """
        _known(data, ("alpha", "required", "targets", "guards", "metrics", "cohorts"), source)
        alpha = _number(data.get("alpha", cls().alpha), f"{source}: alpha", 0.0001, 0.5)
        metrics = _margins(data.get("metrics", {}), f"{source}: metrics", {})
        cohorts = {
            name: _margins(table, f"{source}: cohorts.{name}", metrics)
            for name, table in _table(data.get("cohorts", {}), f"{source}: cohorts").items()
        }
        return cls(
            alpha=alpha,
            required=_names(data.get("required", cls().required), f"{source}: required", _GATED),
            targets=_names(data.get("targets", cls().targets), f"{source}: targets", _TARGETS),
            guards=_names(data.get("guards", cls().guards), f"{source}: guards", _GATED, none=True),
            metrics=metrics,
            cohorts=cohorts,
        )


def load_margins(path: str | Path) -> Margins:
    """Read a `gate.toml`.

    Raises:
        GateError: it is not there, is not TOML, or says what makes no sense.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8"
        raise GateError(f"margins {path}: cannot be read ({reason}); name another file") from error
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise GateError(f"margins {path}: not TOML: {error}") from error
    return Margins.from_json(data, str(path))


def _margins(data: object, source: str, defaults: Mapping[str, Margin]) -> dict[str, Margin]:
    found = {}
    for name, body in _table(data, source).items():
        where = f"{source}.{name}"
        _names([name], source, _GATED)
        table = _table(body, where)
        _known(table, ("non_inferiority", "min_gain"), where)
        base = defaults.get(name, Margin())
        found[name] = Margin(
            _number(table.get("non_inferiority", base.non_inferiority), where, 0, 1),
            _number(table.get("min_gain", base.min_gain), where, 0, 1),
        )
    return found


def _table(data: object, source: str) -> Mapping[str, Any]:
    if not isinstance(data, Mapping):
        raise GateError(f"{source}: must be a table, not {data!r}")
    return data


def _known(data: Mapping[str, Any], keys: Sequence[str], source: str) -> None:
    if unknown := sorted(set(data) - set(keys)):
        raise GateError(f"{source}: unknown key {unknown[0]!r}; known are {', '.join(keys)}")


def _number(value: object, source: str, low: float, high: float) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high:
        return float(value)
    raise GateError(f"{source}: must be a number from {low} to {high}, not {value!r}")


def _names(
    value: object, source: str, known: Sequence[str], *, none: bool = False
) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        raise GateError(f"{source}: must be a list of metrics, not {value!r}")
    for name in value:
        if name not in known:
            why = _why_not(name)
            raise GateError(f"{source}: {name!r} {why}; choose from {', '.join(known)}")
    if not value and not none:
        raise GateError(f"{source}: name at least one of {', '.join(known)}")
    return tuple(value)


def _why_not(name: object) -> str:
    if name == "preference":
        return "is no target, for a win rate alone never ships"
    if name == "length_ratio":
        return "is reported, not gated"
    return "is not a metric"
