"""Downloads of MNIST from local servers that misbehave: what is wrong is not kept, what is incomplete is continued."""

import gzip
import http.server
import os
import threading
import time
from hashlib import sha256
from random import Random

import pytest
from refnn import UnavailableError, datasets, download
from refnn.datasets import cache_folder

LABELS = bytes([0, 0, 8, 1, 0, 3, 0, 0]) + Random(1).randbytes(3 << 16)
CONTENT = gzip.compress(LABELS)


class Server(http.server.ThreadingHTTPServer):
    """Answers with `behave`, and records the Range header of every request."""

    daemon_threads = True

    def __init__(self, behave):
        self.behave, self.ranges = behave, []
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                server.ranges.append(self.headers.get("Range"))
                try:
                    server.behave(self)
                except OSError:
                    pass  # the client has gone

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server_port}/"


def send(handler, body, length=None, status=200, **headers):
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    if length is not False:
        handler.send_header("Content-Length", str(len(body) if length is None else length))
    handler.end_headers()
    handler.wfile.write(body)


def right(handler):
    """A server that knows ranges."""
    start = int((handler.headers.get("Range") or "bytes=0-").removeprefix("bytes=").removesuffix("-"))
    if start >= len(CONTENT):
        return send(handler, b"", status=416)
    headers = {"Content_Range": f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}"} if start else {}
    send(handler, CONTENT[start:], status=206 if start else 200, **headers)


def drip(handler):
    send(handler, b"", len(CONTENT))
    for byte in CONTENT:
        handler.wfile.write(bytes([byte]))
        time.sleep(0.05)


def drip_headers(handler):
    while True:
        handler.wfile.write(b"HTTP/1.0 200 OK\r\nX: y\r\n")
        time.sleep(0.05)


def endless(handler):
    send(handler, b"", False)
    while True:
        handler.wfile.write(bytes(1 << 16))


def redirect(target):
    return lambda handler: send(handler, b"", status=302, Location=target)


BOMB = gzip.compress(bytes(2**27))
WRONG = {
    "wrong content": (lambda handler: send(handler, gzip.compress(b"other")), "wrong SHA-256"),
    "cut": (lambda handler: send(handler, CONTENT[:1000], len(CONTENT)), f"only 1000 of {len(CONTENT)} bytes arrived"),
    "no length, cut": (lambda handler: send(handler, CONTENT[:1000], False), "truncated or damaged gzip file"),
    "a page": (lambda handler: send(handler, b"<html>please log in</html>"), "wrong SHA-256"),
    "missing": (lambda handler: send(handler, b"", status=404), "Not Found"),
    "drip": (drip, "slower than"),
    "drip of headers": (drip_headers, "no byte within 0.5 s|got more than 100 headers"),
    "endless": (endless, "the file has no end"),
    "a bomb": (lambda handler: send(handler, BOMB), "wrong SHA-256"),
    "another scheme": (redirect("ftp://127.0.0.1/x"), "redirected from http to ftp"),
    "a file": (redirect("file:///etc/passwd"), "to url 'file:///etc/passwd' is not allowed"),
    "a circle": (redirect("/again"), "would lead to an infinite loop"),
    "invalid length": (lambda handler: send(handler, CONTENT, "many"), "invalid literal"),
    "empty": (lambda handler: send(handler, b""), "wrong SHA-256"),
}


@pytest.fixture
def serve(tmp_path, monkeypatch):
    """Makes servers the mirrors of one file, `labels`; returns them."""
    servers = []

    def start(*behaviours):
        servers.extend(map(Server, behaviours))
        monkeypatch.setattr(datasets, "MIRRORS", tuple(server.url for server in servers[-len(behaviours):]))
        return servers[-len(behaviours):]

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    monkeypatch.delenv("REFNN_DATA", raising=False)
    monkeypatch.setattr(datasets, "FILES", {"labels": sha256(LABELS).hexdigest()})
    monkeypatch.setattr(download, "TIMEOUT", 0.5)
    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_not_kept(serve, name):
    behave, message = WRONG[name]
    serve(behave)
    begin = time.monotonic()
    with pytest.raises(UnavailableError, match=message) as caught:
        datasets.download("labels", cache_folder())
    assert time.monotonic() - begin < 10.0
    assert "\n" not in str(caught.value)
    left = list(cache_folder().iterdir()) if cache_folder().exists() else []
    assert [path.name for path in left] in ([], ["labels.gz.part"])


@pytest.mark.parametrize("name", WRONG)
def test_the_next_mirror_has_it(serve, name):
    serve(WRONG[name][0], right)
    datasets.download("labels", cache_folder())
    assert [path.name for path in cache_folder().iterdir()] == ["labels.gz"]
    assert (cache_folder() / "labels.gz").read_bytes() == CONTENT


def test_a_cut_download_is_continued(serve):
    server, = serve(WRONG["cut"][0])
    with pytest.raises(UnavailableError):
        datasets.download("labels", cache_folder())
    server.behave = right
    datasets.download("labels", cache_folder())
    assert server.ranges == [None, "bytes=1000-"]
    assert (cache_folder() / "labels.gz").read_bytes() == CONTENT


def test_a_part_that_does_not_fit_is_dropped(serve):
    serve(right)
    for part in (b"x" * 500, CONTENT + b"x", CONTENT[:-1] + b"x"):
        cache_folder().mkdir(parents=True, exist_ok=True)
        (cache_folder() / "labels.gz.part").write_bytes(part)
        datasets.download("labels", cache_folder())
        assert (cache_folder() / "labels.gz").read_bytes() == CONTENT
        assert [path.name for path in cache_folder().iterdir()] == ["labels.gz"]


def test_a_server_without_ranges_sends_the_whole_file(serve):
    serve(lambda handler: send(handler, CONTENT))
    cache_folder().mkdir(parents=True)
    (cache_folder() / "labels.gz.part").write_bytes(CONTENT[:1000])
    datasets.download("labels", cache_folder())
    assert (cache_folder() / "labels.gz").read_bytes() == CONTENT


def test_a_part_of_a_running_process_is_left_alone(serve):
    serve(right)
    cache_folder().mkdir(parents=True)
    running, killed = cache_folder() / "labels.gz.1.part", cache_folder() / "labels.gz.2.part"
    running.write_bytes(CONTENT[:10])
    killed.write_bytes(CONTENT[:20])
    os.utime(killed, (time.time() - 100, time.time() - 100))
    datasets.download("labels", cache_folder())
    assert sorted(path.name for path in cache_folder().iterdir()) == ["labels.gz", "labels.gz.1.part"]


def test_progress_is_reported(serve):
    serve(right)
    reports = []
    datasets.download("labels", cache_folder(), lambda *report: reports.append(report))
    whole = len(CONTENT)
    assert reports[0] == ("downloading labels.gz", 0, 0, "bytes")
    assert reports[-1] == ("downloading labels.gz", whole, whole, "bytes")
    assert len(reports) > 3


def test_the_folder_is_tried_before_the_network(serve, tmp_path):
    server, = serve(right)
    (tmp_path / "file").touch()
    with pytest.raises(UnavailableError, match="the files of MNIST cannot be kept here: Not a directory"):
        datasets.download("labels", tmp_path / "file" / "folder")
    assert server.ranges == []
