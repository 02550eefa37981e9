"""What the shell offers after a tab: experiments, runs, scales, kinds. Nothing heavy, and never an error."""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import typer

HERE = Path(__file__).parents[1]
DIGEST = re.compile("[0-9a-f]{16}")


def experiments(incomplete: str) -> Iterator[str]:
    """Yield packaged experiments, and YAML files and folders that a path leads to."""
    yield from (path.stem for path in sorted(HERE.glob("*.yaml")) if path.stem.startswith(incomplete))
    head, slash, tail = incomplete.rpartition("/")
    with suppress(OSError):
        for path in sorted(Path(head + slash or ".").iterdir()):
            if path.name.startswith(tail) and not path.name.startswith("."):
                if path.is_dir():
                    yield f"{head}{slash}{path.name}/"
                elif path.suffix in (".yaml", ".yml"):
                    yield f"{head}{slash}{path.name}"


def runs(context: typer.Context, incomplete: str) -> Iterator[str]:
    """Yield the digests that an experiment's folder of results knows: finished, failed and training ones."""
    results, name = context.params.get("results") or "results", Path(_experiment(context)).stem
    folder = Path(results) / (f"{name}-{context.params['scale']}" if context.params.get("scale") else name)
    with suppress(OSError):
        found = {path.name.partition(".")[0] for kind in ("runs", "failures", "live") for path in _in(folder / kind)}
        yield from sorted(run for run in found if DIGEST.fullmatch(run) and run.startswith(incomplete))


def scales(context: typer.Context, incomplete: str) -> Iterator[str]:
    """Yield the sizes that an experiment's file offers."""
    from experiments.experiment import load

    with suppress(Exception):
        yield from (scale for scale in load(_experiment(context)).scales if scale.startswith(incomplete))


def kinds(incomplete: str) -> Iterator[str]:
    """Yield what `largebatch list` can list."""
    from experiments.catalogue import KINDS

    yield from (kind for kind in KINDS if kind.startswith(incomplete))


def figures(incomplete: str) -> Iterator[str]:
    """Yield the names of figures."""
    from analysis.figures import FIGURES

    yield from (name for name in FIGURES if name.startswith(incomplete))


def _experiment(context: typer.Context) -> str:
    """Return the word after the command: behind an option without a value nothing is parsed, so the line is asked."""
    typed = (os.environ.get("COMP_WORDS") or os.environ.get("_TYPER_COMPLETE_ARGS") or "").split()
    return str(context.params.get("experiment") or next(iter(typed[2:3]), ""))


def _in(folder: Path) -> Iterator[Path]:
    return folder.iterdir() if folder.is_dir() else iter(())
