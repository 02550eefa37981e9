"""A real S3 endpoint on this machine, and its bucket."""

import logging
from contextlib import contextmanager

import pytest


@contextmanager
def object_store():
    """Start it and set what clients read of the environment; yield the address of a bucket."""
    server_of = pytest.importorskip("moto.server").ThreadedMotoServer
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = server_of("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        _, port = server.get_host_and_port()
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AWS_ACCESS_KEY_ID", "planted-key")
            patch.setenv("AWS_SECRET_ACCESS_KEY", "planted-secret")
            patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
            patch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
            patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
            from pyarrow.fs import S3FileSystem

            store = S3FileSystem(endpoint_override=f"127.0.0.1:{port}", scheme="http", allow_bucket_creation=True)
            store.create_dir("bucket")
            yield f"s3://bucket/prefix?endpoint_override=127.0.0.1:{port}&scheme=http"
    finally:
        server.stop()
