"""A real browser, started once, and reports to open in it."""

from pathlib import Path

import pytest

from analysis.report import write_report
from tests.analysis.records_on_disk import OnDisk

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
]  # fmt: skip
CLAIM = {
    "says": "larger batches end with a larger error", "measure": "test_error", "direction": "greater",
    "compare": {"batch_size": ["full", 16]}, "where": {"scaling_rule": "constant"}, "margin": 0.005,
}  # fmt: skip
CLAIMS = [
    CLAIM,
    CLAIM | {"says": "larger batches end with a smaller error", "direction": "less"},
    CLAIM | {"says": "the gap is larger by ten points", "measure": "error_gap", "margin": 0.1},
]


@pytest.fixture(scope="session")
def browser():
    """Chromium without a window; one a session, for a start takes a second."""
    if not CHROMIUM.exists():
        pytest.skip(f"no {CHROMIUM}: the report is not opened in a browser")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as engine:
        chromium = engine.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser):
    """Open a file or an address; afterwards nothing may have been logged, and nothing asked of a network."""
    contexts, wrong = [], []

    def opened(where, *, width=1200, height=900, allowed=("file:", "data:"), **options):
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: wrong.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
        page.on("request", lambda r: None if r.url.startswith(allowed) else wrong.append(f"request: {r.url}"))
        page.goto(where if "://" in str(where) else f"file://{where}")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not wrong


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """An experiment like the quickstart, smaller: lost, failed and missing runs, three verdicts."""
    disk = OnDisk(tmp_path_factory.mktemp("browser") / "digits")
    for batch in (16, 64, "full"):
        for rule in ("constant", "linear"):
            for order in ("reshuffle", "with_replacement"):
                for seed in range(3):
                    lost = batch == "full" and rule == "linear" and seed == 1
                    disk.add(
                        config={"batch_size": batch, "scaling_rule": rule, "order": order, "seed": seed},
                        status="diverged" if lost else "done",
                        test_error=0.1 + (0.05 if batch == "full" else 0) + 0.02 * seed**2,
                        train_error=0.04 + (0.03 * seed if batch == 16 else 0),
                    )
    failed, _ = disk.missing(2)
    disk.fail(failed, "ValueError: no")
    source = {"digits.yaml": "question: q\n"}
    return disk.close(paper="Keskar et al. 2017", source=source, command="largebatch run digits")


@pytest.fixture(scope="session")
def report(folder):
    """The page of that experiment."""
    return write_report(
        folder, figures=["gap_vs_batch", "curves"], question="Do larger batches end with a larger error?",
        claims=CLAIMS,
        published=[
            {"figure": "Table 2", "quantity": "loss of accuracy", "value": "0.5 to 5", "plus_minus": None,
             "source": "Keskar et al. 2017", "claim": CLAIM["says"]},
            {"figure": "Table 1", "quantity": "top-1 error", "value": 23.74, "plus_minus": 0.09,
             "source": "Goyal et al. 2017", "claim": None},
        ],
        deviations=["Digits instead of CIFAR-10."],
        history=[{"date": "2026-02-28", "change": "3 seeds", "reason": "2 are too few"}],
    )  # fmt: skip
