"""Invalid IDX files; the digits; MNIST: finding, downloading and checking its files."""

import gzip
import http.server
import importlib.util
import os
import socket
import threading
import time
from hashlib import sha256

import pytest
from refnn import InputError, UnavailableError, datasets, idx
from refnn.idx import read_idx, write_idx

IMAGES = bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 28, 0, 0, 0, 28]) + bytes(2 * 784)
LABELS = bytes([0, 0, 8, 1, 0, 0, 0, 2, 3, 7])


@pytest.mark.parametrize("data, message", [
    (b"", "truncated: 0 bytes are no IDX file"),
    (b"\0\0\x08", "truncated: 3 bytes are no IDX file"),
    (b"\0\0\x08\x03\0\0", "truncated: 6 bytes, the header alone has 16"),
    (IMAGES[:-1], "its header says 2 x 28 x 28 bytes, but 1567 follow"),
    (IMAGES + b"\0", "its header says 2 x 28 x 28 bytes, but 1569 follow"),
    (b"\0\0\x0d\x03" + IMAGES[4:], "wrong magic number 00000d03, expected 00000803"),
    (LABELS, "wrong magic number 00000801, expected 00000803"),
    (b"<html>not found</html>", "wrong magic number 3c68746d, expected 00000803"),
    (gzip.compress(IMAGES, mtime=0)[:-20], "truncated or damaged gzip file"),
    (gzip.compress(IMAGES, mtime=0)[:40] + b"x" * 40, "truncated or damaged gzip file"),
    (b"\0\0\x08\x03" + b"\xff" * 12 + b"\0", "bytes, but 1 follow")])
def test_invalid_idx_files(tmp_path, data, message):
    path = tmp_path / "file"
    path.write_bytes(data)
    with pytest.raises(InputError) as caught:
        read_idx(path, 3)
    assert str(caught.value).startswith(str(path))
    assert message in str(caught.value)


def test_idx_raw_and_gzip_with_any_name(tmp_path):
    for name, data in (("a", IMAGES), ("b.gz", gzip.compress(IMAGES)), ("c.gz", IMAGES), ("d", gzip.compress(IMAGES))):
        (tmp_path / name).write_bytes(data)
        sizes, pixels = read_idx(tmp_path / name, 3)
        assert sizes == (2, 28, 28)
        assert pixels == bytes(1568)
    write_idx(tmp_path / "e", (2,), b"\3\7")
    assert read_idx(tmp_path / "e", 1)[1] == b"\3\7"


def mnist_like(folder, spelling="-idx", suffix=""):
    for part in ("train", "t10k"):
        (folder / f"{part}-images{spelling}3-ubyte{suffix}").write_bytes(gzip.compress(IMAGES) if suffix else IMAGES)
        (folder / f"{part}-labels{spelling}1-ubyte{suffix}").write_bytes(gzip.compress(LABELS) if suffix else LABELS)


@pytest.mark.parametrize("spelling", ["-idx", ".idx"])
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_every_spelling_of_the_file_names_is_read(tmp_path, spelling, suffix):
    mnist_like(tmp_path, spelling, suffix)
    data = datasets.mnist(tmp_path)
    assert list(data.train[1]) == [3, 7]
    assert len(data.test[0]) == len(data.test[0].values) == 1568


@pytest.mark.parametrize("name, content, message", [
    ("t10k-labels-idx1-ubyte", None, "no file t10k-labels-idx1-ubyte or t10k-labels-idx1-ubyte.gz"),
    ("train-labels-idx1-ubyte", bytes([0, 0, 8, 1, 0, 0, 0, 1, 3]), "2 train images, but 1 labels"),
    ("train-images-idx3-ubyte", bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 1]) + bytes(4),
     "t10k-images-idx3-ubyte: images of 1 x 28 x 28, but those of train-images-idx3-ubyte have 1 x 2 x 1"),
    ("train-images-idx3-ubyte", LABELS, "wrong magic number 00000801, expected 00000803; it has labels"),
    ("t10k-labels-idx1-ubyte", IMAGES, "expected 00000801; it has images"),
    ("t10k-images-idx3-ubyte", b"<html>", "expected 00000803; it is a web page")])
