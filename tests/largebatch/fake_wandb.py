"""A local stand-in for W&B's server: enough of it for a real online run and for `wandb sync`.

`behaviour` is `ok`, an HTTP status to answer everything with (500, 429), or `slow` (never answers in time).
"""

import json
import os
import re
import threading
import time
from collections import defaultdict
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote, unquote

KEY = "0123456789" * 4
STREAM = re.compile(r"/files/[^/]+/[^/]+/([^/]+)/file_stream")


class FakeWandb(ThreadingHTTPServer):
    """Remembers of each run the configuration, the history rows, when the first came, and the summary."""

    daemon_threads = True

    def __init__(self, behaviour="ok"):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.behaviour = behaviour
        self.requests = 0
        self.buckets = {}
        self.history = defaultdict(dict)
        self.begun = {}
        self.summary = defaultdict(dict)
        self.artifacts = {}
        self.committed = set()
        self.received = []
        self.stopped = threading.Event()

    @property
    def environment(self):
        address = f"http://127.0.0.1:{self.server_port}"
        return {"WANDB_BASE_URL": address, "WANDB_API_KEY": KEY, "WANDB__FILE_STREAM_TRANSMIT_INTERVAL": "1"}

    def files(self, artifact):
        """Return the files of a committed artifact: name -> content."""
        return self.artifacts[artifact] if artifact in self.committed else {}

    def handle_error(self, request, client_address):
        """Say nothing of clients that went away: here they are killed on purpose."""

    def rows(self, run):
        """Return a run's history in order, without W&B's own columns and the curves that a page shows once more."""
        return [{k: v for k, v in row.items() if "/" not in k} for row in self.everything(run)]

    def everything(self, run):
        """Return a run's history in order, without W&B's own columns."""
        lines = self.history[run]
        parsed = [json.loads(lines[number]) for number in sorted(lines)]
        return [{k: v for k, v in row.items() if not k.startswith("_")} for row in parsed]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_GET(self):
        self._answer({})

    def do_PUT(self):
        content = self._body()
        if isinstance(self.server.behaviour, int):
            return self._answer({"error": "refused"}, self.server.behaviour)
        _, kind, *names = self.path.split("/")
        if kind == "artifact":
            self.server.artifacts[unquote(names[0])][unquote(names[1])] = content
        self._answer({})

    def do_POST(self):
        body = self._body()
        self.server.requests += 1
        if self.server.behaviour == "slow":
            self.server.stopped.wait()
        if isinstance(self.server.behaviour, int):
            return self._answer({"error": "refused"}, self.server.behaviour)
        if self.path.endswith("/graphql"):
            return self._answer({"data": self._graphql(json.loads(body))})
        if found := STREAM.search(self.path):
            self._stream(found[1], json.loads(body))
            return self._answer({"exitcode": None, "limits": {}})
        return self._answer({})

    def _graphql(self, request):
        query, variables = request["query"], request.get("variables") or {}
        if "UpsertBucket" in query:
            known = self.server.buckets.setdefault(variables["name"], {})
            known.update({name: value for name, value in variables.items() if value is not None})
            project = {"id": "p", "name": variables["project"], "entity": {"id": "e", "name": "someone"}}
            bucket = {"id": "b", "name": variables["name"], "displayName": variables.get("displayName"),
                      "config": "{}", "project": project, "historyLineCount": 0, "sweepName": None}  # fmt: skip
            return {"upsertBucket": {"bucket": bucket, "inserted": True}}
        if "CreateRunFiles" in query:
            address = f"http://127.0.0.1:{self.server.server_port}/upload"
            files = [{"name": n, "uploadUrl": f"{address}/{i}"} for i, n in enumerate(variables["files"])]
            return {"createRunFiles": {"runID": "b", "uploadHeaders": [], "files": files}}
        if "rtifact" in query:
            return self._artifact(query, variables, variables.get("input") or {})
        if "Viewer" in query:
            return {"viewer": {"id": "v", "entity": "someone", "username": "someone", "flags": "{}",
                               "teams": {"edges": []}}}  # fmt: skip
        return {}

    def _artifact(self, query, variables, given):
        """Answer what the client asks on the way from a new artifact to one that is committed; its id is its name."""
        home = f"http://127.0.0.1:{self.server.server_port}"
        if "CreateArtifactFiles" in query:
            nodes = [{"storagePath": f["name"], "uploadHeaders": [], "uploadMultipartUrls": None,
                      "uploadUrl": f"{home}/artifact/{quote(f['artifactID'])}/{quote(f['name'], safe='')}",
                      "artifact": {"id": f["artifactID"]}} for f in given["artifactFiles"]]  # fmt: skip
            return {"createArtifactFiles": {"files": {"edges": [{"node": node} for node in nodes]}}}
        if "CreateArtifactManifest" in query:
            file = {"id": "f", "uploadUrl": f"{home}/manifest", "uploadHeaders": []}
            return {"createArtifactManifest": {"artifactManifest": {"id": "m", "file": file}}}
        if "CommitArtifact" in query:
            self.server.committed.add(variables["artifactID"])
            return {"commitArtifact": {"artifact": {"id": variables["artifactID"], "digest": "d"}}}
        if "CreateArtifact" in query:
            name = given["artifactCollectionName"]
            self.server.artifacts[name] = {}
            sequence = {"id": "s", "latestArtifact": None}
            return {"createArtifact": {"artifact": {"id": name, "state": "PENDING", "artifactSequence": sequence}}}
        if "ArtifactByID" in query:
            project = {"id": "p", "internalId": "1", "name": "largebatch", "entity": {"name": "someone"}}
            collection = {"__typename": "ArtifactSequence", "name": variables["id"], "project": project}
            when = "2026-01-01T00:00:00Z"
            return {"artifact": {
                "__typename": "Artifact", "id": variables["id"], "artifactSequence": collection, "versionIndex": 0,
                "artifactType": {"name": "report"}, "description": None, "metadata": "{}", "ttlDurationSeconds": -1,
                "ttlIsInherited": False, "tags": [], "historyStep": None, "state": "COMMITTED", "size": 1,
                "digest": "d", "commitHash": "c", "fileCount": 1, "createdAt": when, "updatedAt": when, "aliases": [],
            }}  # fmt: skip
        return {"project": None}

    def _stream(self, run, body):
        for name, lines in (body.get("files") or {}).items():
            numbered = enumerate(lines["content"], lines.get("offset", 0))
            if name == "wandb-history.jsonl":
                self.server.begun.setdefault(run, time.time())
                self.server.history[run].update(numbered)
            elif name == "wandb-summary.json":
                self.server.summary[run].update(json.loads(lines["content"][-1]))

    def _body(self):
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.received.append(content)
        return content

    def _answer(self, document, status=200):
        content = json.dumps(document).encode()
        try:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True


@contextmanager
def serving(behaviour="ok", lower=0):
    """Serve on a free port of this machine until the block ends, at a priority that is so much lower."""
    server = FakeWandb(behaviour)

    def serve():
        os.nice(lower)  # of this thread alone, and of those it starts
        server.serve_forever(0.05)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stopped.set()
        server.shutdown()
        server.server_close()
        thread.join()
