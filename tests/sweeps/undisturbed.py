"""What a sweep that nothing disturbed leaves behind, and whether another one is equal to it bit for bit."""

import io
import json

import pyarrow.parquet as pq

from largebatch import records
from largebatch.config import digest
from tests.sweeps.stub_training import train_pack


def same_as_undisturbed(folder, configs, clean, *, train=train_pack, width=2):
    """Compare every run's record with one trained alone in `clean`; clocks and origins are no part of it."""
    for config in configs:
        train([config], width=width, experiment="stub", runs=clean / "runs")
        name = digest(config)
        assert contents(folder / "runs" / name) == contents(clean / "runs" / name), name
    assert sorted(f.name for f in records.folders(folder / "runs")) == sorted(map(digest, configs))


def contents(run):
    """Return what is to be equal: the history's bytes, and the document without clocks and origins."""
    document = json.loads((run / "run.json").read_bytes())
    records.read(run, verify=True)
    history = (run / "history.parquet").read_bytes()
    pq.ParquetFile(io.BytesIO(history)).read()
    how = {name: value for name, value in document["config"].items() if name != "execution"}
    return history, document["digest"], document["status"], how, document["summary"]["train_loss"]
