"""Every card there is: those bundled, those installed packages offer, and the user's own files.

A model package joins the zoo by an entry point whose value is the dotted path of a folder of card
files inside it:

    [project.entry-points."pytest_matalign.models"]
    spring = "spring_model.cards"

The folder is found without importing the package, so that listing the zoo runs no foreign code
and costs no import of a deep-learning library.
"""

from __future__ import annotations

import importlib.util
import os
import re
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib import metadata, resources
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from pytest_matalign.errors import ConfigurationError
from pytest_matalign.zoo.card_file import parse_cards

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pytest_matalign.zoo.card import ModelCard

GROUP = "pytest_matalign.models"
"""Entry-point group by which an installed package offers its cards."""
VARIABLE = "MATALIGN_CARDS"
"""Environment variable with card files, or folders of them, of the user's own."""
BUNDLED = "pytest-matalign"
_DOTTED = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


@dataclass(frozen=True)
class Catalogue:
    """All cards that can be used, and what was wrong with the others."""

    # Cards by id: bundled ones first, then by distribution, then the user's own
    cards: Mapping[str, ModelCard]
    origins: Mapping[str, str]  # Distribution (or file) each card came from, by id
    # Ids that two newcomers claim, which therefore name neither, each with a sentence
    disputed: Mapping[str, str]
    problems: tuple[str, ...]  # One sentence for everything that was left out


@dataclass(frozen=True)
class _File:
    """A card file and who brought it."""

    origin: str
    name: str
    text: str


@cache
def catalogue() -> Catalogue:
    """Return every card with where it came from, and what was wrong with cards left out.

    Read once a process.

    Raises:
        ConfigurationError: As `read_catalogue`.
    """
    return read_catalogue()


def cards() -> Mapping[str, ModelCard]:
    """Return every card by id: bundled ones in the order of the files' names, then the others.

    Cards of installed packages come through the entry-point group `pytest_matalign.models`, the
    user's own from the files named by `MATALIGN_CARDS`.

    Raises:
        ConfigurationError: If a bundled card or one of the user's own is wrong.
    """
    return catalogue().cards


def card(model_id: str) -> ModelCard:
    """Return the card of a model.

    Raises:
        ConfigurationError: If there is none; the closest ids are named.
    """
    known = cards()
    if model_id in known:
        return known[model_id]
    if model_id in catalogue().disputed:
        raise ConfigurationError(catalogue().disputed[model_id])
    close = get_close_matches(model_id, known, n=3)
    hint = f"the closest are {', '.join(close)}; " if close else ""
    raise ConfigurationError(
        f"There is no model {model_id!r} in the zoo; {hint}`matalign zoo list` lists all."
    )


def read_catalogue() -> Catalogue:
    """Read every card file there is.

    A bad file of an installed package becomes a problem and leaves the other models as they are:
    whoever runs a suite may never have heard of that package. A bad file the user named is an
    error, as is a bad bundled one.

    Raises:
        ConfigurationError: If a bundled card or one of the user's own does not fit the schema, an
            id of theirs is taken, or a file the user named is missing.
    """
    shelf = _Shelf()
    for file in _bundled():
        shelf.add(file.origin, parse_cards(file.text, file=file.name), strict=True)
    for source in sorted(_distributions(), key=lambda one: (one.origin.lower(), one.name)):
        try:
            # Files are read one by one, so that one bad file does not hide its neighbours.
            for file in _offered(source):
                shelf.offer(file)
        except ConfigurationError as error:
            shelf.problems.append(str(error))
    for file in _own():
        shelf.add(file.origin, parse_cards(file.text, file=file.name), strict=True)
    return shelf.closed()


