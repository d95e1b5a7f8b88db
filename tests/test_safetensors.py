"""The safetensors format: literal bytes, abuse, the original library both ways; files that are replaced whole."""

import json
import os
import random
import struct
import subprocess
import sys
from array import array

import pytest
from refnn import InputError
from refnn.files import check_writable, write_file
from refnn.safetensors import Tensor, from_bytes, to_bytes

HEADER = (b'{"__metadata__":{"a":"b"},"0.weight":{"dtype":"F64","shape":[1,2],"data_offsets":[0,16]},'
          b'"n":{"dtype":"I64","shape":[],"data_offsets":[16,24]}}')
NUMBERS = struct.pack("<ddq", 1.5, -0.0, 7)
TENSORS = {"0.weight": Tensor((1, 2), array("d", [1.5, -0.0])), "n": Tensor((), array("q", [7]))}


def file_of(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def tensor(shape, start, stop, dtype="F64"):
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, stop]}


def test_literal_bytes():
    padded = HEADER + b" " * (-len(HEADER) % 8)
    assert to_bytes(TENSORS, {"a": "b"}) == file_of(padded, NUMBERS)
    tensors, metadata = from_bytes(file_of(padded, NUMBERS), "f")
    assert repr(tensors) == repr(TENSORS)
    assert metadata == {"a": "b"}


def test_smallest_files():
    assert from_bytes(file_of({}), "f") == ({}, {})
    assert to_bytes({}, {}) == file_of(b"{}      ")
    assert from_bytes(file_of({"e": tensor([0, 3], 0, 0)}), "f") == ({"e": Tensor((0, 3), array("d"))}, {})


def test_float32_becomes_double():
    tensors, _ = from_bytes(file_of({"w": tensor([2], 0, 8, "F32")}, struct.pack("<ff", 0.1, 2.0)), "f")
    assert tensors["w"] == Tensor((2,), array("d", [struct.unpack("<f", struct.pack("<f", 0.1))[0], 2.0]))


TWO = {"a": tensor([1], 0, 8), "b": tensor([1], 8, 16)}


