"""Builds the C core. This file is both cffi's builder of refnn/_core and the PEP 517 backend that calls it.

setuptools accepts `cffi_modules` only as an argument of setup(), and pyproject.toml cannot set it. The backend is
therefore that of setuptools with arguments added. cffi runs this file under another name, so the backend is defined
only under the name build_ext.

If the core cannot be built, the package is installed without it. In both cases refnn/_core.txt is written: the digest
of the sources, or the reason of the failure.
"""

import os
import runpy
import sys
import sysconfig
import tempfile
from contextlib import contextmanager
from pathlib import Path

from cffi import FFI

HERE = Path(__file__).resolve().parent
SOURCES, HEADERS = (
    sorted(path.relative_to(HERE).as_posix() for path in (HERE / "csrc").rglob(f"*.{end}")) for end in "ch"
)
_of_sources = runpy.run_path(str(HERE / "refnn" / "sources.py"))
RECORD = _of_sources["RECORD"]
DIGEST = _of_sources["digest"](HERE)
MESSAGES = 20_000  # characters of the compiler's messages that are kept


def default_compiler():
    """The kind of compiler that builds extensions of this Python: "msvc", or "unix", which takes gcc's flags."""
    mingw = "mingw" in sysconfig.get_platform() or "GCC" in sys.version
    return "msvc" if os.name == "nt" and not mingw else "unix"


def flags(kind):
    """(flags of the compiler, flags of the linker) for a kind of compiler, in setuptools' words."""
    if kind == "msvc":
        return ["/O2", "/fp:precise"], []
    # -ffp-contract=off: no fused multiply-add. gcc ignores the pragma of the standard and needs the flag.
    compiling = ["-std=gnu99", "-O3", "-ffp-contract=off", "-fno-math-errno", "-fno-fast-math", "-pthread"]
    # Functions that other libraries cannot replace can be inlined: a step of alice-bob takes 0.82 of the time.
    compiling.append("-fvisibility=hidden")
    # With -Ofast, -ffast-math or -funsafe-math-optimizations in $CFLAGS or $LDFLAGS, the linker adds an object that
    # flushes subnormals to zero in the whole process once the core is loaded. These flags come last and prevent it.
    linking = ["-O3", "-fno-fast-math", "-fno-unsafe-math-optimizations", "-pthread"]
    if "-g" not in os.environ.get("CFLAGS", "").split():
        linking.append("-Wl,-S" if sys.platform == "darwin" else "-s")  # stripped: a quarter of the size
    return compiling, linking


FLAGS, LINK_FLAGS = flags(default_compiler())
ffibuilder = FFI()
ffibuilder.cdef((HERE / "csrc" / "refnn.h").read_text() + "\nconst char *refnn_sources(void);\n")
ffibuilder.set_source(
    "refnn._core",
    f'#include <stdint.h>\n#include <refnn.h>\nstatic const char *refnn_sources(void) {{ return "{DIGEST}"; }}\n',
    sources=SOURCES,
    include_dirs=["csrc"],
    depends=HEADERS + ["build_ext.py"],
    extra_compile_args=FLAGS,
    extra_link_args=LINK_FLAGS,
    optional=True,  # without a compiler, the Python implementation is installed; --impl c reports an error
)


@contextmanager
def recorded(path):
    """Collects in a file what this process and its children print, and prints it at the end."""
    saved = os.dup(1), os.dup(2)
    sys.stdout.flush()
    sys.stderr.flush()
    with open(path, "wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for number, copy in enumerate(saved, 1):
            os.dup2(copy, number)
            os.close(copy)
        sys.stderr.write(Path(path).read_text(errors="replace"))


def reason(error, messages):
    """The first line of the messages that reports an error; else the exception."""
    lines = [line.strip() for line in messages.splitlines()]
    said = (line for line in lines if "error" in line.lower() and not line.startswith("error: "))
    return next(said, str(error).strip())


if __name__ == "build_ext":
    import setuptools
    from setuptools.build_meta import *  # noqa: F403  the hooks of the backend
    from setuptools.command.build_ext import build_ext

    class BuildCore(build_ext):
        """setuptools' command, with flags for the compiler that it found, and with a record of the build."""

        record = ""

        def build_extension(self, ext):
            ext.extra_compile_args, ext.extra_link_args = flags(self.compiler.compiler_type)
            with tempfile.TemporaryDirectory() as folder:
                log = Path(folder, "log")
                try:
                    with recorded(log):
                        super().build_extension(ext)
                    self.record = f"sources: {DIGEST}\nflags: {' '.join(ext.extra_compile_args)}\n"
                except BaseException as error:
                    messages = log.read_text(errors="replace") if log.exists() else ""
                    self.record = f"not built: {reason(error, messages)}\n\n{messages[-MESSAGES:]}"
                    raise

        def run(self):
            super().run()
            package = HERE / "refnn" if self.inplace else Path(self.build_lib) / "refnn"
            package.mkdir(parents=True, exist_ok=True)
            if self.record:
                (package / RECORD).write_text(self.record, encoding="utf-8")

    _setup = setuptools.setup

    def _setup_with_core(**arguments):
        limited = sys.implementation.name == "cpython" and not sysconfig.get_config_var("Py_GIL_DISABLED")
        options = {"bdist_wheel": {"py_limited_api": "cp310"}} if limited else {}
        return _setup(**arguments, cffi_modules=["build_ext.py:ffibuilder"], cmdclass={"build_ext": BuildCore},
                      options=options)

    setuptools.setup = _setup_with_core
