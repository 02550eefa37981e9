"""What a run looks like in Weights & Biases, and the only calls of its client: a run's page, its rows, its artifacts.

A page shows its curves three times, against examples, updates and epochs. Runs that differ in nothing but their
seeds share a group, so that the grouped view draws a mean and a band for each arm of the experiment.
"""

import hashlib
import json
import math
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from largebatch.config import RunConfig
from largebatch.lineage import lineage_of
from largebatch.records import Record
from largebatch.storage import Folder, matching

SERVER_SECONDS = 15
"""How long one run may wait for the server to begin, and again to end."""
SEND_SECONDS = 5.0
"""Between two transmissions of a run's rows; W&B's own choice is 15."""
INTERVAL = "WANDB__FILE_STREAM_TRANSMIT_INTERVAL"
"""W&B's variable for it."""
CURVES = ("train_loss", "train_error", "test_loss", "test_error", "loss_gap", "error_gap")
"""Measures that a page also shows against updates and epochs."""
AGAINST = {"by_update": "update", "by_epoch": "epoch"}
"""Section of a page -> what its curves are drawn against; everything else is drawn against examples."""
MOST = 120
"""Characters of a group's name; W&B takes 128."""
OF_TAG = 64
"""Characters of a tag that W&B takes."""


def run_id(experiment: str, digest: str) -> str:
    """Return the W&B id of a run; the same run of the same experiment always has the same one."""
    return hashlib.sha256(f"{experiment}/{digest}".encode()).hexdigest()[:16]


