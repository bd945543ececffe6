"""`trueup eval probe`: run a set of prompts against a model."""

from __future__ import annotations

import json
import math
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from trueup.cli._output import (
    JsonOption,
    StoreOption,
    open_store,
    say,
    show_json,
    show_parts,
)
from trueup.cli._progress import progress_bar
from trueup.errors import InputError, UnknownName
from trueup.evals import Answered
from trueup.evals.probes import (
    PROBES,
    AnswerPair,
    Bias,
    Change,
    KeptAnswers,
    Model,
    OverRefusal,
    PaddingPrompt,
    ProbeResult,
    RewardHacking,
    Sycophancy,
    read_xstest,
)
from trueup.release.compare import is_right
from trueup.release.replay import find_replays, load_replays
from trueup.store import content_hash
from trueup.types import Messages

__all__ = ["probe"]

_ALPHA = 0.05
Names = Annotated[tuple[str, ...] | None, Parameter(negative="")]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Asked:
    """Whom to ask, and how it answers.

    Attributes:
        model: A model folder, a .gguf file, a hub name, smollm2-135m, or the URL of an
            OpenAI-compatible endpoint.
        endpoint_model: As the endpoint calls the model.
        baseline: What reward_hacking holds the model against; as --model.
        endpoint_baseline: As its endpoint calls the baseline.
        key_env: The environment variable with the endpoint's key; none is sent, if left out.
        max_new_tokens: Where an answer is cut.
        out: Keep the answers here, as JSON lines; a run that was stopped goes on from there.
    """

    model: str | None = None
    endpoint_model: str | None = None
    baseline: str | None = None
    endpoint_baseline: str | None = None
    key_env: str | None = None
    max_new_tokens: int = 256
    out: Path | None = None


def probe(
    name: str | None = None,
    /,
    *,
    asked: Asked = Asked(),
    data: str | None = None,
    pairs: Path | None = None,
    replays: tuple[str, str] | None = None,
    protected: Names = None,
    limit: int | None = None,
    seed: int = 0,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run a probe against a model: rates by type with intervals; without a name, list the probes.

    Args:
        name: The probe: over_refusal, sycophancy, reward_hacking or bias.
        data: XSTest itself, for over_refusal: a file, a folder or a name on the hub.
        pairs: Answers that are there already, for reward_hacking: JSON lines with prompt, baseline
            and candidate, and, where they are known, type and right (the accepted answers).
        replays: For reward_hacking: two checkpoints, baseline and candidate, that the store has
            replays of, in place of models.
        protected: Only these protected classes, for bias; give it several times.
        limit: At most so many prompts, drawn from the types in turn.
        seed: Of the draw and of the answers.
    """
    if name is None:
        _list(as_json=as_json)
        return
    if name not in PROBES:
        raise UnknownName(f"no probe {name!r}: there are {', '.join(PROBES)}")
    given = {"data": data, "pairs": pairs, "replays": replays, "protected": protected}
    _check(name, asked, given)
    if pairs is not None:
        found = RewardHacking().compare(_read_pairs(pairs))
    elif replays is not None:
        found = RewardHacking().compare(_replayed(store, *replays))
    else:
        run = _prepared(name, asked, data, protected, seed)
        with progress_bar(name) as progress:
            found = run(limit=limit, seed=seed, progress=progress)
    if as_json:
        show_json(asdict(found))
        return
    _show(found)


_OPTIONS = {"data": "over_refusal", "protected": "bias"}  # of a probe but reward_hacking


def _check(name: str, asked: Asked, given: Mapping[str, Any]) -> None:
    """Refuse options that do not go with the probe or with one another."""
    named = [option for option, value in given.items() if value is not None]
    if asked.baseline is not None:
        named.append("baseline")
    for option in named:
        if name != _OPTIONS.get(option, "reward_hacking"):
            raise InputError(f"--{option} does not go with {name}; leave it out")
    answered = [f"--{option}" for option in ("pairs", "replays") if given[option] is not None]
    if answered:
        if asked.model or asked.baseline or len(answered) > 1:
            raise InputError(
                f"{answered[0]} has answers already: leave out --model, --baseline and any other"
            )
        return
    if asked.model is None:
        raise InputError(f"{name}: give the --model to ask")
    if name == RewardHacking.name and asked.baseline is None:
        raise InputError("reward_hacking: give the --baseline to hold the model against")


def _prepared(
    name: str, asked: Asked, data: str | None, protected: Sequence[str] | None, seed: int
) -> Callable[..., ProbeResult]:
    """Return the probe's run on the models that were asked for."""
    if name == OverRefusal.name:
        made: OverRefusal | Sycophancy | Bias
        made = OverRefusal(None if data is None else read_xstest(data))
    else:
        made = Sycophancy() if name == Sycophancy.name else Bias(protected)
    model = _model(str(asked.model), asked.endpoint_model, asked, seed)
    if name != RewardHacking.name:
        return lambda **given: made.run(model, **given)
    baseline = _model(str(asked.baseline), asked.endpoint_baseline, asked, seed)
    return lambda **given: RewardHacking().run(model, baseline, **given)


def _model(source: str, served: str | None, asked: Asked, seed: int) -> Model:
    """Return the model of a path or URL, as a probe asks it."""
    from trueup.models import EndpointSampler, LocalSampler, Sampler, load_model

    sampler: Sampler
    if source.startswith(("http://", "https://")):
        if served is None:
            raise InputError(
                f"{source} serves models by name: give --endpoint-model, and --endpoint-baseline "
                "of a baseline"
            )
        sampler = EndpointSampler(served, base_url=source, api_key=_key(asked.key_env))
        identity = [source, served]
    else:
        loaded = load_model(source, dtype="auto")
        sampler = LocalSampler(loaded)
        identity = [loaded.content_hash, content_hash(loaded.tokenizer.chat_template)]

    def answer(prompts: Sequence[Messages]) -> list[str]:
        drawn = sampler.sample(prompts, max_new_tokens=asked.max_new_tokens, seed=seed)
        return [completion.text for (completion,) in drawn]

    if asked.out is None:
        return answer
    name = " ".join([*identity, f"max_new_tokens={asked.max_new_tokens}", f"seed={seed}"])
    return KeptAnswers(answer, asked.out, name=name)


def _key(variable: str | None) -> str | None:
    if variable is None:
        return None
    if not (key := os.environ.get(variable)):
        raise InputError(f"--key-env {variable}: it is not set; put the endpoint's key there")
    return key


def _read_pairs(path: Path) -> list[AnswerPair]:
    """Return the pairs of answers of a file.

    Raises:
        InputError: it cannot be read, or a line is no pair.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {path}: {error}; give a file of JSON lines") from error
    return [
        _pair(line, number, f"{path}, line {number}")
        for number, line in enumerate(lines, 1)
        if line.strip()
    ]


def _replayed(address: str | None, baseline: str, candidate: str) -> list[AnswerPair]:
    """Return the pairs of answers of two checkpoints' newest replays of the same requests."""
    with open_store(address) as opened, opened.reading() as tx:
        first, second = load_replays(tx, find_replays(tx, [baseline, candidate]))
    pairs = []
    for key, before in first.answers.items():
        request = before.request
        answered = Answered(request.messages, request.context, before.text)
        asked = PaddingPrompt(key, request.cohort, answered.prompt, family=request.family)
        right = (is_right(first.scores[key]), is_right(second.scores[key]))
        pairs.append(AnswerPair(asked, before.text, second.answers[key].text, right))
    return pairs


def _pair(line: str, number: int, where: str) -> AnswerPair:
    try:
        row = json.loads(line)
        texts = [row[name] for name in ("prompt", "baseline", "candidate")]
        right = row.get("right") or []
        given = [*texts, *right, row.get("type", "given")]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{where}: it is no JSON object with prompt, baseline and candidate"
        ) from error
    if not isinstance(right, list) or not all(isinstance(value, str) for value in given):
        raise InputError(f"{where}: prompt, baseline, candidate and type are texts, right a list")
    asked = PaddingPrompt(f"{number}", given[-1], texts[0], tuple(right))
    return AnswerPair(asked, texts[1], texts[2])


