"""Which packages a model's rows come from, and their versions where the model runs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pytest_matalign.environments.loading import environment_of
from pytest_matalign.zoo.packages import BENEATH, required_here, versions_here

if TYPE_CHECKING:
    from pytest_matalign.environments.folders import Built
    from pytest_matalign.zoo.card import ModelCard


def packages_behind(card: ModelCard) -> dict[str, str]:
    """Return the versions of a model's own packages, of its environment where it has one."""
    used = environment_of(card)
    return packages_in(used) if used else required_here(card)


def packages_beneath(card: ModelCard) -> dict[str, str]:
    """Return `packages_behind` and the versions of what they stand on there."""
    used = environment_of(card)
    found = used.record.packages if used else versions_here(*BENEATH)
    beneath = {name: found[name] for name in BENEATH if name in found}
    return dict(sorted((beneath | packages_behind(card)).items()))


def packages_in(used: Built) -> dict[str, str]:
    """Return the versions of what an environment was made for."""
    from pytest_matalign.environments.spec import environment

    spec = environment(used.name).spec
    asked = (*spec.requirements, *spec.without_dependencies)
    names = {re.split(r"[^\w.-]", one)[0].lower().replace("_", "-") for one in asked}
    installed = used.record.packages
    return {name: installed[name] for name in sorted(names) if name in installed}
