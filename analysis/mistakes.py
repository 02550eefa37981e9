"""Test examples that one of two twins gets wrong and the other right, where the runs had the probe `mistakes`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.gap import as_text, censored, varying
from analysis.hypotheses import mcnemar
from analysis.probed import tables, title

if TYPE_CHECKING:
    from analysis.load import Results

MOST = 5
"""Pairs that are told one by one."""


@dataclass(frozen=True)
class Pair:
    """Two runs of one seed on the test set that they share.

    Attributes:
        seed: of both.
        only_a: examples that the first gets wrong and the second right.
        only_b: the other way round.
        examples: of the test set.
        p: of McNemar's exact test.
    """

    seed: str
    only_a: int
    only_b: int
    examples: int
    p: float


def pairs(
    sides: Sequence[tuple["Results", pd.DataFrame]], fields: Sequence[str], *, compared: Sequence[str] = ()
) -> list[Pair]:
    """Return McNemar's test of every two twins whose mistakes at their end were recorded, in order of seeds.

    Twins are what `gap.paired` takes for such. The tests are of networks, not of methods, and those of several seeds
    are not independent, for they share the examples: they stand side by side and are not pooled. Twins that saw
    different test examples have none.

    Args:
        sides: results and those of their runs that are compared, read at their ends.
        fields: columns that configuration fills.
        compared: fields in which twins differ.

    Raises:
        OSError: a probe's table cannot be read.
        pyarrow.ArrowInvalid: it is torn.
    """
    both = pd.concat([runs for _, runs in sides])
    keys = ["seed", *varying(both, [*compared, "seed"], fields)]
    one, other = (dict(_mistakes(results, runs, keys)) for results, runs in sides)
    found = []
    for key in sorted(one.keys() & other.keys(), key=lambda key: (len(key[0]), key)):  # 2 before 10
        (mark, a), (its, b) = one[key], other[key]
        if mark == its:
            only_a, only_b = int((a & ~b).sum()), int((b & ~a).sum())
            found.append(Pair(key[0], only_a, only_b, len(a), mcnemar(only_a, only_b, len(a)).p))
    return found


def _mistakes(
    results: "Results", runs: pd.DataFrame, keys: Sequence[str]
) -> Iterator[tuple[tuple[str, ...], tuple[bytes, np.ndarray]]]:
    """Yield (key of a run, (mark of its examples, which of them it gets wrong)) of the runs that recorded it."""
    runs = runs[~censored(runs)]
    key = pd.DataFrame({name: as_text(runs[name]) for name in keys})
    # A key of several runs has no twin of its own.
    key = key[~key.duplicated(keep=False)]
    for digest, options, found in tables(results.only(results.runs.index.isin(key.index)), named="mistakes"):
        for probe in options:
            own, update = found[title(probe)], int(runs.loc[digest, "update"])
            if probe["subset"]["part"] == "test" and f"wrong@{update}" in own.arrays:
                count = int(own.series("examples")[1][-1])
                wrong = np.unpackbits(own.arrays[f"wrong@{update}"], count=count).astype(bool)
                yield tuple(key.loc[digest]), (own.arrays[f"of@{update}"].tobytes(), wrong)


def told(found: Sequence[Pair]) -> str:
    """Return the pairs in words; empty where there are none."""
    if not found:
        return ""
    each = [f"seed {p.seed} {p.only_a:,} against {p.only_b:,}, p = {p.p:.2g}" for p in found[:MOST]]
    more = f"; and {len(found) - MOST:,} more pairs" if len(found) > MOST else ""
    return f"test examples of {found[0].examples:,} that only one is wrong on (McNemar): {'; '.join(each)}{more}"
