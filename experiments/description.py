"""What is written down of an experiment when its sweep begins, and kept true while the sweep goes on."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from experiments.landscapes import keeping
from experiments.place import DESCRIPTION, Place
from experiments.programs import KEY, narrowed, written
from experiments.tuning import searched
from experiments.versions import ACCEPTED
from largebatch.config import RunConfig, digest, program_key
from largebatch.storage import write_file
from sweeps import SweepError
from sweeps.choice import Choice, shaped
from sweeps.events import Event, Failed
from sweeps.ledger import Ledger
from sweeps.packing import Job
from sweeps.placement import spread
from sweeps.progress import Progress
from sweeps.stages import Stage


class Described(Progress):
    """Writes `experiment.json` once the sweep has claimed the folder, and again where memory ran out."""

    def __init__(
        self, place: Place, programs: dict[str, Choice], accepted: Sequence[str], gpus: float | None,
        begun: Callable[[], object],
    ) -> None:  # fmt: skip
        """Keep how programs are computed, which versions were accepted, GPUs a job, and what to call once it begins."""
        super().__init__(folder=place.folder)
        self._place, self._programs, self._accepted = place, programs, accepted
        self._gpus, self._begun, self._keys = gpus, begun, dict[str, str]()

    def stages(self) -> list[Stage]:
        """Return the stages that follow from the records by now, each run as its program is computed."""
        self._place = self._place.grown()
        experiment, found = self._place.experiment, []
        for stage in experiment.expansion.stages:
            runs = spread(keeping(stage.runs, experiment.landscapes), self._gpus)
            # Before they are shaped: a program's key holds how it is computed.
            self._keys |= {digest(config): program_key(config) for config in runs}
            found.append(replace(stage, runs=tuple(shaped(runs, self._programs))))
        return found

    def begin(
        self, configs: Sequence[RunConfig], ledger: Ledger, jobs: Sequence[Job], *, stage: Stage | None = None
    ) -> None:
        """Describe the experiment, then show it."""
        describe(self._place, self._programs, self._accepted)
        self._begun()
        if jobs and not self._stages:
            self._say(f"to follow it from another terminal: {self._place.command('status', '--watch')}")
        super().begin(configs, ledger, jobs, stage=stage)

    def tell(self, event: Event) -> None:
        """Keep how a program is computed from now on, so that a sweep that is resumed does not run into it again."""
        if isinstance(event, Failed) and (instead := event.instead):
            key = self._keys[event.job.digests[0]]
            width = instead.pack_width or 1
            self._programs[key] = narrowed(self._programs[key], width, instead.max_device_batch)
            describe(self._place, self._programs, self._accepted)
        super().tell(event)


def describe(place: Place, programs: Mapping[str, Choice], accepted: Sequence[str] = ()) -> None:
    """Write `experiment.json`: the question, the runs that are expected, and how they were asked for."""
    experiment = place.experiment
    document = {
        "name": experiment.name,
        "question": experiment.question,
        "paper": experiment.paper,
        "base": experiment.base,
        "axes": experiment.axes,
        "zip": experiment.groups,
        "seeds": experiment.seeds,
        "figures": experiment.figures,
        "claims": experiment.claims,
        "landscapes": [{"seed": each.seed, **each.options.model_dump(mode="json")} for each in experiment.landscapes],
        "published": experiment.published,
        "deviations": experiment.deviations,
        "history": experiment.history,
        "overrides": experiment.overrides,
        "command": place.command("run"),
        KEY: written(programs, place.folder),
        ACCEPTED: list(accepted),
        "digests": [digest(config) for config in experiment.configs],
        **searched(experiment),
        "source": experiment.source,
    }
    try:
        write_file(place.folder / DESCRIPTION, json.dumps(document, indent=1).encode())
    except OSError as error:
        raise SweepError(f"{place.folder} cannot be written ({error}); make room, then run the sweep again") from error
