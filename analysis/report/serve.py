"""The report on this machine's own address, made again whenever the records have changed."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from urllib.parse import unquote, urlsplit

from analysis.report.markup import html
from largebatch.records import Folder, folders, matching

LOOPBACK = "127.0.0.1"
KINDS = {".html": "text/html; charset=utf-8", ".svg": "image/svg+xml", ".png": "image/png", ".json": "application/json",
         ".pdf": "application/pdf"}  # fmt: skip
SHARE = 4
"""Looking at the records and making the report take at most a fourth of the time: the sweep needs the machine more."""
POLICY = "script-src 'unsafe-inline'"
"""The part of the page's policy to which asking this server for changes is added."""


def stamp(experiment_folder: Folder) -> object:
    """Return what changes with the records: names of the runs that stand, failures, the experiment's description."""
    runs = frozenset(path.name for path in folders(experiment_folder / "runs"))
    others = [*matching(experiment_folder / "failures", "*.json"), experiment_folder / "experiment.json"]
    return runs, tuple((path.name, _content(path)) for path in others)


def _content(path: Folder) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:  # a run that has mended takes its failure away, even between listing and reading
        return None


class Live:
    """A report that follows its records.

    Attributes:
        version: counts how often the page was made; 0 before there is one.
        trouble: why the page could not be made, in words; empty where it could.
    """

    def __init__(self, experiment_folder: Folder, make: Callable[[], object], *, every: float = 1.0) -> None:
        """Keep what to watch and how to make the page.

        Args:
            experiment_folder: where `experiment.json` and `runs` lie.
            make: writes `<experiment_folder>/report/report.html`; what it raises is shown instead.
            every: seconds between two looks at the folder.
        """
        self.folder, self._make, self._every = experiment_folder, make, every
        self.version, self.trouble = 0, ""
        self._seen: object = None

    def look(self) -> bool:
        """Make the page again if the records have changed since it was made; return whether they had."""
        found = stamp(self.folder)
        if found == self._seen:
            return False
        self._seen = found
        try:
            self._make()
        except Exception as error:  # shown on the page; the next record may mend it
            self.trouble = str(error)
        else:
            self.trouble = ""
        self.version += 1
        return True

    def follow(self, stopped: threading.Event) -> None:
        """Look again and again until `stopped` is set."""
        while not stopped.is_set():
            begun = time.monotonic()
            with suppress(OSError):  # a store that does not answer is asked again
                self.look()
            stopped.wait(max(self._every, (SHARE - 1) * (time.monotonic() - begun)))

    def page(self) -> str:
        """Return the page as it is served: with the script that asks for a newer one."""
        version = self.version  # before the page is read: one that is made meanwhile is newer than what was read
        path = self.folder / "report" / "report.html"
        if self.trouble or not path.exists():
            words = self.trouble or "The report is being made."
            title = html(self.folder.name)
            text = (
                f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{title}</title></head><body><main>'
                f"<h1>{title}</h1><p>{html(words)}</p><p>This page follows the records.</p></main></body></html>"
            )
        else:
            text = path.read_text(encoding="utf-8").replace(POLICY, f"{POLICY}; connect-src 'self'", 1)
        script = files("analysis.report").joinpath("live.js").read_text(encoding="utf-8")
        return text.replace("</body>", f'<script data-version="{version}">\n{script}</script></body>')


def server(live: Live, port: int = 0) -> ThreadingHTTPServer:
    """Return a server on the loopback address that is not running yet; port 0 takes a free one.

    Raises:
        OSError: the port is taken.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # noqa: N802 - the name by which the base class finds it
            """Answer with the page, its version, or a file that lies beside it."""
            if self.headers.get("Host", "").partition(":")[0] not in (LOOPBACK, "localhost"):
                # Another site's name that was made to point here; a page of it could read the report.
                return self.send_error(HTTPStatus.FORBIDDEN, "only by its own address")
            name = unquote(urlsplit(self.path).path).lstrip("/")
            if name in ("", "report.html"):
                return self._send(live.page().encode(), KINDS[".html"])
            if name == "version":
                return self._send(str(live.version).encode(), "text/plain")
            beside = {path.name: path for path in (live.folder / "report").glob("*") if path.suffix in KINDS}
            if name in beside:
                return self._send(beside[name].read_bytes(), KINDS[beside[name].suffix])
            return self.send_error(HTTPStatus.NOT_FOUND, "no such file beside the report")

        def _send(self, content: bytes, kind: str) -> None:
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: the page asks once a second."""

    found = ThreadingHTTPServer((LOOPBACK, port), Handler)
    found.daemon_threads = True
    return found


def serve(live: Live, *, port: int = 0, said: Callable[[str], None] = print) -> None:
    """Serve a report until Ctrl-C.

    Raises:
        OSError: the port is taken.
    """
    with server(live, port) as http:
        stopped = threading.Event()
        follower = threading.Thread(target=live.follow, args=(stopped,), daemon=True)
        follower.start()
        said(f"http://{LOOPBACK}:{http.server_address[1]}/  (Ctrl-C ends it)")
        try:
            http.serve_forever()
        except KeyboardInterrupt:
            pass
        finally:
            stopped.set()
            follower.join(timeout=10)
