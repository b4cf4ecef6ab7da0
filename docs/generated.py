"""MkDocs hook: pages of the reference, written from the code, the cards and the schemas.

Nothing here is kept in the repository, so nothing can go stale.
"""

from __future__ import annotations

import inspect
import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

# Beside this file; MkDocs puts the folder on the path while it loads a hook.
import conformance
import fault_table
import msgspec
from mkdocs.structure.files import File

import rooms
from pytest_matalign import split_cards
from pytest_matalign.cli.main import matalign
from pytest_matalign.environments.trials import HEAD, Trial
from pytest_matalign.run.options import OPTIONS
from pytest_matalign.run.settings import HostGate, HostTable
from pytest_matalign.scorecard.schema import schema_text
from pytest_matalign.suites import schema as suites
from pytest_matalign.zoo.catalogue import cards

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files

    from pytest_matalign.zoo.card import ModelCard

TRIALS = Path(__file__).parents[1] / "benchmarks" / "environments.json"
COUNTS = ("passed", "failed", "skipped")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add every generated page."""
    for path, text in pages().items():
        files.append(File.generated(config, path, content=text))
    files.append(File.generated(config, "images/rooms.svg", content=rooms.picture()))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put the tables of rooms, faults and environments where a page asks for them."""
    markdown = markdown.replace("<!-- rooms -->", rooms.table())
    markdown = markdown.replace("<!-- faults -->", fault_table.table())
    return markdown.replace("<!-- environments -->", "\n".join(_environments()))


def pages() -> Mapping[str, str]:
    """Markdown of every generated page, by its path."""
    return {
        "reference/options.md": "\n".join(_options()),
        "reference/cli.md": "\n".join(_commands()),
        "reference/suite.md": "\n".join(_suite()),
        "reference/scorecard.md": "\n".join(_scorecard()),
        "reference/zoo.md": "\n".join(_zoo()),
        "reference/conformance.md": "\n".join(conformance.page()),
        "reference/splits.md": "\n".join(_splits()),
    }


def _environments() -> Iterator[str]:
    """What `matalign env test --json` wrote of every environment."""
    found = msgspec.json.decode(TRIALS.read_bytes(), type=list[Trial])
    yield f"| {' | '.join(HEAD)} |\n|---|{'---:|' * (len(HEAD) - 1)}"
    for one in found:
        yield f"| {' | '.join(one.cells)} |"
    passed, failed, skipped = (sum(getattr(one, name) for one in found) for name in COUNTS)
    size = sum(one.size for one in found) / 1e9
    yield f"\nTogether {size:.0f} GB; {passed:,} tests passed, {failed} failed, {skipped} skipped."


def _options() -> Iterator[str]:
    yield "# Options\n"
    yield "pytest takes `--matalign` and the options below; `matalign gate` takes them without "
    yield "`matalign-`. What has a key can be set in `[tool.matalign]` of `pyproject.toml` too; "
    yield "the command line wins.\n"
    yield "| option of pytest | key | default | |\n|---|---|---|---|"
    for one in OPTIONS:
        value = one.metavar or "|".join(one.choices)
        option = f"`--matalign-{one.name}{' ' if value else ''}{_cell(value)}`"
        key = f"`{one.key}`" if one.key else ""
        shown = option if one.commands else ""
        yield f"| {shown} | {key} | {_cell(one.default)} | {_cell(one.help)} |"
    yield "\n## `[tool.matalign]` in `pyproject.toml`\n"
    yield "| key | type |\n|---|---|"
    for name, kind in HostTable.__annotations__.items():
        yield f"| `{name}` | `{_cell(kind)}` |"
    yield "\n## `[[tool.matalign.gate]]`\n"
    yield from _struct(HostGate)
    yield "\n## Fixtures\n"
    yield "| fixture | |\n|---|---|"
    yield "| `matalign_embedding` | one model of the suite on one of its splits, embedded |"
    yield "| `matalign_alignment` | one pair of the suite by one metric on one split, and judged |"


def _commands() -> Iterator[str]:
    yield "# Commands\n"
    yield "Names of models, splits and environments complete in bash, zsh and fish; in bash by"
    yield '\n```sh no-run\neval "$(_MATALIGN_COMPLETE=bash_source matalign)"\n```\n'
    yield from _help(matalign, click.Context(matalign, info_name="matalign"), level=2)


def _help(command: click.Command, context: click.Context, *, level: int) -> Iterator[str]:
    """What `--help` says of a command, then of each of its parts."""
    context.terminal_width = context.max_content_width = 88
    if level > 2:
        yield f"{'#' * (level - 1)} `{context.command_path}`\n"
    yield f"```text\n{command.get_help(context)}\n```\n"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            part = command.get_command(context, name)
            assert part is not None
            within = click.Context(part, info_name=name, parent=context)
            yield from _help(part, within, level=level + 1)


def _suite() -> Iterator[str]:
    yield "# Suite files\n"
    yield "Keys of `suite.toml`. Unknown keys are refused.\n"
    yield from _struct(suites.Suite)
    for table, struct in (
        ("[[split]]", suites.SuiteSplit),
        ("[[metric]]", suites.SuiteMetric),
        ("[[expectation]]", suites.Expectation),
        ("expectation.measured", suites.Measured),
        ("[[dimension]]", suites.Band),
        ("[[gate]]", suites.Gate),
    ):
        yield f"\n## `{table}`\n\n{inspect.getdoc(struct)}\n"
        yield from _struct(struct)


