"""Some random misuse of the interface. For ten thousand calls: python tests/misuse.py"""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.mark.filterwarnings("ignore")
def test_only_refnn_s_exceptions_appear_and_both_implementations_agree():
    misuse = pytest.importorskip("misuse")  # needs NumPy
    refused, faults = misuse.run(int(os.environ.get("REFNN_TEST_SEED", "1")) * 10_000, 500, report=lambda text: None)
    assert faults == []
    assert refused > 400
