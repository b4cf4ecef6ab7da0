"""`matalign zoo list`: list the models, show a card, check adapters, pin weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

import click

from pytest_matalign.cli.options import MODELS, Actions, all_of
from pytest_matalign.errors import ConfigurationError
from pytest_matalign.zoo.card import Modality, State

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_matalign.zoo.card import ModelCard

_STATES = {"verified": "verified", "loader-verified": "loader", "declared": "declared"}
_MODALITIES = {"protein-sequence": "prot. sequence", "protein-structure": "prot. structure"}
_WIDTH = 80


@click.group(cls=Actions)
def command() -> None:
    """List the models, show a card, check adapters, pin weights."""
    from pytest_matalign.zoo.catalogue import catalogue

    for problem in catalogue().problems:
        click.echo(f"matalign: {problem}", err=True)


_filters = all_of(
    click.option(
        "--family",
        "families",
        multiple=True,
        metavar="NAME",
        help="only of this family; may be repeated",
    ),
    click.option("--modality", type=click.Choice(get_args(Modality)), help="only of this modality"),
    click.option("--state", type=click.Choice(get_args(State)), help="only in this state"),
    click.option("--paper", is_flag=True, help="only rows of the paper's Table 1"),
    click.option("--available", is_flag=True, help="only what runs here"),
)
"""Options that choose models."""


def _chosen(
    *,
    families: tuple[str, ...],
    modality: str | None,
    state: str | None,
    paper: bool,
    available: bool,
) -> list[ModelCard]:
    """The cards the filters leave."""
    from pytest_matalign.environments.loading import place_of
    from pytest_matalign.zoo.catalogue import cards

    known = {one.family for one in cards().values()}
    if unknown := [name for name in families if name not in known]:
        raise ConfigurationError(
            f"There is no family {unknown[0]!r}; there are {', '.join(sorted(known))}."
        )
    return [
        one
        for one in cards().values()
        if (not families or one.family in families)
        and modality in (None, one.modality)
        and state in (None, one.state)
        and (not paper or one.paper is not None)
        and (not available or place_of(one).runs)
    ]


@command.command("list")
@_filters
@click.option("--json", "as_json", is_flag=True, help="as JSON")
def list_(*, as_json: bool, **filters: Any) -> None:
    """List the models by family, with their state and where they run."""
    chosen = _chosen(**filters)
    if as_json:
        _print_json([_plain(one) for one in chosen])
        return
    for line in table(chosen):
        click.echo(line)


@command.command()
@click.argument("model", shell_complete=MODELS)
@click.option("--json", "as_json", is_flag=True, help="as JSON")
def show(model: str, *, as_json: bool) -> None:
    """Show all that is known of MODEL: weights, licences, domain, relations, where it runs."""
    from pytest_matalign.zoo.catalogue import card

    one = card(model)
    if as_json:
        _print_json(_plain(one))
        return
    for line in described(one):
        click.echo(line)


@command.command()
@click.argument("models", shell_complete=MODELS, nargs=-1)
@_filters
@click.option("--allow-pickle", is_flag=True, help="run code that comes with weights")
@click.option("--json", "as_json", is_flag=True, help="as JSON")
def check(models: tuple[str, ...], *, allow_pickle: bool, as_json: bool, **filters: Any) -> int:
    """Put the adapters of MODELS through the conformance tests.

    Without MODELS: of every model that the filters leave and that runs here. Leaves with 1 if one
    does not conform.
    """
    from pytest_matalign.testing.survey import Survey, survey
    from pytest_matalign.zoo.catalogue import card

    if models and any(filters.values()):
        raise click.UsageError("Name models or filter them, not both.")
    chosen = [card(name) for name in models] or _chosen(**{**filters, "available": True})
    done = Survey.here()
    for one, done in zip(chosen, survey(chosen, allow_pickle=allow_pickle), strict=True):
        if one.id in done.skipped:
            click.echo(f"{one.id} was not checked: {done.skipped[one.id]}", err=True)
        elif as_json:
            click.echo(one.id, err=True)
        else:
            click.echo(done.reports[-1].text())
    if as_json:
        _print_json(done)
    return 0 if done.conforms else 1


@command.command()
@click.argument("models", shell_complete=MODELS, nargs=-1, required=True)
def pin(models: tuple[str, ...]) -> None:
    """Ask the hub for the commit and digests of MODELS whose cards state none."""
    from pytest_matalign.zoo.catalogue import card
    from pytest_matalign.zoo.weights import pinning

    for name in models:
        found = pinning.pin(card(name))
        click.echo(f"{name}: {found.repo or found.url} at {found.revision or found.sha256}")


def table(chosen: Sequence[ModelCard]) -> Iterator[str]:
    """Lines of at most 80 characters: the models by family, then what there is of each state.

    A table of one row a model would not leave room for ids such as those of language models with
    their prompts, so families are headings.
    """
    from collections import Counter

    from pytest_matalign.environments.loading import place_of

    if not chosen:
        yield "No model fits."
        return
    rows = [
        (one.id, _MODALITIES.get(one.modality, one.modality), _STATES[one.state], place_of(one))
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
    pretrained = [one for one in chosen if one.role == "pretrained"]
    yield f"\n{len(chosen)} models: {states}."
    families = {one.family for one in pretrained}
    # A potential's card states an energy, to be checked, and what it was trained to give.
    potentials = {one.family for one in pretrained if one.energies and one.level_of_theory}
    told = f"{len(pretrained)} of {len(families)} families, {len(potentials)} of potentials"
    yield f"Pretrained: {told}."
    yield "verified: run with real weights. loader: its loading path run with small random"
    yield "weights. declared: a card only. (NAME): `matalign env create NAME` makes it run."
    yield "-: its packages are not installed. `matalign zoo show ID` shows a card."


def _plain(card: ModelCard) -> dict[str, Any]:
    """A card, where it runs and where it came from, fit for JSON."""
    import msgspec

    from pytest_matalign.environments.loading import place_of
    from pytest_matalign.zoo.catalogue import catalogue

    where = place_of(card)
    found: dict[str, Any] = msgspec.to_builtins(card)
    found["runs"] = {"place": where.kind, "environment": where.environment, "why": where.reason}
    found["from"] = catalogue().origins[card.id]
    return found


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
    from pytest_matalign.environments.loading import place_of
    from pytest_matalign.zoo.catalogue import cards, catalogue

    stated = _plain(card)
    where = place_of(card)
    place = {"here": "here", "environment": f"in the environment {where.environment}"}
    facts = [("runs", place.get(where.kind, f"not yet: {where.reason}"))]
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
        return ", ".join(" = ".join(x) if isinstance(x, list) else str(x) for x in value)
    if isinstance(value, dict):
        return ", ".join(f"{name} = {part}" for name, part in value.items())
    if isinstance(value, bool):
        return "yes"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _print_json(value: object) -> None:
    import msgspec

    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())
