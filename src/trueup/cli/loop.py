"""`trueup loop`: one whole turn, from recorded traces to a verdict and its report."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from trueup.cli._output import JsonOption, Out, StoreOption, show_json
from trueup.cli._progress import Bars
from trueup.demo.assistant import ClaimsAssistant
from trueup.flywheel.config import LoopConfig, load_config
from trueup.flywheel.context import Found, Turn
from trueup.flywheel.workflow import run_turn
from trueup.store import Store

__all__ = ["loop", "open_turn"]

_COLOURS = {"ship": "green", "block": "red", "inconclusive": "yellow"}


def loop(
    *,
    config: Path | None = None,
    reviewers: Path | None = None,
    model: str | None = None,
    seed: int | None = None,
    queue: str | None = None,
    store: StoreOption = None,
    json: JsonOption = False,
) -> int:
    """Run one turn of the loop on the claims assistant; a turn that was stopped goes on.

    Args:
        config: a `loop.toml`; see docs/loop.md for its keys.
        reviewers: labels made elsewhere, in place of the simulated reviewers: the file that
            `trueup queue export --for-labelling` wrote, filled in. One that is not there yet is
            written, and the turn waits for it.
        model: what the deployed assistant is made from: a folder, a hub name or `smollm2-135m`.
        seed: of everything that is drawn.
        queue: the annotation queue's name.
    """
    from trueup.models import load_model  # noqa: F401  (what is missing is said before a store is made)

    settings = load_config(config, model=model, seed=seed, queue=queue)
    with open_turn(settings, store=store, labels=reviewers, quiet=json) as turn:
        found = run_turn(turn)
    if json:
        show_json(found)
    else:
        _summarise(found)
    return 0


@contextmanager
def open_turn(
    settings: LoopConfig,
    *,
    store: str | None,
    labels: Path | None = None,
    quiet: bool = False,
    create: bool = True,
) -> Iterator[Turn]:
    """Open a turn of the loop on the claims assistant, with its progress drawn."""
    application = ClaimsAssistant(
        record_per_phrasing=settings.record_per_phrasing,
        replay_per_phrasing=settings.replay_per_phrasing,
    )
    with Store.open(store, create=create) as opened, _Drawn(quiet=quiet) as drawn:
        turn = Turn(opened, settings, application, drawn, labels)
        drawn.note(f"store {opened.address}, turn {turn.id}")
        yield turn


class _Drawn:
    """Draws a turn's events: a line a station, a bar for whatever is under way."""

    def __init__(self, *, quiet: bool) -> None:
        self._bars = Bars(Console(stderr=True, quiet=quiet), hidden=quiet)
        self.progress = self._bars.move

    def __enter__(self) -> _Drawn:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def station(self, name: str, number: int, total: int) -> None:
        """Print the station's line."""
        self._bars.console.print(f"[bold]{number:>2}/{total}[/] {name}", highlight=False)

    def note(self, text: str) -> None:
        """Print a line below the station's."""
        self._bars.console.print(f"      {text}", style="dim", markup=False, highlight=False)


def _summarise(found: dict[str, Found]) -> None:
    console = Out(soft_wrap=True, highlight=False)
    audit, export, verdict = found["audit"], found["export"], found["gate"]
    if audit["simulated"]:
        console.print(f"{audit['simulated']} of {audit['annotations']} labels are simulated")
    console.print(
        f"traces {found['record']['traces']}, failed {found['evaluate']['failed']}, "
        f"items {found['enqueue']['items']}, labels {found['label']['labels']}, "
        f"alpha {audit['alpha']['value']:.2f}, pairs {export['pairs']} "
        f"({', '.join(f'{n} {origin}' for origin, n in export['pairs_by_origin'].items())})"
    )
    console.print(
        f"[bold {_COLOURS[verdict['outcome']]}]{verdict['outcome'].upper()}[/]  candidate "
        f"{found['train candidate']['checkpoint'][:12]}"
    )
    for reason in verdict["reasons"]:
        console.print(f"  {reason}", markup=False)
    console.print(f"report {found['report']['html']}", markup=False)
