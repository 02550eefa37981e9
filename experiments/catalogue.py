"""Everything that can be named in an experiment: one line and one source each, read from the tables themselves."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from experiments.document import plain
from experiments.experiment import packaged
from experiments.problems import ExperimentError, Mark, Problem, unknown


@dataclass(frozen=True)
class Entry:
    """One name of a table, what it is, and where it comes from (a paper, a licence, a file)."""

    name: str
    line: str
    source: str = ""
    cost: str = ""
    """Of an experiment: runs and rough time at each scale."""


def entries(kind: str) -> list[Entry]:
    """Return the entries of one of `KINDS`, in the table's own order.

    Raises:
        ExperimentError: there is no such kind; the nearest is named.
    """
    if kind not in KINDS:
        raise ExperimentError([Problem(Mark("list"), "", unknown("kind", kind, list(KINDS)))])
    return list(KINDS[kind]())


def _experiments() -> Iterator[Entry]:
    from experiments.document import parse

    for name, path in packaged().items():
        said: dict[str, Any] = plain(parse(path.read_text(encoding="utf-8"), path.name))
        yield Entry(name, said["question"], said.get("paper") or "")


def _options(table: str) -> Callable[[], Iterator[Entry]]:
    def rows() -> Iterator[Entry]:
        from largebatch import config

        for name, options in getattr(config, table).items():
            yield Entry(name, *_split(options.summary(), getattr(options, "licence", "")))

    return rows


def _orders() -> Iterator[Entry]:
    from largebatch.sampling import ORDERS

    for order in ORDERS.values():
        yield Entry(order.name, *_split(order.source))


def _rules() -> Iterator[Entry]:
    from largebatch.scaling import RULES

    for name, rule in RULES.items():
        yield Entry(name, *_split(_first_line(rule).removeprefix("Return ")))


def _remedies() -> Iterator[Entry]:
    from largebatch.config.remedies import REMEDIES

    for name, options in REMEDIES.items():
        yield Entry(name, *_split(_first_line(options)))


def _figures() -> Iterator[Entry]:
    from analysis.figures import FIGURES

    for name, figure in FIGURES.items():
        yield Entry(name, figure.summary)


def _first_line(thing: Any) -> str:
    return next(iter((thing.__doc__ or "").strip().splitlines()), "")


def _split(line: str, source: str = "") -> tuple[str, str]:
    """Part `what it is (its paper)` into the two; a licence that is already known stays the source."""
    head, bracket, tail = line.rstrip(".").rpartition(" (")
    if source or not bracket or not tail.endswith(")"):
        return line.rstrip("."), source
    return head, tail[:-1]


KINDS: dict[str, Callable[[], Iterator[Entry]]] = {
    "experiments": _experiments,
    "datasets": _options("DATASETS"),
    "models": _options("MODELS"),
    "optimizers": _options("OPTIMIZERS"),
    "schedules": _options("SCHEDULES"),
    "probes": _options("PROBES"),
    "orders": _orders,
    "rules": _rules,
    "remedies": _remedies,
    "figures": _figures,
}
