"""The landscapes that an experiment states, and which of its runs they are of. No jax here."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from experiments.document import Node, plain
from experiments.explain import no_such_field, paths, problems
from experiments.problems import ExperimentError, Problem, show, unknown
from largebatch.config import LANDSCAPES, Cadence, Landscape, RunConfig, digest
from largebatch.config.fork import laid_over


@dataclass(frozen=True)
class Wanted:
    """A landscape of one seed, and the runs it is of."""

    options: Landscape
    seed: int
    runs: tuple[RunConfig, ...]


def landscape_problems(tree: Node) -> Iterator[Problem]:
    """Yield what is wrong with the landscapes by themselves, before it is known which runs there are."""
    titles: set[str] = set()
    for node in _nodes(tree):
        name = node.entries.get("name")
        if name is None or not isinstance(name.value, str) or name.value not in LANDSCAPES:
            given = None if name is None else plain(name)
            at = name or node
            yield Problem(at.mark, at.path, unknown("landscape", given, list(LANDSCAPES)))
            continue
        try:
            options = LANDSCAPES[name.value].model_validate(plain(node))
        except ValidationError as error:
            yield from problems(error, node, LANDSCAPES[name.value])
            continue
        if options.title in titles:
            what = f"two landscapes are called {options.title}; give one of them a label of its own"
            yield Problem(node.mark, node.path, what)
        titles.add(options.title)
        known = set(paths(RunConfig))
        for setting in (options.where, *options.settings):
            for field in (field for field in setting if field not in known or field.partition(".")[0] == "seed"):
                yield Problem(node.mark, node.path, no_such_field(field, list(RunConfig.model_fields), list(known)))


def wanted(
    tree: Node, configs: Sequence[RunConfig], seeds: Sequence[int], *, searched: bool = False
) -> tuple[Wanted, ...]:
    """Return the landscapes of an experiment with their runs.

    Raises:
        ExperimentError: a setting has no run, or several a seed; or the runs are only found in a search.
    """
    found, wrong = [], []
    if searched and (nodes := _nodes(tree)):
        what = "landscapes are of runs that are known before the sweep, but this experiment searches; state them in one"
        raise ExperimentError([Problem(nodes[0].mark, nodes[0].path, f"{what} that has the values found")])
    for node in _nodes(tree):
        options = LANDSCAPES[node.entries["name"].value].model_validate(plain(node))
        ends = [_matching(configs, {**options.where, **setting}) for setting in options.settings]
        for seed in seeds[: options.seeds]:
            runs = [[run for run in end if run.seed.order == seed] for end in ends]
            for setting, own in zip(options.settings, runs, strict=True):
                if len(own) != 1:
                    wrong.append(Problem(node.mark, node.path, _ambiguous({**options.where, **setting}, own)))
            found.append(Wanted(options, seed, tuple(run for own in runs for run in own)))
    if wrong:
        raise ExperimentError(wrong)
    return tuple(found)


def keeping(configs: Sequence[RunConfig], landscapes: Sequence[Wanted]) -> list[RunConfig]:
    """Return the runs, with those that landscapes are of keeping their weights, unless they say when themselves."""
    trails: dict[str, int] = {}
    for each in landscapes:
        for run in map(digest, each.runs):
            trails[run] = max(trails.get(run, 0), each.options.trail)
    return [_keeping(config, trails.get(digest(config))) for config in configs] if trails else list(configs)


def _keeping(config: RunConfig, trail: int | None) -> RunConfig:
    if trail is None or config.execution.keep_weights is not None:
        return config
    cadence = Cadence(points=trail) if trail else Cadence(at="end")
    return config.model_copy(update={"execution": config.execution.model_copy(update={"keep_weights": cadence})})


def _nodes(tree: Node) -> list[Node]:
    items = tree.entries["landscapes"].items if "landscapes" in tree.entries else []
    return [node for node in items if isinstance(node.value, dict)]


def _matching(configs: Sequence[RunConfig], setting: Mapping[str, Any]) -> list[RunConfig]:
    """Return the runs on which a setting changes nothing."""
    nested: dict[str, Any] = {}
    for field, value in setting.items():
        *parents, leaf = field.split(".")
        place = nested
        for name in parents:
            place = place.setdefault(name, {})
        place[leaf] = value

    def has(config: RunConfig) -> bool:
        if any(_other_number(config, field, value) for field, value in setting.items()):
            return False  # what follows is a hundred times as slow
        try:
            return digest(RunConfig.model_validate(_over(config.model_dump(mode="json"), nested))) == digest(config)
        except ValidationError:
            return False

    return [config for config in configs if has(config)]


def _other_number(config: RunConfig, field: str, value: Any) -> bool:
    here: Any = config
    for name in field.split("."):
        here = getattr(here, name, None)
    numbers = all(isinstance(each, int | float) and not isinstance(each, bool) for each in (here, value))
    return numbers and here != value


def _over(said: Mapping[str, Any], nested: Mapping[str, Any]) -> dict[str, Any]:
    rule = nested.get("scaling_rule")
    return laid_over(said, {**nested, "scaling_rule": {"name": rule}} if isinstance(rule, str) else nested)


def _ambiguous(setting: Mapping[str, Any], runs: Sequence[RunConfig]) -> str:
    told = show(dict(setting))
    if not runs:
        return f"no run has {told}; give values that the axes have"
    dumps = [run.model_dump(mode="json") for run in runs]
    differing = [field for field in dumps[0] if any(dump[field] != dumps[0][field] for dump in dumps)]
    return f"{len(runs)} runs a seed have {told}; they differ in {', '.join(differing)}, so state those under where"