@pytest.mark.parametrize("content, message", [
    (b"", "it has 0 bytes"),
    (b"\2\0\0\0\0\0\0", "it has 7 bytes"),
    (struct.pack("<Q", 3) + b"{}", "its header should have 3 bytes, but the file has 10"),
    (struct.pack("<Q", 2**64 - 1) + b"{}", "its header should have 18446744073709551615 bytes"),
    (file_of(b"{" + b" " * 10_000_000 + b"}"), "and a header at most 10000000"),
    (b"PK\3\4 of torch.save", "it seems to be of torch.save or pickle, which can run code; safetensors"),
    (b"\x80\x04\x95\0\0\0\0\0\0\0\0}.", "it seems to be of torch.save or pickle"),
    (file_of(b""), "its header does not begin with {"),
    (file_of(b" {}"), "its header does not begin with {"),
    (file_of(b"[]"), "its header does not begin with {"),
    (file_of(b"{}}"), "its header is not JSON"),
    (file_of(b"{\xff}"), "its header is not JSON"),
    (file_of(b'{"a":' * 100_000), "its header is not JSON"),
    (file_of(b'{"a":{},"a":{}}'), "'a' is in it twice"),
    (file_of(b'{"a":{"dtype":"F64","dtype":"F64"}}'), "'dtype' is in it twice"),
    (file_of({"__metadata__": []}), "__metadata__ must be an object of texts"),
    (file_of({"__metadata__": {"a": 1}}), "__metadata__ must be an object of texts"),
    (file_of({"a": 1}), "tensor 'a' must have dtype, shape and data_offsets, and nothing else"),
    (file_of({"a": {"dtype": "F64", "shape": [0]}}), "must have dtype, shape and data_offsets, and nothing else"),
    (file_of({"a": {**tensor([0], 0, 0), "more": 1}}), "must have dtype, shape and data_offsets, and nothing else"),
    (file_of({"a": tensor([1], 0, 2, "F16")}, bytes(2)), "tensor 'a' has dtype 'F16'; refnn reads F64, F32, I64"),
    (file_of({"a": tensor([1], 0, 8, ["F64"])}, bytes(8)), "has dtype ['F64']"),
    (file_of({"a": tensor([-1], 0, 8)}, bytes(8)), "must be lists of whole numbers"),
    (file_of({"a": tensor([True], 0, 8)}, bytes(8)), "must be lists of whole numbers"),
    (file_of({"a": tensor(["1"], 0, 8)}, bytes(8)), "must be lists of whole numbers"),
    (file_of({"a": tensor(1, 0, 8)}, bytes(8)), "must be lists of whole numbers"),
    (file_of({"a": tensor([1] * 33, 0, 8)}, bytes(8)), "must be lists of whole numbers"),
    (file_of({"a": {"dtype": "F64", "shape": [1], "data_offsets": [0]}}, bytes(8)), "must be lists of whole numbers"),
    (file_of(b'{"a":{"dtype":"F64","shape":[1.0]}}'), "'1.0' in its header is not a whole number"),
    (file_of(b'{"a":{"dtype":"F64","shape":[NaN]}}'), "'NaN' in its header is not a whole number"),
    (file_of(b'{"a":{"dtype":"F64","shape":[%s]}}' % (b"9" * 9_000_000)), "a number in its header is too large"),
    (file_of({"a": tensor([2], 0, 8)}, bytes(8)), "tensor 'a' of shape [2] does not have 8 bytes"),
    (file_of({"a": tensor([10**15 - 1] * 32, 0, 8)}, bytes(8)), "does not have 8 bytes"),
    (file_of({"a": tensor([1], 8, 0)}, bytes(8)), "tensor 'a' of shape [1] does not have -8 bytes"),
    (file_of(TWO, bytes(8)), "its tensors end at byte 16, its data at byte 8"),
    (file_of(TWO, bytes(17)), "its tensors end at byte 16, its data at byte 17"),
    (file_of({}, bytes(8)), "its tensors end at byte 0, its data at byte 8"),
    (file_of({"a": tensor([1], 0, 8), "b": tensor([1], 0, 8)}, bytes(8)),
     "tensor 'b' begins at byte 0, but the one before it ends at byte 8"),
    (file_of({"a": tensor([2], 0, 16), "b": tensor([1], 8, 16)}, bytes(16)),
     "tensor 'b' begins at byte 8, but the one before it ends at byte 16"),
    (file_of({"a": tensor([1], 0, 8), "b": tensor([1], 16, 24)}, bytes(24)),
     "tensor 'b' begins at byte 16, but the one before it ends at byte 8"),
    (file_of({"a": tensor([1], 8, 16)}, bytes(16)),
     "tensor 'a' begins at byte 8, but the one before it ends at byte 0"),
    (file_of({"a": tensor([10**14], 0, 8 * 10**14)}, bytes(8)),
     "its tensors end at byte 800000000000000, its data at byte 8"),
    (file_of({"x" * 1000: 1}), " ..."),
    (file_of({"a\nb": 1}), r"tensor 'a\nb' must"),
])
def test_abuse(content, message):
    with pytest.raises(InputError) as caught:
        from_bytes(content, "some file")
    assert str(caught.value).startswith("some file: not a valid safetensors file: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 250


def test_random_damage_is_refused_or_read():
    """A file with changed, missing or additional bytes is read, or refused with InputError; no other exception."""
    generator = random.Random(os.environ.get("REFNN_TEST_SEED", "1"))
    whole = to_bytes({f"{k}.weight": Tensor((2, k), array("d", range(2 * k))) for k in range(4)}, {"model": "{}"})
    refused = 0
    for _ in range(5000):
        damaged = bytearray(whole)
        for _ in range(generator.randint(1, 4)):
            place = generator.randrange(len(damaged))
            damaged[place:place + generator.randint(0, 2)] = generator.randbytes(generator.randint(0, 2))
        try:
            from_bytes(bytes(damaged), "f")
        except InputError:
            refused += 1
    assert refused > 2500


def test_the_original_library(tmp_path):
    numpy = pytest.importorskip("numpy")
    original = pytest.importorskip("safetensors.numpy")
    path = tmp_path / "f"
    path.write_bytes(to_bytes(TENSORS, {"a": "b"}))
    loaded = original.load_file(path)
    assert loaded["0.weight"].tobytes() == NUMBERS[:16] and loaded["0.weight"].shape == (1, 2)
    assert loaded["n"] == 7 and loaded["n"].shape == ()
    arrays = {"w": numpy.arange(6.0).reshape(2, 3), "b": numpy.float32([0.1, 0.2]), "n": numpy.array(3),
              "e": numpy.zeros((0, 2))}
    tensors, metadata = from_bytes(original.save(arrays, {"k": "v"}), "f")
    assert metadata == {"k": "v"}
    assert {name: (values.shape, values.ravel().tolist()) for name, values in arrays.items()} == {
        name: (tensor.shape, tensor.values.tolist()) for name, tensor in tensors.items()}


# Files are replaced whole.


def test_a_file_is_replaced_and_nothing_else_is_left(tmp_path):
    path = tmp_path / "f"
    for data in (b"first", b"second"):
        write_file(path, data)
        assert path.read_bytes() == data
    assert os.listdir(tmp_path) == ["f"]


@pytest.mark.skipif(os.name == "nt", reason="modes and links as on Unix")
def test_mode_and_link_are_kept(tmp_path):
    (tmp_path / "f").write_bytes(b"")
    (tmp_path / "f").chmod(0o640)
    (tmp_path / "link").symlink_to("f")
    write_file(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "f").read_bytes() == b"new"
    assert (tmp_path / "f").stat().st_mode & 0o777 == 0o640


def test_a_file_that_cannot_be_written(tmp_path):
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "nowhere" / "f", tmp_path / "folder"):
        with pytest.raises(InputError, match=r"--save '.*' could not be written: "):
            write_file(path, b"x", "--save")
        with pytest.raises(InputError, match=r"--save '.*' cannot be written: "):
            check_writable(path, "--save")
    check_writable(tmp_path / "f")
    assert os.listdir(tmp_path) == ["folder"]


WRITER = """
import sys
from refnn.files import write_file
for n in range(10**6):
    write_file(sys.argv[1], bytes([n % 251]) * 100_000)
    print(n, flush=True)
"""


@pytest.mark.slow
def test_a_killed_writer_leaves_the_old_or_the_new_file(tmp_path):
    generator = random.Random(os.environ.get("REFNN_TEST_SEED", "1"))
    path = tmp_path / "f"
    for _ in range(5):
        with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True) as process:
            for _ in range(generator.randint(1, 30)):
                process.stdout.readline()
            process.kill()
            written = [int(line) for line in process.stdout]
        content = path.read_bytes()
        assert len(content) == 100_000 and len(set(content)) == 1
        assert not written or content[0] in (written[-1] % 251, (written[-1] + 1) % 251)
