"""Whether what the claims speak of will be measured: a probe's number needs the probe."""

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatch
from itertools import chain
from typing import Any

from pydantic import ValidationError

from experiments.document import Node, plain
from experiments.problems import Problem, unknown
from largebatch.config import PROBES, Probe
from largebatch.config.numbers import numbers

Groups = Sequence[Sequence[tuple[str, Node]]]


def unmeasured(claims: Node, base: Node, groups: Groups) -> Iterator[Problem]:
    """Yield one problem for each measure of a claim that no probe of the base or of an axis takes.

    Args:
        claims: the section.
        base: the section, names filled in.
        groups: the axes, those that move together side by side.
    """
    probes = _probes(base, groups)
    if probes is None:
        return  # what is wrong with the probes is told elsewhere
    for claim in claims.items:
        for node in _measures(claim):
            if why := missing(str(node.value), probes):
                yield Problem(node.mark, node.path, why)


def missing(measure: str, probes: Sequence[Probe]) -> str:
    """Return why no run will have a measure, and what to do; nothing where one will."""
    from analysis.probed import RATIOS, SOURCES

    titles = {probe.title: probe for probe in probes}
    if "/" in measure:
        title, _, number = measure.partition("/")
        if title not in titles:
            return f"{unknown('probe', title, list(titles))}; a measure <probe>/<number> needs it among the probes"
        accepted = numbers(titles[title])
        found = any(fnmatch(number, name) for name in accepted)
        return "" if found else unknown(f"number of the probe {title}", number, accepted)
    source = SOURCES.get("lambda_max" if measure in RATIOS else measure)
    if source is None or any(p.name == source.probe and source.fits(p.model_dump()) for p in probes):
        return ""
    has = f"; it has {', '.join(titles)}" if titles else ""
    return f"{measure} is measured by a probe that no run has{has}; add {source.written} to base.probes"


def _probes(base: Node, groups: Groups) -> list[Probe] | None:
    """Return the probes that some run has; None where one of them cannot be read."""
    lists = [base.entries["probes"]] if "probes" in base.entries else []
    lists += [value for name, node in chain.from_iterable(groups) if name == "probes" for value in node.items]
    try:
        return [_probe(plain(node)) for one in lists for node in one.items]
    except (ValidationError, KeyError, TypeError):
        return None


def _probe(said: Mapping[str, Any]) -> Probe:
    return PROBES[said["name"]].model_validate(said)


def _measures(claim: Node) -> Iterator[Node]:
    """Yield the places at which a claim names a measure."""
    named = [claim.entries["measure"]] if "measure" in claim.entries else []
    compared = claim.entries.get("compare")
    named += compared.entries["measure"].items if compared and "measure" in compared.entries else []
    for node in named:
        yield from _innermost(node)


def _innermost(node: Node) -> Iterator[Node]:
    from analysis.vocabulary import REDUCTIONS

    if isinstance(node.value, str):
        yield node
    for name, child in node.entries.items():
        if name in REDUCTIONS:
            yield from _innermost(child)
