"""`matalign zoo`: list the models, show a card, pin a commit, check adapters."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, get_args

from pytest_matalign.errors import ConfigurationError
from pytest_matalign.zoo.card import Modality, State

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from pytest_matalign.zoo.card import ModelCard

_STATES = {"verified": "verified", "loader-verified": "loader", "declared": "declared"}
_MODALITIES = {"protein-sequence": "prot. sequence", "protein-structure": "prot. structure"}
_WIDTH = 80


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare `matalign zoo`."""
    zoo = commands.add_parser(
        "zoo",
        help="list the models, show a card, check adapters",
        usage="matalign zoo [FILTERS] [--json] [ID | check [ID ...] | pin ID ...]",
        description=(
            "Without a word: list the models. With an id: show its card. `check` puts adapters "
            "through the conformance tests (those named, or those the filters leave that run "
            "here). `pin` asks the hub for the commit and digests of a card that states none."
        ),
    )
    zoo.add_argument("words", nargs="*", metavar="ID", help="model, or `check` or `pin` and models")
    filters = zoo.add_argument_group("filters")
    filters.add_argument("--family", action="append", default=[], help="only of this family")
    filters.add_argument("--modality", choices=get_args(Modality), help="only of this modality")
    filters.add_argument("--state", choices=get_args(State), help="only in this state")
    filters.add_argument("--paper", action="store_true", help="only rows of the paper's Table 1")
    filters.add_argument("--available", action="store_true", help="only what runs here")
    zoo.add_argument("--json", action="store_true", help="as JSON")
    zoo.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Do what the words ask for.

    Raises:
        ConfigurationError: If a model is unknown, or too many are named.
    """
    from pytest_matalign.zoo.registry import catalogue

    for problem in catalogue().problems:
        sys.stderr.write(f"matalign: {problem}\n")
    first, *rest = options.words or [""]
    if first == "check":
        return _check(rest, options)
    if first == "pin":
        return _pin(rest)
    if rest:
        raise ConfigurationError(
            f"`matalign zoo` shows one card at a time; to check several write "
            f"`matalign zoo check {' '.join(options.words)}`."
        )
    return _show(first, as_json=options.json) if first else _list(options)


def _chosen(options: argparse.Namespace) -> list[ModelCard]:
    """The cards the filters leave."""
    from pytest_matalign.zoo.registry import cards
    from pytest_matalign.zoo.where_it_runs import whereabouts

    families = {one.family for one in cards().values()}
    if unknown := [name for name in options.family if name not in families]:
        raise ConfigurationError(
            f"There is no family {unknown[0]!r}; there are {', '.join(sorted(families))}."
        )
    found = []
    for one in cards().values():
        fits = (
            (not options.family or one.family in options.family)
            and options.modality in (None, one.modality)
            and options.state in (None, one.state)
            and (not options.paper or one.paper is not None)
        )
        if fits and (not options.available or whereabouts(one).runs):
            found.append(one)
    return found


def _list(options: argparse.Namespace) -> int:
    chosen = _chosen(options)
    if options.json:
        _print_json([_plain(one) for one in chosen])
        return 0
    for line in table(chosen):
        sys.stdout.write(f"{line}\n")
    return 0


def table(chosen: Sequence[ModelCard]) -> Iterator[str]:
    """Lines of at most 80 characters: the models by family, then what there is of each state.

    A table of one row a model would not leave room for ids such as those of language models with
    their prompts, so families are headings.
    """
    from collections import Counter

    from pytest_matalign.zoo.where_it_runs import whereabouts

    if not chosen:
        yield "No model fits."
        return
    rows = [
        (one.id, _MODALITIES.get(one.modality, one.modality), _STATES[one.state], whereabouts(one))
        for one in chosen
    ]
    widths = [max(len(str(row[column])) for row in rows) for column in range(4)]
    # Where an id is so long that a line would be too wide, the line is broken after the id.
    room = _WIDTH - (2 + sum(widths[1:]) + 2 * 3)
    first = min(widths[0], room)
    family = None
    for one, row in zip(chosen, rows, strict=True):
        if one.family != family:
            yield one.family if family is None else f"\n{one.family}"
            family = one.family
        name, modality, state, where = row
        if len(name) > first:
            yield f"  {name}"
            name = ""
        line = f"  {name:<{first}}  {modality:<{widths[1]}}  {state:<{widths[2]}}  {where}"
        yield line.rstrip()
    counts = Counter[str](one.state for one in chosen)
    states = ", ".join(f"{counts[state]} {state}" for state in _STATES if counts[state])
    yield f"\n{len(chosen)} models: {states}."
    yield "verified: run with real weights. loader: its loading path run with small random"
    yield "weights. declared: a card only. (NAME): `matalign env create NAME` makes it run."
    yield "-: its packages are not installed. `matalign zoo ID` shows a card."


def _plain(card: ModelCard) -> dict[str, Any]:
    """A card, where it runs and where it came from, fit for JSON."""
    import msgspec

    from pytest_matalign.zoo.registry import catalogue
    from pytest_matalign.zoo.where_it_runs import whereabouts

    where = whereabouts(card)
    found: dict[str, Any] = msgspec.to_builtins(card)
    found["runs"] = {"place": where.place, "environment": where.environment, "why": where.reason}
    found["from"] = catalogue().origins[card.id]
    return found


def _show(model_id: str, *, as_json: bool) -> int:
    from pytest_matalign.zoo.registry import card

    one = card(model_id)
    if as_json:
        _print_json(_plain(one))
        return 0
    for line in described(one):
        sys.stdout.write(f"{line}\n")
    return 0


def described(card: ModelCard) -> Iterator[str]:
    """Everything known of a model, in lines of at most 80 characters where words allow."""
    import textwrap

    facts = _facts(card)
    indent = max(len(name) for name, _ in facts) + 2
    for name, value in facts:
        yield textwrap.fill(
            value,
            width=_WIDTH,
            initial_indent=f"{name:<{indent}}",
            subsequent_indent=" " * indent,
            break_long_words=False,
            break_on_hyphens=False,
        )


def _facts(card: ModelCard) -> list[tuple[str, str]]:
    from pytest_matalign.zoo.registry import cards, catalogue
    from pytest_matalign.zoo.where_it_runs import whereabouts

    stated = _plain(card)
    where = whereabouts(card)
    place = {"here": "here", "environment": f"in the environment {where.environment}"}
    facts = [("runs", place.get(where.place, f"not yet: {where.reason}"))]
    for other in cards().values():
        if other.derived_from == card.id:
            facts.append(("source of", other.id))
        if other.supersedes == card.id:
            facts.append(("superseded by", other.id))
    facts.append(("card from", catalogue().origins[card.id]))
    own = [
        (name.replace("_", " "), value)
        for name, value in stated.items()
        if name not in ("runs", "from", "weights")
    ]
    weights = [(f"weights, {name}", value) for name, value in (stated["weights"] or {}).items()]
    flat = [(name, _words(value)) for name, value in [*own, *weights] if value not in _EMPTY]
    return [*flat, *facts]


_EMPTY: tuple[Any, ...] = (None, (), [], {}, "", False)


def _words(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        return ", ".join(f"{name} = {part}" for name, part in value.items())
    if isinstance(value, bool):
        return "yes"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _check(names: Sequence[str], options: argparse.Namespace) -> int:
    from pytest_matalign.testing.survey import Survey, survey
    from pytest_matalign.zoo.registry import card
    from pytest_matalign.zoo.where_it_runs import whereabouts

    chosen = [card(name) for name in names] or [
        one for one in _chosen(options) if whereabouts(one).runs
    ]
    done = Survey.here()
    for one, done in zip(chosen, survey(chosen), strict=True):
        if one.id in done.skipped:
            sys.stderr.write(f"{one.id} was not checked: {done.skipped[one.id]}\n")
        elif options.json:
            sys.stderr.write(f"{one.id}\n")
        else:
            sys.stdout.write(f"{done.reports[-1].text()}\n")
    if options.json:
        _print_json(done)
    return 0 if done.conforms else 1


def _pin(names: Sequence[str]) -> int:
    from pytest_matalign.zoo.pins import pin

    if not names:
        raise ConfigurationError("`matalign zoo pin` needs the id of a model.")
    for name in names:
        found = pin(name)
        sys.stdout.write(f"{name}: {found.repo or found.url} at {found.revision or found.sha256}\n")
    return 0


def _print_json(value: object) -> None:
    import msgspec

    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")
