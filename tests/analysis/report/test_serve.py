"""The report while a sweep runs: made again when records change, seen from this machine alone."""

import _thread
import json
import threading
import urllib.error
import urllib.request
from importlib import resources

import pytest

from analysis.report import write_report
from analysis.report.serve import Live, serve, server
from tests.analysis.records_on_disk import OnDisk


@pytest.fixture
def disk(tmp_path):
    """An experiment of which one run of two stands."""
    disk = OnDisk(tmp_path / "exp")
    disk.add()
    disk.missing(1)
    disk.close()
    return disk


@pytest.fixture
def live(disk):
    return Live(
        disk.folder, lambda: write_report(disk.folder, figures=["curves"], question="Is it so?", claims=[]), every=0.05
    )


@pytest.fixture
def http(live):
    """Serve it in a thread; returns the address."""
    with server(live) as found:
        thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{found.server_address[1]}/"
        found.shutdown()
        thread.join()


def get(address, **headers):
    with urllib.request.urlopen(urllib.request.Request(address, headers=headers)) as answer:
        return answer.read(), answer.headers


def status(address, **headers):
    try:
        get(address, **headers)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    return 200


def more(disk, seed):
    """Let another run of the experiment finish."""
    disk.add(config={"seed": seed})
    disk.close()


def test_it_is_made_once_for_each_change_of_the_records(disk):
    made = []
    live = Live(disk.folder, lambda: made.append(1))
    assert (live.look(), live.look(), len(made), live.version) == (True, False, 1, 1)
    more(disk, 5)
    assert (live.look(), live.look(), len(made), live.version) == (True, False, 2, 2)
    disk.fail(disk.missing(1)[0], "ValueError: no")
    assert (live.look(), live.look(), live.version) == (True, False, 3)


def test_what_cannot_be_made_is_said_until_a_record_mends_it(tmp_path):
    disk = OnDisk(tmp_path / "exp")
    disk.missing(1)
    disk.close()
    live = Live(disk.folder, lambda: write_report(disk.folder, figures=[], question="?", claims=[]))
    assert "being made" in live.page()
    live.look()
    assert "run it first" in live.page() and 'data-version="1"' in live.page()
    more(disk, 0)
    live.look()
    assert "run it first" not in live.page() and "<h1>?</h1>" in live.page()


def test_a_page_made_while_one_is_read_is_still_to_come(live, monkeypatch):
    live.look()

    def files(package):
        live.version += 1  # another page stands by the time that this one has been read
        return resources.files(package)

    monkeypatch.setattr("analysis.report.serve.files", files)
    assert 'data-version="1"' in live.page() and live.version == 2


def test_a_failure_that_goes_away_while_it_is_looked_at_is_none(disk, monkeypatch):
    gone = disk.folder / "failures" / "gone.json"
    monkeypatch.setattr("analysis.report.serve.matching", lambda place, pattern: [gone])
    live = Live(disk.folder, lambda: None)
    assert live.look() and not live.look() and live.trouble == ""


def test_a_store_that_does_not_answer_is_asked_again(disk, monkeypatch):
    answers, waits = [OSError("no route"), "a", "a"], []

    def stamp(folder):
        if isinstance(answer := answers.pop(0), OSError):
            raise answer
        return answer

    class Stopped(threading.Event):
        def is_set(self):
            return not answers

        def wait(self, timeout=None):
            waits.append(timeout)
            return True

    monkeypatch.setattr("analysis.report.serve.stamp", stamp)
    live = Live(disk.folder, lambda: None, every=7.0)
    live.follow(Stopped())
    assert live.version == 1 and waits == [7.0] * 3


def test_the_page_its_version_and_the_files_beside_it_are_served_and_nothing_else(live, http, disk):
    live.look()
    page, headers = get(http)
    assert page.decode() == live.page() and headers["Cache-Control"] == "no-store"
    assert get(f"{http}version")[0] == b"1"
    assert json.loads(get(f"{http}curves.json")[0])["figure"] == "curves"
    assert get(f"{http}curves.svg")[1]["Content-Type"] == "image/svg+xml"
    for name in ("experiment.json", "../experiment.json", "%2e%2e/experiment.json", "..%2fexperiment.json", "runs/"):
        assert status(http + name) == 404, name


def test_it_listens_on_loopback_alone_and_to_its_own_name_alone(live, http):
    with server(live) as other:
        assert other.server_address[0] == "127.0.0.1"
    for host, answer in (("evil.example:80", 403), ("evil.example", 403), ("localhost:80", 200), ("localhost", 200)):
        assert status(http, Host=host) == answer, host


def test_the_file_itself_asks_nothing_of_a_network(live, http, disk):
    live.look()
    saved = (disk.folder / "report" / "report.html").read_text()
    assert "connect-src" not in saved and "fetch(" not in saved
    assert "connect-src 'self'" in get(http)[0].decode()


def test_ctrl_c_ends_it(live, capsys):
    told = []

    def said(words):
        told.append(words)
        address = words.split()[0]

        def visit():
            while b"<h1>Is it so?</h1>" not in get(address)[0]:
                pass
            _thread.interrupt_main()

        threading.Thread(target=visit).start()

    serve(live, said=said)
    assert told[0].startswith("http://127.0.0.1:") and "Ctrl-C" in told[0]
    assert threading.active_count() < 6


def test_an_open_page_follows_the_records_and_stays_where_it_was(open_page, live, http, disk):
    from playwright.sync_api import expect

    more(disk, 5)
    live.look()
    page = open_page(http, allowed=(http, "data:"), height=500)
    rows = page.locator("[aria-label='all runs'] tbody tr")
    assert rows.count() == 2
    page.locator(".filters input").fill("done")
    page.locator("summary", has_text="What every run shares").click()
    page.evaluate("scrollTo({ top: 700, behavior: 'instant' })")
    more(disk, 6)
    live.look()
    expect(rows).to_have_count(3, timeout=20_000)
    assert page.evaluate("scrollY") == 700
    assert page.locator(".filters input").input_value() == "done"
    assert page.locator("details[open] summary").inner_text() == "What every run shares"
