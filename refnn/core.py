"""The compiled C core: lib, its functions, and ffi; the check that it is of these sources and exact; and buffers.

Importing this module raises UnavailableError if there is no such core.
"""

from __future__ import annotations

import functools
import os
import struct
from array import array
from pathlib import Path
from typing import Any, NoReturn, cast

from . import sources
from .checks import known_name
from .errors import UnavailableError

PACKAGE = Path(__file__).resolve().parent
RECORD = PACKAGE / sources.RECORD


def why_missing(error: ImportError) -> str:
    """Why the core cannot be imported, in a sentence."""
    if not isinstance(error, ModuleNotFoundError) or error.name != "refnn._core":
        return f"the C core cannot be loaded: {error}"
    built = recorded("not built")
    why = f": {built} (more in {RECORD})" if built else ""
    return (f"the C core is not built here{why}; `pip install -e .` in a checkout builds it, with a C compiler "
            f"({sources.compiler_to_install()}); --impl python runs without")


def recorded(name: str) -> str:
    """The value of a name in the record of the build; "" if there is none."""
    try:
        lines = RECORD.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return next((line[len(name) + 2:] for line in lines[:2] if line.startswith(f"{name}: ")), "")


try:
    from ._core import ffi as ffi, lib as lib  # first: ModuleNotFoundError if there is no core
    from . import _core
    if Path(_core.__file__).resolve().parent != PACKAGE:  # an editable install of another checkout
        raise ModuleNotFoundError("not in this package", name="refnn._core")
except ImportError as error:
    raise UnavailableError(why_missing(error)) from None


@functools.cache
def constant(name: str) -> int:
    """The C constant of a name: REFNN_LEAKY_RELU of leaky_relu, REFNN_NORMAL_0_1 of normal_0.1."""
    return int(getattr(lib, "REFNN_" + name.upper().replace(".", "_")))


def aligned(values: memoryview) -> Any:
    """The doubles of a buffer for C; a copy if they do not begin at a multiple of 8 bytes."""
    buffer = ffi.from_buffer("double[]", values)
    if int(ffi.cast("uintptr_t", buffer)) % 8:
        return ffi.from_buffer("double[]", array("d", values))
    return buffer


def doubles(count: int) -> memoryview[float]:
    """`count` zeros, 64-byte aligned: a vector that straddles two cache lines costs two loads."""
    memory = array("d", bytes(8 * (count + 7)))
    start = -memory.buffer_info()[0] % 64 // 8
    view = cast("memoryview[float]", memoryview(memory))
    return view[start:start + count]


uncleared = ffi.new_allocator(should_clear_after_alloc=False)


def room(count: int) -> Any:
    """A C array of `count` doubles, to be written before they are read: they are not set to 0."""
    return uncleared("double[]", count)


def pointer(values: Any) -> Any:
    return ffi.NULL if values is None else ffi.from_buffer("double[]", values, require_writable=True)


def integers(values: array[int]) -> Any:
    """A pointer to an array of int32."""
    return ffi.from_buffer("int32_t[]", values, require_writable=True)


# Inputs at which platforms' own math libraries tend to give another last bit.
ELEMENTARY = (("exp", 6.85, "0x1.d7f0c18cc0a0cp+9"), ("log", 5.54, "0x1.b6454587b14cep+0"),
              ("tanh", 0.11987, "0x1.e8a639ec8538cp-4"), ("sin", 7.09746, "0x1.74573886dfb98p-1"),
              ("cos", 3.95531, "-0x1.5fa469cd626f2p-1"))

# One row x of a linear layer, and for each output: its weights, its bias, the bits of the result if every operation
# rounds once and in order, and the cause of other bits.
X = (1.0, 1.0, 2.0**-600, 1.0 + 2.0**-27)
OUTPUTS = (((1.0, 1.0, 0.0, 0.0), 2.0**53, 0x4340000000000000, "additions in another order"),
           ((0.0, 0.0, 2.0**-450, 0.0), 0.0, 0x0000000001000000, "subnormal numbers flushed to zero"),
           ((0.0, 0.0, 0.0, 1.0 + 2.0**-27), -1.0 - 2.0**-26, 0x0000000000000000, "fused multiply-add"))
COPIES = 16  # of each output, so that vector instructions are used


def bits(x: float) -> int:
    return int.from_bytes(struct.pack("<d", x), "little")


def check_sources() -> None:
    """Raises UnavailableError if the core was not built from the sources of this package."""
    own = sources.digest(PACKAGE.parent) or recorded("sources")
    if own and (not hasattr(lib, "refnn_sources") or ffi.string(lib.refnn_sources()).decode() != own):
        failed = recorded("not built")
        why = f" (the last build failed: {failed})" if failed else ""
        raise UnavailableError(f"{_core.__file__} is not the C core of these sources{why}; `pip install -e .` in a "
                               "checkout builds it; --impl python runs without")


def check_build() -> None:
    """Raises UnavailableError if the core computes other bits than it should: a compiler or its flags are to blame."""
    def refuse(why: str) -> NoReturn:
        raise UnavailableError(f"this build of the C core does not compute exactly ({why}); build it again without "
                               "your own flags")

    for name, x, expected in ELEMENTARY:
        if bits(getattr(lib, f"refnn_{name}")(x)) != bits(float.fromhex(expected)):
            refuse(f"{name}({x})")
    row = array("d", X)
    w = array("d", [weights[i] for i in range(len(X)) for weights, *_ in OUTPUTS for _ in range(COPIES)])
    b = array("d", [bias for _, bias, *_ in OUTPUTS for _ in range(COPIES)])
    z = doubles(len(b))
    lib.refnn_linear_forward(1, len(row), len(b), pointer(row), pointer(w), pointer(b), pointer(z))
    for k, value in enumerate(z):
        if bits(value) != OUTPUTS[k // COPIES][2]:
            refuse(OUTPUTS[k // COPIES][3])


def simd_names() -> dict[str, int]:
    """The instruction sets that this build and this processor have, the widest last: name -> number."""
    found = ((lib.refnn_simd_name(number), number) for number in range(lib.refnn_simd_count()))
    return {ffi.string(name).decode(): number for name, number in found if name != ffi.NULL}


def simd() -> int:
    """The number of the instruction set to use: the widest, or what $REFNN_SIMD names."""
    names = simd_names()
    wanted = os.environ.get("REFNN_SIMD")
    return names[known_name(wanted, names, "instruction set in REFNN_SIMD")] if wanted else max(names.values())


def build() -> str:
    """The compiler of the core, and the instruction set that is used."""
    name = next(name for name, number in simd_names().items() if number == simd())
    return f"{compiler()}, {name}"


def compiler() -> str:
    """The compiler of the core."""
    return str(ffi.string(lib.refnn_build()).decode().strip())


check_sources()
check_build()
