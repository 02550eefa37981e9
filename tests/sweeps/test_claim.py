"""Refusals of a lease where there are no locks; `test_object_store` has drivers that live, sleep and die."""

import errno
import json

import pytest

from sweeps import SweepError, claim
from sweeps.claim import claimed


@pytest.fixture(autouse=True)
def without_locks(monkeypatch):
    def unsupported(*_):
        raise OSError("no locks here")

    monkeypatch.setattr(claim.fcntl, "flock", unsupported)


def test_a_lease_that_cannot_be_written_is_refused(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(claim, "write_file", full)
    with pytest.raises(SweepError, match=r"cannot be written: .*No space left on device; choose another --results"):
        claimed(tmp_path).__enter__()


@pytest.mark.parametrize(("theirs", "who"), [({"token": "x", "holder": "process 7 on far"}, "process 7 on far"),
                                             (None, "just started")])  # fmt: skip
def test_of_two_that_begin_at_once_the_one_whose_lease_is_gone_is_refused(tmp_path, monkeypatch, theirs, who):
    def settle(seconds):
        (tmp_path / "lease.json").write_text(json.dumps(theirs))

    monkeypatch.setattr(claim.time, "sleep", settle)
    with pytest.raises(SweepError, match=rf"another sweep is running in .* \({who}\); wait for it, or stop it"):
        claimed(tmp_path).__enter__()
