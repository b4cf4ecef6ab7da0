"""Every setting of a run, once: pytest's options, the commands' and `[tool.matalign]`.

`plugin/hooks.py` declares `--matalign-NAME` from this table, `cli/options.py` declares `--NAME`,
`run/settings.py` reads both over the table of the host's project, and the docs' page lists them.
Nothing heavy is imported here, because pytest reads it in every run of every project.
"""

from __future__ import annotations

from argparse import ArgumentTypeError
from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "count", "choice", "flag", "path"]


@dataclass(frozen=True, kw_only=True)
class Option:
    """One setting.

    Attributes:
        name: Of the option, without dashes before it.
        help: What it does, in one sentence.
        kind: What its value is; a `count` is a whole number from 1.
        metavar: Stands for the value in help texts.
        choices: Values of a `choice`.
        repeatable: Whether it may be given several times.
        default: What holds if nobody says otherwise, in words.
        key: Its key in `[tool.matalign]`; None if it cannot be set there.
        commands: Of `matalign` that take it; pytest takes all, unless there are none, which
            means that it can be set in `[tool.matalign]` only.
    """

    name: str
    help: str
    kind: Kind = "text"
    metavar: str | None = None
    choices: tuple[str, ...] = ()
    repeatable: bool = False
    default: str = ""
    key: str | None = None
    commands: tuple[str, ...] = ("gate",)

    @property
    def field(self) -> str:
        """Its name among the values that were given."""
        return self.name.replace("-", "_")

    @property
    def help_text(self) -> str:
        """Its help with its default."""
        return f"{self.help} (default: {self.default})" if self.default else self.help


def on_command_line(command: str | None = None) -> tuple[Option, ...]:
    """Return the options of one command of `matalign`, or of pytest."""
    return tuple(
        one for one in OPTIONS if (command in one.commands if command else bool(one.commands))
    )


def count(text: str) -> int:
    """Return a whole number from 1.

    Raises:
        ArgumentTypeError: If it is anything else.
    """
    # isdecimal alone accepts digits of other scripts, which are no mistake, and refuses a sign.
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"{text!r} is not a positive whole number")
    return int(text)


def _of_project(name: str, text: str, default: str = "") -> Option:
    return Option(name=name, help=text, default=default, key=name, commands=())


