"""Files are replaced whole: a full disk, a link, a pipe, a device or a long name loses nothing and blocks nothing."""

import os
import stat
import subprocess
import sys
import threading
import time

import pytest
from refnn import InputError, files

needs_links = pytest.mark.skipif(os.name == "nt", reason="links and pipes as on Unix")


def test_a_file_is_replaced_whole(tmp_path):
    path = tmp_path / "file"
    files.check_writable(path)
    assert not path.exists()
    for content in (b"one", b"", b"three"):
        files.write_file(path, content)
        assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


@needs_links
def test_a_full_disk_leaves_the_old_file(tmp_path):
    (tmp_path / "file").write_bytes(b"old" * 100)
    done = subprocess.run(["bash", "-c", f"ulimit -f 4; {sys.executable} -c \"\n"
                           "import signal, sys; from refnn import files\n"
                           "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
                           "files.write_file('file', bytes(100_000), '--json')\""],
                          cwd=tmp_path, capture_output=True, text=True)
    assert "refnn.errors.InputError: --json 'file' could not be written: File too large" in done.stderr
    assert (tmp_path / "file").read_bytes() == b"old" * 100
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@needs_links
def test_a_dangling_link_stays_and_its_target_is_written(tmp_path):
    (tmp_path / "real").mkdir()
    link = tmp_path / "link"
    link.symlink_to("real/file")
    files.check_writable(link)
    assert link.is_symlink() and not (tmp_path / "real" / "file").exists()
    files.write_file(link, b"content")
    assert link.is_symlink() and (tmp_path / "real" / "file").read_bytes() == b"content"


@needs_links
def test_links_in_a_circle_and_to_nowhere(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    (tmp_path / "lost").symlink_to("no/such/folder")
    for name in ("a", "lost"):
        with pytest.raises(InputError, match="cannot be written"):
            files.check_writable(tmp_path / name)
        assert (tmp_path / name).is_symlink()


@needs_links
def test_pipes(tmp_path, monkeypatch):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    monkeypatch.setattr(files, "PATIENCE", 0.2)
    files.check_writable(pipe)
    begin = time.monotonic()
    with pytest.raises(InputError, match="could not be written: No such device or address"):
        files.write_file(pipe, b"lost")
    with pytest.raises(InputError, match="not a regular file"):
        files.read_bytes(pipe)
    assert time.monotonic() - begin < 20.0
    read = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    files.write_file(pipe, b"x" * 200_000)
    reader.join(5.0)
    assert read == [b"x" * 200_000]


def is_device(name):
    return os.path.exists(name) and stat.S_ISCHR(os.stat(name).st_mode)


@pytest.mark.parametrize("name", ["/dev/null", "/dev/zero", "/dev/full"])
def test_devices(name):
    if not is_device(name):
        pytest.skip(f"{name} is no device here")
    files.check_writable(name)
    if name == "/dev/full":
        with pytest.raises(InputError, match="No space left on device"):
            files.write_file(name, b"content")
    else:
        files.write_file(name, b"content")
    assert is_device(name)
    with pytest.raises(InputError, match="not a regular file"):
        files.read_bytes(name)


@needs_links
def test_a_pipe_of_the_shell(tmp_path):
    """bash names such a pipe /dev/fd/63."""
    code = ("import sys; from refnn import files; files.check_writable(sys.argv[1]); "
            "files.write_file(sys.argv[1], b'content')")
    command = f'{sys.executable} -c "{code}" >(cat > {tmp_path}/read); wait $!'
    done = subprocess.run(["bash", "-c", command], capture_output=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "read").read_bytes() == b"content"


@pytest.mark.parametrize("name", ["x" * 5000, "/".join(["x" * 200] * 30), "no/such/file", "a\0b", ""])
def test_names_that_cannot_be_written(tmp_path, name):
    path = f"{tmp_path}/{name}"
    for call in (files.check_writable, lambda path: files.write_file(path, b""), files.read_bytes):
        with pytest.raises(InputError) as caught:
            call(path)
        assert len(str(caught.value)) < 300 and "\n" not in str(caught.value)


def test_the_longest_name(tmp_path):
    for name in ("x" * 255, "\N{SNOWMAN}" * 85):
        files.check_writable(tmp_path / name)
        files.write_file(tmp_path / name, b"content")
        assert (tmp_path / name).read_bytes() == b"content"


@needs_links
def test_a_folder_without_permission(tmp_path):
    if os.geteuid() == 0:
        pytest.skip("the superuser may write everywhere")
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="Permission denied"):
        files.check_writable(tmp_path / "file")
