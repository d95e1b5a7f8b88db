"""The benchmark's contestants do the same work. Their speed is not tested."""

import pytest
from refnn import RefnnError, bench


@pytest.fixture
def works():
    made = {work.name: work for work in bench.works()}
    made["mnist, batch 10"].samples = made["mnist, batch 10"].samples.first(40)
    made["sin-cos, batch 10"].samples = made["sin-cos, batch 10"].samples.first(100)
    made["mnist-cnn, batch 100"].samples = made["mnist-cnn, batch 100"].samples.first(20)
    made["mnist-cnn, batch 100"].batch_size = 10
    return made


@pytest.mark.parametrize("name", ["mnist-cnn, batch 100", "alice-bob, batch 1, with its loss", "mnist, batch 10",
                                  "sin-cos, batch 10"])
def test_contestants_reach_the_same_loss(works, name, monkeypatch):
    monkeypatch.setattr(bench, "SLICE", 0.001)
    times = bench.measure(works[name], threads=1, rounds=1)
    assert {"refnn C", "refnn Python", "NumPy"} - ({"NumPy"} if "cnn" in name else set()) <= set(times)
    assert all(0.0 < best <= median for best, median in times.values())


def test_a_contestant_with_other_results_is_rejected(works, monkeypatch):
    def other(work, threads):
        run, loss = bench.numpy_double(work, threads)
        return run, lambda: loss() * (1.0 + 1e-5)

    monkeypatch.setitem(bench.CONTESTANTS, "NumPy", other)
    with pytest.raises(RefnnError, match="NumPy does other work: alice-bob"):
        bench.measure(works["alice-bob, batch 1, with its loss"], threads=1, rounds=1)


def test_flops(works):
    """2-2-1, batch 1: 6 terms forward, 6 for the weights' gradient, 2 for the hidden layer's gradient, 9 updates."""
    assert works["alice-bob, batch 1, with its loss"].flops() == 2.0 * (6 + 6 + 2 + 9)


def test_errors_are_one_line(capsys):
    assert bench.main(["--rounds", "0"]) == 2
    assert capsys.readouterr().err == "refnn.bench: --rounds must be a whole number from 1 to 2147483647, not 0\n"
