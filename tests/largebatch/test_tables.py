import io
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from largebatch.schema import Column
from largebatch.tables import parquet, table

SCHEMA = (
    Column("update", "updates", "int64", ""), Column("loss", "nats", "float64", ""), Column("plan", "", "str", "")
)  # fmt: skip
ROWS = {"update": [0, 3], "loss": [np.nan, -0.0], "plan": ["", "Δ4f"]}


@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_table_is_what_arrow_itself_makes_of_the_columns(count, tmp_path):
    rows = {name: values[:count] for name, values in ROWS.items()}
    content = parquet(rows, SCHEMA)
    kinds = {"update": pa.int64(), "loss": pa.float64(), "plan": pa.string()}
    fields = [pa.field(column.name, kinds[column.name], metadata={"unit": column.unit}) for column in SCHEMA]
    theirs = io.BytesIO()
    arrays = [pa.array(rows[name], kind) for name, kind in kinds.items()]
    pq.write_table(pa.Table.from_arrays(arrays, schema=pa.schema(fields)), theirs, compression="zstd")
    assert content == theirs.getvalue()
    (tmp_path / "t.parquet").write_bytes(content)
    back = table(tmp_path / "t.parquet")
    for name, values in rows.items():
        np.testing.assert_array_equal(back[name], values)


def test_what_is_missing_is_named():
    with pytest.raises(ValueError, match="history lacks the columns loss, plan; the schema is in"):
        parquet({"update": [1]}, SCHEMA)


def test_a_worker_that_writes_tables_never_waits_for_pandas():
    code = """
import sys
from largebatch.tables import parquet
from largebatch.schema import Column
parquet({"a": [1.0], "b": ["x"]}, (Column("a", "", "float64", ""), Column("b", "", "str", "")))
print("pandas" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