class _Shelf:
    """Cards as they are gathered."""

    def __init__(self) -> None:
        self.cards: dict[str, ModelCard] = {}
        self.origins: dict[str, str] = {}
        self.disputed: dict[str, str] = {}
        self.problems: list[str] = []

    def offer(self, file: _File) -> None:
        """Take the cards of an installed package's file, or note what is wrong with it."""
        try:
            found = parse_cards(file.text, file=file.name)
        except ConfigurationError as error:
            self.problems.append(f"{error} Its models are left out.")
            return
        self.add(file.origin, found, strict=False)

    def add(self, origin: str, found: Sequence[ModelCard], *, strict: bool) -> None:
        """Take cards; an id that is taken is an error, or where not strict a problem."""
        for card in found:
            if card.id not in self.cards:
                if card.id not in self.disputed:
                    self.cards[card.id], self.origins[card.id] = card, origin
                continue
            holder = self.origins[card.id]
            clash = f"The id {card.id!r} is claimed by {origin} and by {holder}; ids are unique"
            if strict:
                raise ConfigurationError(f"{clash}.")
            if holder == BUNDLED:
                self.problems.append(f"{clash}, and the bundled card keeps it.")
            else:
                sentence = f"{clash}, so it names neither; uninstall one of them."
                del self.cards[card.id], self.origins[card.id]
                self.disputed[card.id] = sentence
                self.problems.append(sentence)

    def closed(self) -> Catalogue:
        """What was gathered, no longer to be changed."""
        return Catalogue(
            cards=MappingProxyType(self.cards),
            origins=MappingProxyType(self.origins),
            disputed=MappingProxyType(self.disputed),
            problems=tuple(self.problems),
        )


def _bundled() -> Iterator[_File]:
    folder = resources.files("pytest_matalign.zoo").joinpath("cards")
    for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if file.name.endswith(".toml"):
            yield _File(BUNDLED, file.name, file.read_text(encoding="utf-8"))


@dataclass(frozen=True)
class _Source:
    """One entry point: the distribution, the entry point's name and its value."""

    origin: str
    name: str
    value: str


def _distributions() -> list[_Source]:
    found = []
    for point in metadata.entry_points(group=GROUP):
        origin = point.dist.name if point.dist is not None else f"entry point {point.name}"
        found.append(_Source(origin, point.name, point.value))
    return found


def _offered(source: _Source) -> list[_File]:
    """The card files an entry point leads to."""
    where = f"{source.origin}: the entry point {source.name!r} of {GROUP}"
    if not _DOTTED.fullmatch(source.value):
        raise ConfigurationError(
            f"{where} is {source.value!r}; its value is the dotted path of a folder of card files, "
            f"such as my_package.cards."
        )
    folder = _folder(source.value)
    files = sorted(folder.glob("*.toml")) if folder else []
    if not files:
        raise ConfigurationError(
            f"{where} leads to {source.value}, where there is no card file *.toml; its wheel may "
            f"have been built without them."
        )
    return [
        _File(source.origin, name, _text(file, name))
        for file in files
        for name in [f"{source.origin}, {source.value}/{file.name}"]
    ]


def _text(file: Path, name: str) -> str:
    try:
        return file.read_text("utf-8")
    except UnicodeDecodeError:
        raise ConfigurationError(f"{name} is not text in UTF-8, as TOML has to be.") from None


def _folder(dotted: str) -> Path | None:
    """Folder of a package, or of a folder inside one, found without importing anything."""
    top, *inner = dotted.split(".")
    spec = importlib.util.find_spec(top)
    roots = (spec.submodule_search_locations or []) if spec is not None else []
    places = (Path(root, *inner) for root in roots)
    return next((place for place in places if place.is_dir()), None)


def _own() -> Iterator[_File]:
    """Files named by the environment variable."""
    for part in filter(None, os.environ.get(VARIABLE, "").split(os.pathsep)):
        path = Path(part)
        if not path.exists():
            raise ConfigurationError(
                f"{VARIABLE} names {part}, which does not exist; it holds card files or folders of "
                f"them, separated by {os.pathsep!r}."
            )
        for file in sorted(path.glob("*.toml")) if path.is_dir() else [path]:
            yield _File(str(file), str(file), _text(file, str(file)))