def columns(experiment: str, digest: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return flat columns to group by; they head the W&B config of a run, and name a fork's parent."""
    rule, seeds = config["scaling_rule"], config["seed"]
    own = [str(value) for name, value in rule.items() if name != "name" and value is not None]
    return {
        "experiment": experiment,
        "digest": digest,
        "dataset": config["dataset"]["name"],
        "model": config["model"]["name"],
        "optimizer": config["optimizer"]["name"],
        "batch_size": config["batch_size"],
        "scaling_rule": rule["name"] + "".join(f"({value})" for value in own),
        "order": config["order"],
        "seed": seeds["order"] if len(set(seeds.values())) == 1 else ".".join(str(s) for s in seeds.values()),
        **(lineage_of(RunConfig.model_validate(config)).summary() if config.get("fork") else {}),
    }


def arm(config: Mapping[str, Any], named: Mapping[str, Any]) -> str:
    """Return the name of what a run's seeds repeat: batch size, rule, order, and a mark of everything else."""
    rest = {name: value for name, value in config.items() if name not in ("seed", "execution")}
    mark = hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()[:4]
    return f"b{named['batch_size']}-{named['scaling_rule']}-{named['order']}-{mark}"


def rows(record: Record) -> Iterator[dict[str, float | int]]:
    """Yield the rows of a run's history and timing as plain numbers; what was not measured is left out."""
    series = {name: values.tolist() for name, values in {**record.timing, **record.history}.items()}
    for values in zip(*series.values(), strict=True):
        yield {name: value for name, value in zip(series, values, strict=True) if math.isfinite(value)}


def paged(row: Mapping[str, float | int]) -> dict[str, float | int]:
    """Return a row with its curves once more for each other axis."""
    again = {f"{section}/{name}": row[name] for section in AGAINST for name in CURVES if name in row}
    return {**row, **again}


class Page:
    """One run in W&B, open for rows; it replaces an earlier copy of the run."""

    def __init__(
        self, experiment: str, digest: str, config: Mapping[str, Any], *, project: str, online: bool, directory: Path
    ) -> None:
        """Open the page.

        Args:
            experiment: heads the group's name.
            digest: the run's identity.
            config: its whole resolved configuration.
            project: W&B project.
            online: also send it; files are written below `directory` in any case.
            directory: `<results>/<experiment>/wandb`; W&B insists on this last name.

        Raises:
            ImportError: wandb is not installed.
            Exception: whatever wandb raises, `wandb.errors.Error` mostly.
        """
        named = columns(experiment, digest, config)
        about = arm(config, named)
        self.run = _begin(
            run_id(experiment, digest),
            project=project,
            online=online,
            directory=directory,
            group=f"{experiment} {about}"[:MOST],
            job_type="train",
            name=f"{about.rpartition('-')[0]}-s{named['seed']}",
            tags=[experiment, *(named[key] for key in ("dataset", "model", "optimizer", "scaling_rule", "order"))],
            config={**named, "resolved": config},
        )
        for axis in ("examples", *AGAINST.values()):
            self.run.define_metric(axis)
        self.run.define_metric("*", step_metric="examples")
        for section, axis in AGAINST.items():
            for name in CURVES:  # by name: where two patterns fit, W&B does not say which it takes
                self.run.define_metric(f"{section}/{name}", step_metric=axis)

    def log(self, row: Mapping[str, float | int]) -> None:
        """Show one more row."""
        self.run.log(paged(row))

    def end(self, record: Record | None) -> None:
        """Close the page with what the record says; without one, as a run that did not finish.

        Raises:
            Exception: wandb's, where not everything could be sent.
        """
        if record is None:
            self.run.finish(exit_code=1)
            return
        known = {key: value for key, value in record.summary.items() if value is not None}
        self.run.config.update({"provenance": record.provenance})
        self.run.summary.update({**known, "status": record.status})
        self.run.finish()


def replay(record: Record, *, project: str, experiment: str, online: bool, directory: Path) -> None:
    """Write one finished run to W&B, whole, in place of an earlier copy of it; arguments as of `Page`.

    Raises:
        ImportError: wandb is not installed.
        Exception: whatever wandb raises, `wandb.errors.Error` mostly.
    """
    page = Page(
        experiment, record.digest, record.config, project=project, online=online, directory=directory
    )  # fmt: skip
    try:
        for row in rows(record):
            page.log(row)
    finally:
        page.end(record)


def artifacts(report: Folder, *, project: str, experiment: str, online: bool, directory: Path) -> None:
    """Keep a report's page and its figures with their numbers as two artifacts of a run of their own.

    Raises:
        ImportError: wandb is not installed.
        Exception: whatever wandb raises, where not everything could be sent.
    """
    import wandb

    run = _begin(
        run_id(experiment, "report"),
        project=project, online=online, directory=directory, group=experiment, job_type="report",
        name=f"{experiment}-report", tags=[experiment], config={"experiment": experiment},
    )  # fmt: skip
    try:
        found = [path for path in matching(report, "*") if not path.is_dir()]
        for kind in ("report", "figures"):
            artifact = wandb.Artifact(re.sub(r"[^A-Za-z0-9_.-]", "-", f"{experiment}-{kind}"), type=kind)
            for path in (path for path in found if (path.suffix == ".html") == (kind == "report")):
                with artifact.new_file(path.name, mode="wb") as file:
                    file.write(path.read_bytes())
            logged = run.log_artifact(artifact)
            if online:
                logged.wait(timeout=2 * SERVER_SECONDS)  # finishing says nothing of an artifact that was refused
    finally:
        run.finish()


def _begin(identity: str, *, online: bool, directory: Path, tags: Sequence[str], **about: Any) -> Any:
    import wandb

    for earlier in directory.glob(f"*run-*-{identity}"):
        shutil.rmtree(earlier)
    seconds = float(os.environ.get(INTERVAL, SEND_SECONDS))  # settings that are given hide the environment's
    settings = wandb.Settings(
        **_QUIET,
        init_timeout=SERVER_SECONDS,
        finish_timeout=SERVER_SECONDS,
        x_file_stream_transmit_interval=seconds,
    )
    mode: Literal["online", "offline"] = "online" if online else "offline"
    return wandb.init(
        id=identity, mode=mode, dir=str(directory.parent), reinit="create_new", settings=settings,
        tags=[tag[:OF_TAG] for tag in tags], **about,
    )  # fmt: skip


_QUIET: dict[str, Any] = {
    "console": "off",
    "silent": True,
    "disable_git": True,
    "disable_job_creation": True,
    "save_code": False,
    "symlink": False,
    "x_disable_machine_info": True,
    "x_disable_stats": True,
    "x_save_requirements": False,  # a third of the time of a short run
    "finish_timeout_raises": True,
}
