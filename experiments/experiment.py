"""From a YAML file, options and a scale to an Experiment, or to everything that is wrong with it. No jax here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from experiments.check import Sections, check
from experiments.document import Node, assign, find, merge, parse
from experiments.landscapes import Wanted, keeping, wanted
from experiments.problems import ExperimentError, Mark, Problem, nearest, unknown
from largebatch.config import RunConfig
from largebatch.storage import Folder
from sweeps.expand import ExpandError
from sweeps.search import Search, read
from sweeps.stages import Design, Expansion, expand

HERE = Path(__file__).parent
SETTABLE = tuple(name for name in Sections.model_fields if name not in ("extends", "scales"))


@dataclass(frozen=True)
class Experiment:
    """A question and the runs that answer it."""

    name: str
    """The file's stem, followed by the scale where one was asked for; names the folder of its results."""
    question: str
    paper: str | None
    base: Mapping[str, Any]
    axes: Mapping[str, Sequence[Any]]
    groups: Sequence[Mapping[str, Sequence[Any]]]
    """Axes that move together; `zip` in the file."""
    seeds: tuple[int, ...]
    figures: tuple[str | Mapping[str, Any], ...]
    """Names of figures, or mappings of `name` and options."""
    claims: tuple[Mapping[str, Any], ...]
    published: tuple[Mapping[str, Any], ...]
    """Numbers of the paper; see `experiments.published`."""
    deviations: tuple[str, ...]
    history: tuple[Mapping[str, Any], ...]
    scales: tuple[str, ...]
    """Names of the other sizes that the file offers."""
    configs: tuple[RunConfig, ...]
    """Every run that is known, in a stable order; a search adds to them as it goes, see `grown`."""
    source: Mapping[str, str]
    """File name -> text, of the file and of the one it extends."""
    landscapes: tuple[Wanted, ...] = ()
    """What is computed of the runs' last weights, and of which runs."""
    overrides: tuple[str, ...] = ()
    """Options as given on the command line, `key=value`."""
    search: Search | None = None
    """What is searched at every point of the grid."""
    expansion: Expansion = Expansion(())
    """The stages that `configs` come from, and where the search stands in each cell."""

    @property
    def design(self) -> Design:
        """What is to be expanded to runs."""
        return Design(self.base, self.axes, self.groups, self.seeds, self.search)

    def grown(self, folder: Folder, *, torn: bool = False) -> "Experiment":
        """Return the experiment with all runs that follow from the records in a folder of results.

        Args:
            folder: where they lie.
            torn: whether records that are torn say nothing, instead of being refused.

        Raises:
            SweepError: the folder cannot be read, a record is torn, or the search cannot go on.
        """
        if self.search is None:
            return self
        expansion = expand(self.design, read(folder, self.search.by, torn=torn))
        return replace(self, configs=tuple(keeping(expansion.runs, self.landscapes)), expansion=expansion)


def packaged() -> dict[str, Path]:
    """Return the experiments that come with the package: name -> file, sorted."""
    return {path.stem: path for path in sorted(HERE.glob("*.yaml"))}


def load(
    path_or_name: str | Path, overrides: Sequence[str] = (), scale: str | None = None, *, most_seeds: int | None = None
) -> Experiment:
    """Read and check an experiment, and expand it to its runs.

    Args:
        path_or_name: a YAML file, or the name of a packaged experiment.
        overrides: `key=value` with the value in YAML; a key is a dotted field of `base`, or starts with a section.
        scale: one of the file's `scales`, laid over it before the overrides.
        most_seeds: expand runs of so many of the seeds, for whoever only counts; None expands all.

    Raises:
        ExperimentError: everything that is wrong, each with file, line and column or with the option's name.
    """
    path = locate(path_or_name)
    source: dict[str, str] = {}
    tree = _extended(_read(path, source), path, source)
    if scale is not None:
        tree = _at_scale(tree, scale)
    for option in overrides:
        tree = merge(tree, _override(option))
    checked = check(tree)
    sections = checked.sections
    try:
        design = Design(checked.base, checked.axes, checked.groups, sections.seeds[:most_seeds], checked.search)
        expansion = expand(design)
    except ExpandError as error:
        axes = find(tree, ["axes"])[0]
        raise ExperimentError([Problem(axes.key or axes.mark, axes.path, str(error))]) from None
    landscapes = wanted(tree, expansion.runs, design.seeds, searched=checked.search is not None)
    return Experiment(
        name=path.stem if scale is None else f"{path.stem}-{scale}",
        question=sections.question,
        paper=sections.paper,
        base=checked.base,
        axes=checked.axes,
        groups=checked.groups,
        seeds=tuple(sections.seeds),
        figures=tuple(sections.figures),
        claims=tuple(sections.claims),
        published=tuple(number.model_dump() for number in sections.published),
        deviations=tuple(sections.deviations),
        history=tuple(change.model_dump() for change in sections.history),
        scales=tuple(sections.scales),
        configs=tuple(keeping(expansion.runs, landscapes)),
        source=source,
        landscapes=landscapes,
        overrides=tuple(overrides),
        search=checked.search,
        expansion=expansion,
    )


