"""As much of Google Cloud Storage's JSON interface as its C++ client needs to keep files: one bucket, in memory."""

import itertools
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def _answer(self, status, document=None, content=b"", **headers):
        body = content if document is None else json.dumps(document).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def _asked(self):
        parts = urlsplit(self.path)
        return parts.path, {name: values[0] for name, values in parse_qs(parts.query).items()}

    def _described(self, name):
        content = self.server.kept[name]
        when = "2026-01-01T00:00:00.000Z"
        return {"kind": "storage#object", "name": name, "bucket": "bucket", "size": str(len(content)),
                "generation": "1", "metageneration": "1", "updated": when, "timeCreated": when}  # fmt: skip

    def do_GET(self):
        path, query = self._asked()
        if path == "/storage/v1/b/bucket":
            return self._answer(200, {"kind": "storage#bucket", "name": "bucket", "id": "bucket"})
        if path == "/storage/v1/b/bucket/o":
            return self._answer(200, self._listed(query.get("prefix", ""), query.get("delimiter")))
        name = unquote(path.split("/o/", 1)[1] if "/o/" in path else path.removeprefix("/bucket/"))
        if name not in self.server.kept or "/bucket/" not in path:
            return self._answer(404, {"error": {"code": 404, "message": "no such object"}})
        if query.get("alt") == "media" or "/o/" not in path:
            return self._answer(200, content=self.server.kept[name], x_goog_generation="1")
        return self._answer(200, self._described(name))

    def _listed(self, prefix, delimiter):
        items, prefixes = [], set()
        for name in sorted(self.server.kept):
            if name.startswith(prefix):
                rest = name[len(prefix) :]
                if delimiter and delimiter in rest:
                    prefixes.add(prefix + rest.split(delimiter, 1)[0] + delimiter)
                else:
                    items.append(self._described(name))
        return {"kind": "storage#objects", "items": items, "prefixes": sorted(prefixes)}

    def do_POST(self):
        """Begin an upload, or take a small one whole."""
        path, query = self._asked()
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if query.get("uploadType") == "resumable":
            name = query.get("name") or json.loads(body)["name"]
            number = str(next(self.server.numbers))
            self.server.uploads[number] = (name, bytearray())
            host = self.headers["Host"]
            return self._answer(200, {}, Location=f"http://{host}{path}?uploadType=resumable&upload_id={number}")
        boundary = self.headers["Content-Type"].split("boundary=")[1].strip('"').encode()
        _, meta, media, _ = body.split(b"--" + boundary)
        name = query.get("name") or json.loads(meta.split(b"\r\n\r\n", 1)[1])["name"]
        self.server.kept[name] = media.split(b"\r\n\r\n", 1)[1][:-2]
        return self._answer(200, self._described(name))

    def _chunk(self):
        if self.headers.get("Transfer-Encoding") == "chunked":
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def do_PUT(self):
        """Take a part of an upload; the last one says the whole size."""
        name, held = self.server.uploads[self._asked()[1]["upload_id"]]
        held += self._chunk()
        if self.headers.get("Content-Range", "").endswith("/*"):
            return self._answer(308, content=b"", Range=f"bytes=0-{len(held) - 1}")
        self.server.kept[name] = bytes(held)
        return self._answer(200, self._described(name))

    def do_DELETE(self):
        name = unquote(self._asked()[0].split("/o/", 1)[1])
        known = self.server.kept.pop(name, None) is not None
        return self._answer(204) if known else self._answer(404, {"error": {"code": 404, "message": "no such object"}})


@contextmanager
def fake_gcs():
    """Yield the address of an empty bucket."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    server.kept, server.uploads, server.numbers = {}, {}, itertools.count()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        host = f"127.0.0.1:{server.server_port}"
        yield f"gs://bucket/prefix?endpoint_override={host}&scheme=http&anonymous=true"
    finally:
        server.shutdown()
        server.server_close()