def test_invalid_folders(tmp_path, name, content, message):
    mnist_like(tmp_path)
    (tmp_path / name).unlink()
    if content:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        datasets.mnist(tmp_path)


def test_missing_folder(tmp_path, monkeypatch):
    with pytest.raises(InputError, match="no folder '.*nowhere'; --data takes a folder with the MNIST files, or "):
        datasets.mnist(tmp_path / "nowhere")
    with pytest.raises(InputError, match="no folder ''; --data takes"):
        datasets.mnist("")
    monkeypatch.setenv("REFNN_DATA", "/nowhere")
    with pytest.raises(InputError, match="no folder '/nowhere'; REFNN_DATA takes"):
        datasets.mnist()


def test_the_argument_overrides_the_environment(tmp_path, monkeypatch):
    mnist_like(tmp_path)
    monkeypatch.setenv("REFNN_DATA", str(tmp_path))
    assert len(datasets.mnist().train[1]) == 2
    assert len(datasets.mnist("digits").train[1]) == 2000


@pytest.mark.slow
def test_the_digits_program_draws_the_same_digits():
    path = datasets.data_folder() / "digits" / "draw.py"
    spec = importlib.util.spec_from_file_location("draw", path)
    draw = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(draw)
    data = datasets.mnist("digits")
    for (images, labels), first, count in ((data.train, 0, 2000), (data.test, 2000, 500)):
        assert len(labels) == count
        assert set(labels) == set(range(10))
        for n in range(count):
            assert draw.draw(first + n) == (labels[n], images.values[784 * n:784 * (n + 1)])


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """A local mirror that serves one file, and a separate cache for the loader."""
    content = gzip.compress(LABELS)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.path.endswith("labels.gz") else 404)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(datasets, "MIRRORS", (f"http://127.0.0.1:{server.server_port}/",))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    monkeypatch.delenv("REFNN_DATA", raising=False)
    yield content
    server.shutdown()


def test_download(mirror, monkeypatch):
    monkeypatch.setattr(datasets, "FILES", {"labels": sha256(LABELS).hexdigest()})
    folder = datasets.cache_folder()
    datasets.download("labels", folder)
    assert [path.name for path in folder.iterdir()] == ["labels.gz"]
    assert (folder / "labels.gz").read_bytes() == mirror


def test_download_with_a_wrong_checksum_leaves_nothing(mirror, monkeypatch):
    monkeypatch.setattr(datasets, "FILES", {"labels": "0" * 64})
    folder = datasets.cache_folder()
    with pytest.raises(UnavailableError, match=r"127.0.0.1: wrong SHA-256"):
        datasets.download("labels", folder)
    assert not folder.exists()


def test_second_mirror_is_tried(mirror, monkeypatch):
    monkeypatch.setattr(datasets, "FILES", {"labels": sha256(LABELS).hexdigest()})
    monkeypatch.setattr(datasets, "MIRRORS", ("http://127.0.0.1:1/", datasets.MIRRORS[-1]))
    datasets.download("labels", datasets.cache_folder())
    assert (datasets.cache_folder() / "labels.gz").is_file()


def test_file_missing_on_the_mirror(mirror):
    with pytest.raises(UnavailableError, match="MNIST could not be downloaded .*--data digits"):
        datasets.mnist()
    assert not datasets.cache_folder().exists()


