"""The `trueup` command: one file per noun, and nothing here that a room below could do."""

from __future__ import annotations

import gc
import sys
import warnings
from collections.abc import Sequence
from io import TextIOWrapper

from cyclopts import App, CycloptsError

from trueup import __version__
from trueup.errors import InputError, TrainingError, TrueupError

__all__ = ["app", "main"]

app = App(
    name="trueup",
    version=__version__,
    help="From the traces of a language-model application to a checkpoint that may be released.",
    suppress_keyboard_interrupt=False,  # `main` says what became of the work
)
# by name: a command loads what it works with, and no other command's
for _noun, _about in {
    "trace": "Traces: what the application was asked, and how it answered.",
    "eval": "Evaluators: what is good and bad about an answer.",
    "queue": "Annotation queues: items out to reviewers, labels back.",
    "dataset": "Versioned datasets of preferences.",
    "train": "Train a model on examples or preferences.",
    "replay": "Replays: the same requests answered by several checkpoints.",
    "checkpoint": "Checkpoints: weights that were trained here or brought along.",
    "member": "Members: who may sign in to the service, and what they may do.",
    "audit": "The audit log: who did what, and whether it is whole.",
    "webhook": "Webhooks: queue changes sent to other programs.",
    "demo": "The loop's stations on the claims assistant, one at a time.",
}.items():
    app.command(f"trueup.cli.{_noun}:app", name=_noun, help=_about)
for _verb, _about in {
    "reward": "Measure a reward model: accuracy, calibration and rewards by cohort, and length.",
    "chat": "Talk to a checkpoint.",
    "loop": "Run one turn of the loop on the claims assistant; a turn that was stopped goes on.",
    "gate": "Compare a candidate with the baseline; exit 0 to ship, 3 to block, 4 if inconclusive.",
    "serve": "Serve the annotation service: its pages and its API.",
    "lineage": "Print what a checkpoint was made of, down to each label, reviewer and trace.",
}.items():
    app.command(f"trueup.cli.{_verb}:{_verb}", name=_verb, help=_about)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command line and exit: 0 done, 1 error, 2 usage; `trueup gate` also 3 and 4."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # an ASCII terminal shows an escape, not a traceback
            stream.reconfigure(errors="backslashreplace")
    warnings.showwarning = _warn
    gc.set_threshold(20_000)  # commands make rows by the ten thousand, and few that are garbage
    try:
        code = app(arguments, exit_on_error=False, print_error=False, result_action="return_value")
    except CycloptsError as error:
        _complain_once(
            str(error).splitlines()[0] if str(error) else "the command line is not understood"
        )
        sys.exit(2)
    except (InputError, TrainingError) as error:  # as all processes raise them that train together
        _complain_once(str(error))
        sys.exit(1)
    except (TrueupError, OSError) as error:  # the system's names what to look at, as ours do
        _complain(str(error))
        sys.exit(1)
    except KeyboardInterrupt:
        _complain_once("interrupted; what was finished is kept")
        sys.exit(130)
    sys.exit(code if isinstance(code, int) else 0)


def _warn(message: Warning | str, *_: object, **__: object) -> None:
    _complain_once(str(message), "warning", "yellow")


def _complain_once(message: str, kind: str = "error", style: str = "red") -> None:
    """Say what all processes that torchrun started say, once."""
    from trueup.cli._output import speaks

    if speaks():
        _complain(message, kind, style)


def _complain(message: str, kind: str = "error", style: str = "red") -> None:
    from rich.console import Console

    from trueup.cli._output import CONTROLS

    # soft_wrap: an error is one line, however narrow the window
    shown = message.translate(CONTROLS).replace("\n", "\\n")
    Console(stderr=True, soft_wrap=True).print(f"{kind}: {shown}", style=style, markup=False)