OPTIONS: tuple[Option, ...] = (
    Option(
        name="suite",
        help="suite to run; may be repeated",
        metavar="NAME|PATH",
        repeatable=True,
        default="every bundled one that can be served",
        key="suites",
        commands=("gate", "sensitivity", "pack build"),
    ),
    Option(
        name="samples",
        help="take the first N samples of every split",
        kind="count",
        metavar="N",
        default="as the suites say",
        key="samples",
        commands=("gate", "sensitivity", "pack build"),
    ),
    Option(
        name="candidate",
        help="model under test: a zoo id, package.module:factory, hf:org/name@sha, or a .npz file",
        metavar="SPEC",
        key="candidate",
        commands=("gate", "sensitivity"),
    ),
    _of_project(
        "name", "what the candidate is called, unless it is a model of the zoo", "candidate"
    ),
    _of_project(
        "input",
        "form of a sample the candidate reads: atoms, smiles, sequence or backbone; needed for a "
        "factory and for a checkpoint of the hub",
    ),
    _of_project("modality", "the candidate's modality", "follows from `input`"),
    _of_project("family", "the candidate's family", "candidate"),
    _of_project("elements", "elements the candidate knows; other samples are refused", "all"),
    Option(
        name="models",
        help="keep only models matching this; may be repeated",
        metavar="PATTERN",
        repeatable=True,
        default="all",
        key="models",
        commands=("gate", "sensitivity", "pack build", "study"),
    ),
    Option(
        name="store",
        help="folder of the embedding store",
        kind="path",
        metavar="DIR",
        default="$MATALIGN_CACHE or the user's cache",
        key="store",
        commands=(
            "gate",
            "sensitivity",
            "pack build",
            "embed",
            "identify",
            "matrix",
            "study",
            "scorecard report",
            "scorecard figures",
            "store",
        ),
    ),
    Option(
        name="cluster",
        help="who does the work: processes of this machine, or workers of a Dask scheduler",
        metavar="local:N|scheduler-file:PATH|tcp://HOST:PORT",
        default="this process",
        commands=("gate", "embed", "matrix", "study"),
    ),
    Option(
        name="references",
        help="where references come from: auto is the store, else the installed package, else a "
        "pack of embeddings",
        kind="choice",
        choices=("auto", "packs", "installed"),
        default="auto",
        key="references",
        commands=("gate", "sensitivity", "study"),
    ),
    Option(
        name="pack",
        help="reference pack, a folder or hf:org/name@sha, asked before the one that ships; may "
        "be repeated",
        metavar="DIR",
        repeatable=True,
        key="packs",
        commands=("gate", "sensitivity", "matrix", "study", "identify"),
    ),
    Option(
        name="allow-pickle",
        help="read weights that can run code when they are read (pickles); without it models "
        "that have no others are skipped",
        kind="flag",
        key="allow_pickle",
        commands=("gate", "sensitivity", "pack build", "embed", "same"),
    ),
    Option(
        name="policy",
        help="a pyproject.toml that says how to judge in the place of the project's, such as the "
        "target branch's: all of its [tool.matalign] but what describes the candidate",
        kind="path",
        metavar="FILE",
    ),
    Option(
        name="baseline",
        help="file of the earlier release's alignments; its embeddings lie in the folder of that "
        "name",
        kind="path",
        metavar="FILE",
        default="matalign-baseline.json",
        key="baseline",
    ),
    Option(
        name="batch-seconds",
        help="longest that a batch may take of a model in a process of its own",
        kind="count",
        metavar="N",
        default="as its card says, else 600",
        key="batch_seconds",
        commands=("gate", "pack build", "embed"),
    ),
    _of_project(
        "baseline_embeddings",
        "how an update keeps the candidate's embeddings: float32, float16 or none; without them "
        "differences are not paired",
        "float32",
    ),
    _of_project(
        "tolerance", "loss of alignment against the baseline that is still accepted", "0.02"
    ),
    _of_project(
        "mode",
        "what a release says of itself: same (a port, a refactoring) or retrained (new weights)",
        "retrained",
    ),
    _of_project(
        "untrained",
        "package.module:factory that makes the candidate's network untrained (it may take `seed`), "
        "which a first release must be above",
        "the candidate's factory if it takes `untrained`, else its networks shuffled and reset",
    ),
    _of_project(
        "seeds",
        "the candidate trained from other seeds: factories, or files of embeddings; losses within "
        "their spread are accepted",
        "none",
    ),
    _of_project("gate", "gates added to those of the suites, or laid over the ones of one id"),
    _of_project(
        "same",
        "pairs of ways to run one model that must give the same, as `matalign same` compares them: "
        "tables with `a`, `b` and, where wanted, `split`, `samples`, `channel`, `input`, `limit`",
        "none",
    ),
    Option(
        name="strict",
        help="fail also where a check is skipped, cannot be compared, or is new to the baseline",
        kind="flag",
        key="strict",
    ),
    Option(
        name="update",
        help="write the baseline: rows it lacks, splits that regressed, or everything measured",
        kind="choice",
        choices=("new", "regressed", "all"),
    ),
    Option(
        name="update-in-ci",
        help="allow an update where the variable CI is set",
        kind="flag",
    ),
    Option(name="json", help="write the scorecard as JSON", kind="path", metavar="FILE"),
    Option(
        name="markdown",
        help="write the scorecard as Markdown",
        kind="path",
        metavar="FILE",
        default="$GITHUB_STEP_SUMMARY, as well",
    ),
    Option(
        name="html",
        help="write the scorecard as one self-contained page",
        kind="path",
        metavar="FILE",
    ),
    Option(name="badge", help="write an SVG badge of the outcome", kind="path", metavar="FILE"),
)