def _scorecard() -> Iterator[str]:
    yield "# The scorecard's JSON\n"
    yield "Draft 2020-12, as `matalign scorecard schema` prints it. Files of another "
    yield "`schema_version` are refused with a sentence and never misread.\n"
    schema = json.loads(schema_text())
    for name, definition in schema["$defs"].items():
        yield f"\n## {name}\n\n{definition.get('description', '')}\n"
        yield "| field | type |\n|---|---|"
        for field, content in definition.get("properties", {}).items():
            yield f"| `{field}` | {_cell(_type(content))} |"


def _zoo() -> Iterator[str]:
    found = cards()
    yield f"# Models\n\nThe zoo has {len(found)} models. Their cards say in which state they are:\n"
    counts = Counter(one.state for one in found.values())
    for state, meaning in _STATES.items():
        yield f"- **{state}** ({counts[state]}): {meaning}"
    yield "\n`matalign zoo list` lists them and says which run on your machine; an "
    yield "[environment](../how-to/environments.md) is built with `matalign env create NAME`. What "
    yield "the verified ones hold to is on the page [Conformance](conformance.md). Your own model "
    yield "joins them with [a card and an adapter](../how-to/adapter.md).\n"
    yield from _families(found)
    yield from _paper(found)
    for family in dict.fromkeys(one.family for one in found.values()):
        yield f"\n## {family}\n"
        for one in (one for one in found.values() if one.family == family):
            yield f"\n### {one.id}\n"
            yield from _facts(one, skip={"id", "family"})


_STATES = {
    "verified": "run here with its real weights, which ship in a package.",
    "loader-verified": (
        "its real package and loading path were run, with small random weights; the real ones "
        "have not been."
    ),
    "declared": "a card only; nothing of it was run.",
}


def _families(found: Mapping[str, ModelCard]) -> Iterator[str]:
    yield "\n## Families\n"
    yield "| family | models | modality | verified | loader-verified | declared | environment |"
    yield "|---|---|---|---|---|---|---|"
    for family in dict.fromkeys(one.family for one in found.values()):
        own = [one for one in found.values() if one.family == family]
        counts = Counter(one.state for one in own)
        modalities = ", ".join(dict.fromkeys(one.modality for one in own))
        places = dict.fromkeys(f"`{one.environment}`" for one in own if one.environment)
        states = " | ".join(str(counts[state] or "") for state in _STATES)
        environments = ", ".join(places)
        yield f"| [{family}](#{family}) | {len(own)} | {modalities} | {states} | {environments} |"


def _paper(found: Mapping[str, ModelCard]) -> Iterator[str]:
    rows = {one.paper: one for one in found.values() if one.paper is not None}
    yield "\n## The paper's models\n"
    yield f"The {len(rows)} rows of Table 1 of [arXiv 2512.03750](https://arxiv.org/abs/2512.03750):\n"
    yield "| row | card | state |\n|---|---|---|"
    for row, one in sorted(rows.items()):
        yield f"| {row} | [{one.id}](#{one.id.replace('.', '')}) | {one.state} |"


def _splits() -> Iterator[str]:
    yield "# Splits\n\nSamples that ship with the package. Append `@rattle=0.2` and the like to an "
    yield "id to have it perturbed.\n"
    for one in split_cards().values():
        yield f"\n## {one.id}\n"
        yield from _facts(one, skip={"id", "labels", "file", "reader"})
        if one.labels:
            yield "\n| label | unit | |\n|---|---|---|"
            for name, label in one.labels.items():
                yield f"| `{name}` | {_cell(label.unit)} | {_cell(label.meaning)} |"


def _facts(card: msgspec.Struct, *, skip: set[str]) -> Iterator[str]:
    yield "| | |\n|---|---|"
    for name, value in msgspec.to_builtins(card).items():
        if name not in skip and value not in (None, [], {}, ""):
            yield f"| {name.replace('_', ' ')} | {_cell(_plain(value))} |"


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(" = ".join(x) if isinstance(x, list) else str(x) for x in value)
    if isinstance(value, dict):
        return "; ".join(f"{key}: {part}" for key, part in value.items() if part is not None)
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _struct(struct: type[msgspec.Struct]) -> Iterator[str]:
    """A table of the fields of a struct: name, type, default, and the string below the field."""
    notes = _notes(struct)
    yield "| key | type | default | |\n|---|---|---|---|"
    for field in msgspec.structs.fields(struct):
        default = "required"
        if not field.required:
            default = f"`{msgspec.json.encode(field.default).decode()}`"
        kind = _cell(str(struct.__annotations__[field.name]))
        note = _cell(notes.get(field.name, ""))
        yield f"| `{field.name}` | `{kind}` | {_cell(default)} | {note} |"


def _notes(struct: type) -> dict[str, str]:
    """Strings that stand below fields in the source, which Python itself does not keep."""
    import ast
    import textwrap

    body = ast.parse(textwrap.dedent(inspect.getsource(struct))).body[0]
    assert isinstance(body, ast.ClassDef)
    found = {}
    for before, after in zip(body.body, body.body[1:], strict=False):
        if isinstance(before, ast.AnnAssign) and isinstance(before.target, ast.Name):
            text = getattr(getattr(after, "value", None), "value", None)
            if isinstance(after, ast.Expr) and isinstance(text, str):
                found[before.target.id] = " ".join(text.split())
    return found


def _type(content: dict[str, Any]) -> str:
    if "anyOf" in content:
        return " or ".join(_type(one) for one in content["anyOf"])
    if "$ref" in content:
        name = content["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "enum" in content:
        return ", ".join(f"`{one}`" for one in content["enum"])
    if content.get("type") == "array":
        return f"array of {_type(content.get('items') or {})}"
    return str(content.get("type", "any"))


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")