def locate(path_or_name: str | Path, beside: Path | None = None) -> Path:
    """Return the file of an experiment: a path, or a packaged name.

    Raises:
        ExperimentError: there is no such file or name; the nearest name is suggested.
    """
    text = str(path_or_name)
    names = packaged()
    if text in names:
        return names[text]
    path = (beside or Path()) / text
    if path.is_file():
        return path
    if path.is_dir():
        what = "a folder; give a YAML file in it"
    elif path.suffix in (".yaml", ".yml") or "/" in text:
        what = f"no such file; give a YAML file, or one of {', '.join(names)}{nearest(path.stem, names)}"
    else:
        what = f"{unknown('experiment', text, list(names))}; a file of your own is given with its path and .yaml"
    raise ExperimentError([Problem(Mark(text), "", what)])


def _read(path: Path, source: dict[str, str]) -> Node:
    """Return a file's nodes, and keep its text in `source`."""
    try:
        text = source[path.name] = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text; save it as such"
        raise ExperimentError([Problem(Mark(str(path)), "", f"cannot be read: {reason}")]) from None
    return parse(text, _shown(path))


def _shown(path: Path) -> str:
    """Return a file's name as a person knows it: packaged ones below `experiments/`."""
    return f"{HERE.name}/{path.name}" if path.parent == HERE else str(path)


def _extended(own: Node, path: Path, source: dict[str, str]) -> Node:
    """Lay an experiment over the one it extends, if any."""
    node = own.entries.get("extends")
    if node is None or not isinstance(node.value, str):
        return own
    try:
        parent = locate(node.value, beside=path.parent)
    except ExperimentError as error:
        raise ExperimentError([replace(p, mark=node.mark, path="extends") for p in error.problems]) from None
    below = _read(parent, source)
    if "extends" in below.entries:
        what = f"{node.value} extends another experiment itself; one level is read, so extend that one"
        raise ExperimentError([Problem(node.mark, "extends", what)])
    return merge(below, own)


def _at_scale(tree: Node, scale: str) -> Node:
    scales = find(tree, ["scales"])[0].entries if "scales" in tree.entries else {}
    if scale not in scales:
        what = unknown("scale", scale, list(scales)) if scales else "the experiment has no scales; leave --scale out"
        raise ExperimentError([Problem(Mark(f"--scale {scale}"), "", what)])
    return merge(tree, scales[scale])


def _override(option: str) -> Node:
    """Turn `key=value` into a tree that can be laid over the experiment's."""
    shown = f"--set {option}"
    key, equals, text = option.partition("=")
    names = key.split(".")
    if not equals or not all(names):
        raise ExperimentError([Problem(Mark(shown), "", "give key=value, as in --set budget.epochs=2")])
    if names[0] in ("extends", "scales"):
        raise ExperimentError([Problem(Mark(shown), "", f"{names[0]} cannot be set; use --scale, or edit the file")])
    if names[0] not in SETTABLE:
        close = nearest(names[0], SETTABLE)
        if len(names) == 1 and names[0] not in RunConfig.model_fields and close:
            raise ExperimentError([Problem(Mark(shown), "", f"unknown key{close}")])
        names = ["base", *names]
    if names[0] == "axes" and len(names) > 1:
        names = ["axes", ".".join(names[1:])]
    leaf = parse(text, shown, path=".".join(names), option=True)
    return assign(Node({}, Mark(shown)), names, replace(leaf, key=Mark(shown)))