def test_garbage_from_a_portal(mirror, monkeypatch):
    listener = socket.create_server(("127.0.0.1", 0))

    def answer():
        while True:
            connection, _ = listener.accept()
            connection.recv(1000)
            connection.sendall(b"please log in\r\n\r\n")
            connection.close()

    threading.Thread(target=answer, daemon=True).start()
    monkeypatch.setattr(datasets, "MIRRORS", (f"http://127.0.0.1:{listener.getsockname()[1]}/", *datasets.MIRRORS))
    monkeypatch.setattr(datasets, "FILES", {"labels": sha256(LABELS).hexdigest()})
    datasets.download("labels", datasets.cache_folder())
    assert (datasets.cache_folder() / "labels.gz").is_file()


def test_cache_that_cannot_be_written(mirror, monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setattr(datasets, "FILES", {"labels": sha256(LABELS).hexdigest()})
    with pytest.raises(UnavailableError, match="the files of MNIST cannot be kept here: "):
        datasets.download("labels", tmp_path / "file" / "folder")


def test_no_network(mirror, monkeypatch):
    def refuse(*_, **__):
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(datasets, "MIRRORS", ("https://mirror.invalid/",))
    with pytest.raises(UnavailableError) as caught:
        datasets.mnist()
    assert "\n" not in str(caught.value)
    assert "or try --data digits" in str(caught.value)


BOMBS = {
    "much": (gzip.compress(IMAGES + bytes(2**28)), "its header says 2 x 28 x 28 bytes, but more than [0-9]+ follow"),
    "a large header": (gzip.compress(bytes([0, 0, 8, 3]) + b"\xff" * 12 + bytes(2**20)), "bytes, but 1048576 follow"),
    "many members": (gzip.compress(b"") * 100_001, "more than 100000 gzip members"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_takes_little_memory_and_time(tmp_path, name):
    resource = pytest.importorskip("resource")
    content, message = BOMBS[name]
    (tmp_path / "bomb.gz").write_bytes(content)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begin = time.monotonic()
    with pytest.raises(InputError, match=message):
        read_idx(tmp_path / "bomb.gz", 3)
    assert time.monotonic() - begin < 20.0
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # KB on Linux


def test_a_large_file_is_read_up_to_a_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(idx, "LARGEST", 1 << 20)
    (tmp_path / "large").write_bytes(bytes([0, 0, 8, 1, 0, 32, 0, 0]) + bytes(2 << 20))
    with pytest.raises(InputError, match="more than 1048576 bytes"):
        read_idx(tmp_path / "large", 1)


def test_members_and_padding(tmp_path):
    members = (LABELS[:3], b"", LABELS[3:])
    (tmp_path / "a.gz").write_bytes(b"".join(map(gzip.compress, members)) + bytes(100))
    assert read_idx(tmp_path / "a.gz", 1)[1] == LABELS[8:]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes with names")
def test_pipes_and_devices_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "fifo", "/dev/zero", tmp_path):
        with pytest.raises(InputError, match=r"not a regular file|Is a directory"):
            read_idx(path, 1)


def test_paths_that_no_system_call_takes(monkeypatch):
    long = "x" * 5000
    for named in (long, "/".join(["x" * 200] * 25), "a\0b"):
        with pytest.raises(InputError, match="no folder '.*--data takes"):
            datasets.mnist(named)
        with pytest.raises(InputError):
            read_idx(named, 1)
    monkeypatch.setenv("REFNN_DATA", long)
    with pytest.raises(InputError, match="no folder '.*REFNN_DATA takes") as caught:
        datasets.mnist()
    assert len(str(caught.value)) < 300


def test_no_home_directory(monkeypatch):
    for name in ("REFNN_DATA", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)

    def home():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(datasets.Path, "home", home)
    with pytest.raises(UnavailableError, match="this user has no home directory; name a folder"):
        datasets.mnist()


def test_a_folder_without_permission(tmp_path, monkeypatch):
    def is_file(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(datasets.Path, "is_file", is_file)
    with pytest.raises(InputError, match=f"{tmp_path}: Permission denied"):
        datasets.mnist(tmp_path)