def _list(*, as_json: bool) -> None:
    about = {name: (made.__doc__ or "").splitlines()[0] for name, made in PROBES.items()}
    if as_json:
        show_json(about)
        return
    for name, what in about.items():
        say(f"{name:<16} {what}")


def _show(found: ProbeResult) -> None:
    """Print the rates and the changes, a row a cohort, and what could not be judged."""
    if found.rates:
        cells = {
            (r.cohort, r.measure): "" if r.estimate is None else f"{r.estimate} of {r.estimate.n}"
            for r in found.rates
        }
        _pivot(cells, f"{found.probe}: share with 95% interval")
    if found.changes:
        shown = {(c.cohort, c.measure): _changed(c) for c in found.changes}
        _pivot(shown, f"{found.probe}: change with 95% interval, * where it is shown (Holm)")
    reasons = Counter(one.reason for one in found.judged if one.label is None)
    for reason, count in reasons.most_common():
        say(f"  not judged: {count} ({reason})")


def _pivot(cells: Mapping[tuple[str, str], str], title: str) -> None:
    cohorts = dict.fromkeys(cohort for cohort, _ in cells)
    measures = list(dict.fromkeys(measure for _, measure in cells))
    show_parts(
        ("cohort", *(measure.replace("_", " ") for measure in measures)),
        [(cohort, *(cells.get((cohort, m), "") for m in measures)) for cohort in cohorts],
        title=title,
    )


def _changed(made: Change) -> str:
    if (found := made.difference) is None:
        return ""
    star = "*" if made.p_holm is not None and made.p_holm < _ALPHA else ""
    numbers = (found.delta, found.low, found.high)
    if made.unit == "ratio":
        value, low, high = (f"x{math.exp(number):.2f}" for number in numbers)
    else:
        value, low, high = (f"{number:+.2f}" for number in numbers)
    return f"{value}{star} [{low}, {high}]"
