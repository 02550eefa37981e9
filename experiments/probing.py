"""The story of `largebatch probe`: read what is asked, measure the runs that kept weights, say what came of it."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError
from rich.console import Console

from experiments.document import Node, parse, plain
from experiments.explain import problems
from experiments.place import Place, say
from experiments.problems import ExperimentError, Mark, Problem, unknown
from largebatch.config import PROBES, Probe
from sweeps import SweepError
from sweeps.engine import Engine
from sweeps.events import Cause
from sweeps.ledger import Ledger

FUNCTION = "largebatch.probes.afterwards:measure"


def read_probes(asked: Sequence[str]) -> tuple[Probe, ...]:
    """Return probes from names, or from options in YAML.

    Raises:
        ExperimentError: everything that is wrong with them.
    """
    found: list[Probe] = []
    wrong: list[Problem] = []
    for text in asked:
        shown = f"--probe {text}"
        tree = parse(text, shown, option=True)
        if isinstance(tree.value, str):
            tree = Node({"name": tree}, tree.mark)
        name = plain(tree.entries["name"]) if "name" in tree.entries else None
        if not isinstance(name, str) or name not in PROBES:
            wrong.append(Problem(Mark(shown), "", unknown("probe", name, list(PROBES))))
            continue
        try:
            found.append(PROBES[name].model_validate(plain(tree)))
        except ValidationError as error:
            wrong += problems(error, tree, PROBES[name])
    titles = Counter(probe.title for probe in found)
    for title in (title for title, count in titles.items() if count > 1):
        what = f"asked for {titles[title]} times; give one a label of its own, as in '{{name: {title}, label: other}}'"
        wrong.append(Problem(Mark("--probe"), title, what))
    if wrong:
        raise ExperimentError(wrong)
    return tuple(found)


def probe(place: Place, probes: Sequence[Probe], *, engine: Engine, everywhere: bool, console: Console) -> int:
    """Take probes of every finished run of an experiment, and return the exit code.

    What a run has been measured by already is not measured again.

    Raises:
        SweepError: there is no finished run.
    """
    from largebatch.probes.afterwards import Visit

    ledger = Ledger.read(place.folder, place.experiment.configs)
    runs = [run for run, status in ledger.done.items() if status != "diverged"]
    if not runs:
        raise SweepError(f"{place.folder} holds no finished run to measure; first: {place.command('run')}")
    outcomes: dict[int, Any] = {}

    def end(number: int, outcome: Any) -> None:
        outcomes[number] = outcome
        say(console, f"{len(outcomes)} of {len(runs)}: {runs[number]} {_told(outcome)}")

    visits = [Visit((place.folder / "runs" / run).resolve(), tuple(probes), everywhere) for run in runs]
    engine.call(FUNCTION, visits, end)
    lost = [outcome for outcome in outcomes.values() if isinstance(outcome, Cause)]
    say(console, f"{len(runs) - len(lost)} of {len(runs)} runs are measured by {', '.join(p.title for p in probes)}")
    left = ledger.total - len(runs)
    if left:
        say(console, f"{left} runs diverged or are not finished, and were left out")
    say(console, f"to see it: {place.command('report')}")
    return 1 if lost else 0


def _told(outcome: Any) -> str:
    if isinstance(outcome, Cause):
        return f"could not be measured: {outcome.message.splitlines()[0] if outcome.message else outcome.kind}"
    if not outcome:
        return "had been measured before"
    failed = {title: count for title, count in outcome.items() if count}
    return f"measured; NaN with a reason from {failed}" if failed else "measured"
