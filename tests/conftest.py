import os
import signal
from pathlib import Path

import pytest

from refnn.reference import elementary, prng

IMPLEMENTATIONS = ("python", "c")


@pytest.fixture(autouse=True, scope="session")
def signals_reach_programs():
    """Tests in the background, or under nohup, ignore signals, and programs inherit that; but no handlers."""
    for number in (signal.SIGINT, getattr(signal, "SIGHUP", signal.SIGINT)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda *_: None)


@pytest.fixture(autouse=True)
def no_annotations(monkeypatch):
    """What refnn.check prints does not depend on where the tests run."""
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)


@pytest.fixture(params=IMPLEMENTATIONS)
def impl(request):
    """Runs the test with every implementation. If the C core is not built, the test fails; it does not skip."""
    return request.param


@pytest.fixture(params=IMPLEMENTATIONS)
def functions(request):
    """The elementary functions of an implementation, by name."""
    if request.param == "python":
        return lambda name: getattr(elementary, name)
    from refnn.implementations.c import lib
    return lambda name: getattr(lib, f"refnn_{name}")


@pytest.fixture
def random():
    return prng.SplitMix64(int(os.environ.get("REFNN_TEST_SEED", "1")))


@pytest.fixture
def mnist_folder():
    """The folder of the MNIST files, from REFNN_DATA; without it, the test is skipped."""
    folder = os.environ.get("REFNN_DATA")
    if not folder or not list(Path(folder).glob("train-images*")):
        pytest.skip("needs the MNIST files: set REFNN_DATA to their folder")
    return folder
