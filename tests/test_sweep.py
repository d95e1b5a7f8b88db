"""Sweeps: every point is trained once, a lost point does not affect the others, and a rerun continues the last one."""

import json
import os
import re
import statistics
from concurrent.futures import ThreadPoolExecutor

import pytest
from refnn import InputError, Network, check_samples
from refnn.network import digest
from refnn.sweep import Processes, grid, main, sweep, train_point
from refnn.tasks import task

POINTS = grid("alice-bob", hidden=[(2,), (3, 2)], lr=[0.1, 0.5], epochs=[20], seed=range(2))


def without_seconds(results):
    return [{name: value for name, value in result.items() if name != "seconds"} for result in results]


def expected(point):
    chosen = task("alice-bob").adapted({name: point[name] for name in ("hidden", "lr", "epochs")})
    network = Network(chosen.model(), "python", point["seed"])
    history = network.train(check_samples(chosen.model(), *chosen.data(0, None).train), **chosen.settings())
    return history[-1].train_loss, digest(network.parameters)


def test_a_grid_is_every_combination():
    assert len(POINTS) == 8 and POINTS[0] == {"task": "alice-bob", "hidden": (2,), "lr": 0.1, "epochs": 20, "seed": 0}
    assert len({json.dumps(point) for point in POINTS}) == 8


def test_each_point_equals_a_direct_training():
    assert [(result["train_loss"], result["sha256"]) for result in sweep(POINTS)] == [expected(point)
                                                                                      for point in POINTS]


@pytest.mark.parametrize("executor", [lambda: ThreadPoolExecutor(3), lambda: Processes(2)])
def test_every_executor_gives_the_same_results(executor):
    with executor() as pool:
        assert without_seconds(sweep(POINTS, pool)) == without_seconds(sweep(POINTS))


@pytest.mark.slow
def test_dask_gives_the_same_results():
    distributed = pytest.importorskip("distributed")  # part of the test extra
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1,
                                  dashboard_address=None) as cluster, distributed.Client(cluster) as client:
        assert without_seconds(sweep(POINTS, client.get_executor())) == without_seconds(sweep(POINTS))


def test_a_killed_process_loses_its_point_only(tmp_path):
    class Killing(Processes):
        killed = 0

        def submit(self, function, point):
            if point["seed"] == 1 and point["lr"] == 0.5:
                Killing.killed += 1
                return super().submit(os._exit, 9)
            return super().submit(function, point)

    keep = tmp_path / "points.jsonl"
    with Killing(2) as pool:
        results = sweep(POINTS, pool, keep)
    lost = [result for result in results if "lost" in result]
    assert len(lost) == Killing.killed == 2 and all("BrokenProcessPool" in result["lost"] for result in lost)
    assert len(keep.read_text().splitlines()) == 6
    with Processes(1) as pool:  # a rerun trains those two
        assert without_seconds(sweep(POINTS, pool, keep)) == without_seconds(sweep(POINTS))
    assert len(keep.read_text().splitlines()) == 8


def test_a_rerun_trains_only_what_is_missing(tmp_path, monkeypatch):
    keep = tmp_path / "points.jsonl"
    first = sweep(POINTS[:5], None, keep)
    with open(keep, "a") as file:
        file.write('{"task": "alice-bob", "hid')  # killed while writing
    trained = []
    monkeypatch.setattr("refnn.sweep.train_point", lambda point: (trained.append(point), train_point(point))[1])
    results = sweep(POINTS, None, keep)
    assert len(trained) == 3 and results[:5] == first
    assert len(keep.read_text().splitlines()) == 8
    assert sweep(POINTS, None, keep) == results and len(trained) == 3


def test_a_point_that_fails_and_one_that_diverges(tmp_path):
    points = grid("alice-bob", activation=["sigmoid", "sigmoyd", "identity"], output=["identity"], lr=[1e3], epochs=[5])
    keep = tmp_path / "points.jsonl"
    _, wrong, diverged = sweep(points, None, keep)
    assert "unknown activation 'sigmoyd'" in wrong["lost"]
    assert "diverged in epoch" in diverged["diverged"] and diverged["train_loss"] is None
    assert len(keep.read_text().splitlines()) == 2


def test_the_command(tmp_path, capsys):
    keep, record = tmp_path / "points.jsonl", tmp_path / "record.json"
    arguments = ["alice-bob", "--hidden", "2", "3,2", "--lr", "0.1", "0.5", "--epochs", "20", "--seeds", "2", "--jobs",
                 "2",
                 "--keep", str(keep), "--json", str(record)]
    assert main(arguments) == 0
    output = capsys.readouterr().out
    assert "8 points, 2 at a time; finished ones are kept in" in output
    results = json.loads(record.read_text())
    assert without_seconds(results) == without_seconds(sweep(json.loads(json.dumps(grid(
        "alice-bob", hidden=[(2,), (3, 2)], lr=[0.1, 0.5], epochs=[20], seed=range(2))))))
    assert f"{statistics.median(result['train_loss'] for result in results[:2]):.4g}" in output.splitlines()[2]
    assert main(arguments) == 0
    assert "8 of them kept" in capsys.readouterr().out


def test_invalid_arguments(tmp_path, capsys):
    keep = tmp_path / "bad.jsonl"
    keep.write_text("nonsense\n")
    for arguments, message in ((["alice"], "did you mean 'alice-bob'?"),
                               (["--hidden", "0"], "each of --hidden must be a whole number from 1"),
                               (["--lr", "0"], "--lr must be"), (["--seeds", "0"], "--seeds must be"),
                               (["--jobs", "0"], "--jobs must be"),
                               (["--keep", str(keep)], "line 1 is not a point of a sweep"),
                               (["--keep", str(tmp_path)], "cannot be kept here"),
                               (["--keep", str(tmp_path / "no" / "k")], "cannot be kept here"),
                               (["mnist", "--data", "/no/such"], "no folder '/no/such'")):
        assert main(arguments + (["--keep", str(tmp_path / "k")] if "--keep" not in arguments else [])) == 2
        assert re.search(message, capsys.readouterr().err)
    assert not (tmp_path / "k").exists()


@pytest.mark.slow
def test_wider_and_deeper_networks_have_smaller_losses(tmp_path):
    """Full trainings with three seeds of the smallest and the largest network."""
    points = grid("sin-cos", hidden=[(10,), (100,), (20,), (20, 20, 20, 20)], lr=[0.001], lr_decay=[1.0], seed=range(3))
    with Processes(2) as pool:
        results = sweep(points, pool)
    medians = [statistics.median(result["train_loss"] for result in results[n:n + 3]) for n in (0, 3, 6, 9)]
    assert medians[0] > medians[1] and medians[2] > medians[3] and medians[1] > medians[3]


@pytest.mark.parametrize("content", ["important\nmore", "one line of notes", '{"task": 1}\n{"task": "x'])
def test_a_file_that_is_not_from_a_sweep_is_not_changed(tmp_path, content):
    keep = tmp_path / "notes.txt"
    keep.write_text(content)
    with pytest.raises(InputError):
        sweep(POINTS[:1], None, keep)
    assert keep.read_text() == content


def test_invalid_grids():
    for values, message in (({"hiden": [1]}, "did you mean 'hidden'"), ({"lr": 0.1}, "lr must be a list of values"),
                            ({"seed": "1"}, "seed must be a list")):
        with pytest.raises(InputError, match=message):
            grid("alice-bob", **values)
