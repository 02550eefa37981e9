import json
import os
import subprocess
import sys
from importlib import metadata

import pytest

import largebatch
from largebatch import provenance as module
from largebatch.provenance import PACKAGES, command, provenance, redact


def test_it_names_what_computed_the_run():
    found = json.loads(json.dumps(provenance()))
    assert found["version"] == largebatch.__version__ == metadata.version("largebatch")
    assert found["packages"] == {name: metadata.version(name) for name in PACKAGES}
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))


def test_nothing_of_the_environment_enters(monkeypatch):
    secret = "hunter2-hunter2"
    program = "from largebatch.provenance import provenance; import json; print(json.dumps(provenance()))"
    environment = {**os.environ, "WANDB_API_KEY": secret, "AWS_SECRET_ACCESS_KEY": secret, "PLAIN": secret}
    arguments = [sys.executable, "-c", program, f"--api-key={secret}", f"ray://me:{secret}@host:1"]
    text = subprocess.run(arguments, env=environment, capture_output=True, text=True, check=True).stdout
    assert json.loads(text)["command"] == "-c --api-key=... ray://...@host:1"
    assert "hunter2" not in text


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (["run", "x", "--wandb-key=a b", "--set", "a=1"], ["run", "x", "--wandb-key=...", "--set", "a=1"]),
        (["run", "--token", "a b", "x"], ["run", "--token", "...", "x"]),
        (["--set", "base.password=abc"], ["--set", "base.password=..."]),
        (["--address", "ray://me:abc@host:1"], ["--address", "ray://...@host:1"]),
        (["run", "secret", "key", "--key-size=3"], ["run", "secret", "key", "--key-size=3"]),
    ],
)
def test_secrets_are_redacted_and_nothing_else(typed, kept):
    assert redact(typed) == kept


def test_the_command_is_what_was_typed(monkeypatch):
    monkeypatch.delenv(module.COMMAND, raising=False)
    monkeypatch.setattr(sys, "argv", ["/somewhere/bin/largebatch", "run", "my file.yaml"])
    assert command() == "largebatch run 'my file.yaml'"
    monkeypatch.setattr(sys, "argv", ["/somewhere/default_worker.py", "--redis-password=x"])
    assert command() is None
    monkeypatch.setenv(module.COMMAND, "largebatch run quickstart --key=abc")
    assert command() == "largebatch run quickstart --key=..."


def test_the_source_hash_follows_the_files_and_git_is_optional(tmp_path, monkeypatch):
    package = tmp_path / "largebatch"
    package.mkdir()
    (package / "__init__.py").write_text("")
    monkeypatch.setattr(largebatch, "__file__", str(package / "__init__.py"))
    read = module._source.__wrapped__
    before = read()
    assert before["commit"] is None and before["changed"] is None
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b.c"]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run([*git, *arguments], check=True)
    clean = read()
    assert clean["source"] == before["source"] and clean["changed"] is False and len(clean["commit"]) == 40
    (package / "__init__.py").write_text("x = 1")
    assert read()["source"] != before["source"] and read()["changed"] is True
