import pytest

from tests.largebatch.fake_wandb import serving


@pytest.fixture
def wandb_server(monkeypatch):
    with serving() as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        yield server
