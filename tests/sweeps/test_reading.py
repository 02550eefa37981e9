"""A folder of results that cannot be read is refused in words, by whoever reads it."""

import pytest

from sweeps import SweepError
from sweeps.ledger import Ledger
from sweeps.search import read


@pytest.mark.parametrize("reader", [lambda folder: Ledger.read(folder, []), lambda folder: read(folder, "train_loss")])
def test_a_folder_that_cannot_be_read_is_refused(tmp_path, reader):
    with pytest.raises(SweepError, match="cannot be read: .*File name too long.*; choose another --results folder"):
        reader(tmp_path / ("x" * 300))
