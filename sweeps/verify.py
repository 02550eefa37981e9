"""Whether what lies in an experiment's folder is whole, and whose it is: every checksum read, nothing changed."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from largebatch import records
from largebatch.config import RunConfig, digest
from largebatch.records import Record, RecordError
from largebatch.storage import Folder, each
from sweeps.version import Origin


@dataclass(frozen=True)
class Findings:
    """What `verify` found; the first four are something to put right or to wait for, the others to know."""

    torn: dict[str, str] = field(default_factory=dict)
    """Folder -> what is wrong with it: unfinished, unreadable, or another content than was written."""
    duplicate: dict[str, list[str]] = field(default_factory=dict)
    """Run -> folders that hold it besides, or in place of, its own."""
    missing: list[str] = field(default_factory=list)
    """Runs of the experiment without a record."""
    leftover: list[str] = field(default_factory=list)
    """Folders that a killed worker had begun to write; they never count."""
    foreign: list[str] = field(default_factory=list)
    """Whole records of runs that the experiment does not have."""
    whole: int = 0
    """Records of the experiment's runs that are as they were written."""
    versions: Counter[str] = field(default_factory=Counter)
    """Version of the code -> whole records of the experiment computed by it."""

    @property
    def sound(self) -> bool:
        """Whether no record is torn or there twice."""
        return not self.torn and not self.duplicate


def verify(folder: Folder, configs: Sequence[RunConfig]) -> Findings:
    """Read everything under an experiment's `runs` and compare it with its checksums and with the experiment."""
    wanted = {digest(config) for config in configs}
    runs = folder / "runs"
    names = sorted(place.name for place in runs.iterdir()) if runs.is_dir() else []
    own = [runs / name for name in names if not name.startswith(".")]
    torn, holders, said = dict[str, str](), defaultdict[str, list[str]](list), dict[str, Record]()
    for place, found in zip(own, each(_read, own), strict=True):
        if isinstance(found, str):
            torn[place.name] = found
        else:
            holders[found.digest].append(place.name)
            said[place.name] = found
    present = {name for name, record in said.items() if name == record.digest}
    return Findings(
        torn=torn,
        duplicate={run: places for run, held in holders.items() if (places := [p for p in held if p != run])},
        missing=[run for config in configs if (run := digest(config)) not in present],
        leftover=[name for name in names if name.startswith(".") and len(name) > 16],
        foreign=sorted(present - wanted),
        whole=len(present & wanted),
        versions=Counter(str(Origin.of(said[name])) for name in present & wanted),
    )


def _read(place: Folder) -> Record | str:
    """Return a record that is whole, or what is wrong with it."""
    try:
        record = records.read(place, verify=True)
        strangers = _files(place) - records.names(place)
        if digest(RunConfig.model_validate(record.config)) != record.digest:
            return "its configuration is not the one that its name stands for"
    except (RecordError, OSError) as error:
        return str(error)
    except ValidationError as error:
        return f"its configuration is none: {' '.join(str(error).split())[:200]}"
    return f"holds files that nobody recorded: {', '.join(sorted(strangers))}" if strangers else record


def _files(place: Folder) -> set[str]:
    return {found.name for found in place.iterdir()} if isinstance(place, Path) else set(place.files())
