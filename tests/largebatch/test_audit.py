"""The audit of a run is what a direct recount finds."""

import hashlib
import io
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest

from largebatch import records, sampling
from largebatch.audit import EPOCHS, Audit
from largebatch.pack import Pack
from largebatch.train import train_pack
from tests.largebatch.small import seeded, small
from tests.largebatch.test_checkpoint import killed_after, trained

PURE = sorted(set(sampling.ORDERS) - {"grab"})


def plan(config, epoch, labels):
    return sampling.plan(
        config.order, examples=100, seed=config.seed.order, epoch=epoch, batch=config.batch_size, labels=labels
    )


def recount(config, updates, labels):
    """Return what was visited in each epoch begun, update by update."""
    per_epoch, epochs = config.updates_per_epoch, {}
    for update in range(updates):
        epoch, within = divmod(update, per_epoch)
        epochs.setdefault(epoch, []).append(plan(config, epoch, labels)[within * 32 : (within + 1) * 32])
    return [np.concatenate(parts) for parts in epochs.values()]


def assert_counts(audit, visited):
    assert audit.plan == [hashlib.sha256(part.astype("<i4").tobytes()).hexdigest()[:16] for part in visited]
    assert audit.distinct == [len(set(part.tolist())) for part in visited]
    assert audit.visited == [len(part) for part in visited]
    visits = np.zeros(100, int)
    for part in visited:
        for index in part:
            visits[index] += 1
    np.testing.assert_array_equal(audit.visits, visits)
    assert audit.summary() == {
        "epochs_begun": len(visited), "visits_min": visits.min(), "visits_max": visits.max(),
        "visits_mean": pytest.approx(visits.mean()),
    }  # fmt: skip


@pytest.mark.parametrize("window", [1 << 16, 100, 200])
@pytest.mark.parametrize("partial", ["keep", "drop"])
def test_the_audit_is_a_recount_wherever_a_run_is(partial, window, monkeypatch):
    monkeypatch.setattr("largebatch.layout.WINDOW", window)
    rows = [seeded(2, order=order, partial=partial) for order in PURE]
    pack = Pack(rows, width=8)
    labels = np.asarray(pack.source.train_y)
    assert pack.audit(0).plan == []
    for update in (0, 1, 4, 5, 12, 20):
        pack.advance(update)
        for place, row in enumerate(rows):
            assert_counts(pack.audit(place), recount(row, update, labels))


def test_draws_with_replacement_leave_a_share_out():
    n = 3000
    audit = Audit(np.zeros(n, np.int64))
    for epoch in range(20):
        audit.add(sampling.plan("with_replacement", examples=n, seed=0, epoch=epoch))
    # The deviation of one epoch's share is sqrt((1/e)(1 - 2/e) / n) = 0.0057.
    assert np.mean(audit.distinct) / n == pytest.approx(1 - (1 - 1 / n) ** n, abs=4 * 0.0057 / 20**0.5)
    assert audit.visits.min() < 20 < audit.visits.max()


@pytest.fixture(scope="module")
def done():
    """Records of three rows: one stops at its target, one diverges, one spends its budget in mid-epoch."""
    said = {"budget": {"updates": 26, "until": {"train_loss": 1.0}}, "evaluate": {"every": {"updates": 5}}}
    rows = [seeded(1, **said), seeded(2, learning_rate=1e30, **said), seeded(3, learning_rate=1e-9, **said)]
    found = train_pack(rows, width=4)
    assert [(r.status, r.summary["target_reached"]) for r in found] == [
        ("done", True), ("diverged", False), ("stuck", False)
    ]  # fmt: skip
    return found


def read(content):
    with pq.ParquetFile(io.BytesIO(content)) as file:
        return file.read().to_pydict()


def test_a_run_that_ends_early_is_audited_up_to_its_end(done):
    pack = Pack([small()], width=2)
    ends = [int(record.summary["update"]) for record in done]
    assert ends[0] < 26 and ends[1] < 26 and ends[2] == 26
    for record, end, seed in zip(done, ends, (1, 2, 3), strict=True):
        visited = recount(seeded(seed), end, pack.source.train_y)
        table = read(record.files["audit.parquet"])
        assert table["visited"] == [len(part) for part in visited]
        assert table["plan"][-1] == hashlib.sha256(visited[-1].astype("<i4").tobytes()).hexdigest()[:16]
        assert record.summary["epochs_begun"] == -(-end // 4) == len(table["epoch"])
        histogram = np.bincount(np.bincount(np.concatenate(visited), minlength=100))
        expected = [[often, examples] for often, examples in enumerate(histogram) if examples]
        assert np.load(io.BytesIO(record.files["visits.npy"])).tolist() == expected


def test_width_devices_windows_and_resuming_leave_the_audit_as_it_is(tmp_path, monkeypatch):
    said = {"order": "with_replacement", "evaluate": {"every": {"updates": 3}}}
    rows = [seeded(1, **said), seeded(2, **said)]
    alone = train_pack(rows[1:], width=1)[0].files
    assert train_pack(rows, width=4)[1].files == alone
    spread = [seeded(seed, execution={"devices": 2}, **said) for seed in (1, 2)]
    assert train_pack(spread, width=2)[1].files == alone
    # With a window an epoch, the epochs before the kill are known from the checkpoint alone.
    monkeypatch.setattr("largebatch.layout.WINDOW", 100)
    killed_after(4, rows, checkpoint=tmp_path / "pack.msgpack")
    resumed = trained(rows, checkpoint=tmp_path / "pack.msgpack")[1]
    assert resumed.summary["resumed_at"] == 9
    assert resumed.files == alone


def test_a_tampered_plan_is_seen(monkeypatch):
    honest = sampling.plan

    def twice(order, *, epoch, **said):
        indices = honest(order, epoch=epoch, **said)
        if epoch == 1:
            indices[3] = indices[4]
        return indices

    pack = Pack([small()], width=1)
    pack.advance(12)
    expected = pack.audit(0)
    monkeypatch.setattr(sampling, "plan", twice)
    pack = Pack([small()], width=1)
    pack.advance(12)
    found = pack.audit(0)
    assert found.distinct == [100, 99, 100]
    assert [a == b for a, b in zip(found.plan, expected.plan, strict=True)] == [True, False, True]
    assert (found.visits.min(), found.visits.max()) == (2, 4)


def test_the_record_holds_the_audit_and_its_checksums(done, tmp_path):
    folder = records.write(done[2], tmp_path)
    back = records.read(folder, verify=True)
    assert (back.summary["visits_min"], back.summary["visits_max"], back.summary["epochs_begun"]) == (6, 7, 7)
    epochs = records.table(folder / "audit.parquet")
    assert list(epochs) == [column.name for column in EPOCHS]
    assert epochs["visited"].tolist() == [100] * 6 + [64]
    assert np.load(folder / "visits.npy").tolist() == [[6, 36], [7, 64]]
    (folder / "audit.parquet").write_bytes(b"other")
    with pytest.raises(records.RecordError, match="audit.parquet was altered"):
        records.read(folder, verify=True)


def test_a_record_without_an_audit_is_still_read(done, tmp_path):
    folder = records.write(replace(done[2], files={}), tmp_path)
    assert {path.name for path in folder.iterdir()} == {"history.parquet", "timing.parquet", "run.json"}
    assert records.read(folder, verify=True).digest == done[2].digest
