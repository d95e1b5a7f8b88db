"""The benchmark's contestants do the same work, and its record has every row. Their speed is not tested."""

import json

import pytest
from refnn import InputError, Network, RefnnError, bench, calls, compiled, contestants


@pytest.fixture
def works():
    made = {work.name: work for work in bench.works()}
    made["mnist, batch 10"].samples = made["mnist, batch 10"].samples.first(40)
    made["sin-cos, batch 10"].samples = made["sin-cos, batch 10"].samples.first(100)
    made["mnist-cnn, batch 100"].samples = made["mnist-cnn, batch 100"].samples.first(20)
    made["mnist-cnn, batch 100"].batch_size = 10
    return made


@pytest.fixture
def short(monkeypatch):
    """Turns of one call."""
    monkeypatch.setattr(bench, "SLICE", 0.0)
    monkeypatch.setattr(bench, "QUICK_SLICE", 0.0)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mnist-cnn, batch 100", "alice-bob, batch 1, with its loss", "mnist, batch 10",
                                  "sin-cos, batch 10"])
def test_contestants_reach_the_same_loss(works, name, short):
    times = bench.measure(works[name], threads=1, rounds=1)
    assert {"refnn C", "refnn Python", "NumPy"} - ({"NumPy"} if "cnn" in name else set()) <= set(times)
    assert all(0.0 < best <= median for best, median in times.values())


def test_a_contestant_with_other_results_is_rejected(works, monkeypatch):
    class Other(contestants.NumpyNetwork):
        def loss(self, x, y):
            return super().loss(x, y) * (1.0 + 1e-5)

    monkeypatch.setitem(contestants.PEERS, "NumPy", Other)
    with pytest.raises(RefnnError, match="NumPy does other work: alice-bob"):
        bench.measure(works["alice-bob, batch 1, with its loss"], threads=1, rounds=1)


@pytest.mark.parametrize("name", ["mnist-cnn, batch 100", "mnist, batch 10", "sin-cos, batch 10",
                                  "dense inputs, batch 128"])
def test_peers_predict_the_same(works, name):
    work = works[name]
    work.samples = work.samples.first(10)
    expected = Network(work.model, "c", 0).predict(list(work.samples.inputs))
    for peer_name, peer in contestants.peers(work, 1):
        x, _ = peer.convert(*contestants.arrays(work))
        tolerance = 1e-3 if peer_name in contestants.SINGLE else 1e-9
        for row, right in zip(peer.predict(x), expected, strict=True):
            assert row == pytest.approx(right, rel=tolerance, abs=tolerance), peer_name


def test_an_epoch_of_a_peer_is_that_of_refnn():
    """Both convert the same arrays, evaluate and train: the networks then answer the same."""
    work = calls.dense_work()
    work.samples, work.batch_size, work.lr = work.samples.first(64), 32, 0.1
    network = Network(work.model, "c", 0)
    network.train(work.samples.inputs.values, work.samples.targets, epochs=1, lr=work.lr, batch_size=32)
    before = Network(work.model, "c", 0).loss(work.samples)
    for name, peer in contestants.peers(work, 1):
        calls.epoch_of(peer, work, evaluations=True)()
        loss = peer.loss(*peer.convert(*contestants.arrays(work)))
        tolerance = 1e-3 if name in contestants.SINGLE else 1e-9
        assert loss == pytest.approx(network.loss(work.samples), rel=tolerance) != pytest.approx(before, rel=1e-4)


# What the benchmark needs of genann, for one hidden layer: an independent implementation of its interface.
GENANN_H = """
typedef struct genann genann;
typedef double (*genann_actfun)(const genann *ann, double a);
struct genann { int inputs, hidden_layers, hidden, outputs; genann_actfun activation_hidden, activation_output;
                double *weight, output[99]; };
genann *genann_init(int inputs, int hidden_layers, int hidden, int outputs);
const double *genann_run(const genann *ann, const double *x);
void genann_train(const genann *ann, const double *x, const double *y, double lr);
double genann_act_sigmoid(const genann *ann, double a);
"""
GENANN_C = """
#include <math.h>
#include <stdlib.h>
#include "genann.h"
double genann_act_sigmoid(const genann *ann, double a) { return 1.0 / (1.0 + exp(-a)); }
genann *genann_init(int inputs, int hidden_layers, int hidden, int outputs) {
    genann *ann = calloc(1, sizeof *ann);
    *ann = (genann){inputs, hidden_layers, hidden, outputs};
    ann->weight = calloc((inputs + 1) * hidden + (hidden + 1) * outputs, sizeof(double));
    return ann;
}
static double *layer(const genann *ann, int count, const double *w, int width, const double *x, double *o) {
    for (int j = 0; j < count; j++, w += width + 1) {
        o[j] = -w[0];
        for (int i = 0; i < width; i++) o[j] += w[1 + i] * x[i];
        o[j] = genann_act_sigmoid(ann, o[j]);
    }
    return o;
}
const double *genann_run(const genann *ann, const double *x) {
    double *h = layer(ann, ann->hidden, ann->weight, ann->inputs, x, (double *)ann->output);
    return layer(ann, ann->outputs, ann->weight + (ann->inputs + 1) * ann->hidden, ann->hidden, h, h + ann->hidden);
}
void genann_train(const genann *ann, const double *x, const double *y, double lr) {
    const double *o = genann_run(ann, x), *h = ann->output;
    double d[99] = {0}, *v = ann->weight + (ann->inputs + 1) * ann->hidden, *w = ann->weight;
    for (int j = 0; j < ann->outputs; j++, v += ann->hidden + 1) {
        double e = (y[j] - o[j]) * o[j] * (1.0 - o[j]);
        v[0] -= lr * e;
        for (int i = 0; i < ann->hidden; i++) d[i] += e * v[1 + i], v[1 + i] += lr * e * h[i];
    }
    for (int j = 0; j < ann->hidden; j++, w += ann->inputs + 1) {
        double e = d[j] * h[j] * (1.0 - h[j]);
        w[0] -= lr * e;
        for (int i = 0; i < ann->inputs; i++) w[1 + i] += lr * e * x[i];
    }
}
"""


def test_a_library_in_c_takes_part(works, short, tmp_path, monkeypatch):
    work = works["alice-bob, batch 1, with its loss"]
    compiled.library.cache_clear()
    monkeypatch.setenv("REFNN_GENANN", str(tmp_path))
    with pytest.raises(InputError, match="REFNN_GENANN: genann cannot be compiled: .*genann.h"):
        bench.measure(work, threads=1, rounds=1)
    (tmp_path / "genann.h").write_text(GENANN_H)
    (tmp_path / "genann.c").write_text(GENANN_C)
    assert "genann" in bench.measure(work, threads=1, rounds=1)  # which refuses another loss
    assert not contestants.can_do("genann", works["sin-cos, batch 10"])
    compiled.library.cache_clear()


def test_flops(works):
    """2-2-1, batch 1: 6 terms forward, 6 for the weights' gradient, 2 for the hidden layer's gradient, 9 updates."""
    assert works["alice-bob, batch 1, with its loss"].flops() == 2.0 * (6 + 6 + 2 + 9)


@pytest.mark.slow
def test_the_record_has_every_row(short, tmp_path, monkeypatch):
    monkeypatch.setattr(calls, "MANY", 20)
    path = tmp_path / "bench.json"
    assert bench.main(["--quick", "--rounds", "1", "--json", str(path), "--plot", str(tmp_path / "plots")]) == 0
    assert (tmp_path / "plots" / "speed.png").read_bytes().startswith(b"\x89PNG")
    record = json.loads(path.read_text())
    assert [work["name"] for work in record["works"]] == [work.name for work in bench.works()]
    names = [call["name"] for call in record["calls"]]
    assert {"data in, lists", "train, one epoch, batch 32", "predict, 1 row", "predict, 20 rows", "save",
            "load"} <= set(names) and len(set(names)) == len(names)
    for row in [*record["works"], *record["calls"]]:
        assert row["microseconds"]["refnn C"]["best"] > 0.0
    for call in record["calls"]:
        assert (call["bound"] > 0.0) == (call["share"] > 0.0) == (call["name"] != "data in, bytes")


def test_a_process_starts_in_every_way(tmp_path):
    last = list(calls.calls(1, str(tmp_path)))[-1]
    assert last.name == "start of a process" and {"refnn C", "refnn Python", "Python alone"} <= set(last.runs)
    for name in ("refnn C", "refnn Python", "Python alone"):
        last.runs[name]()


def test_the_bound_is_the_longer_of_operations_and_bytes(short):
    said = []
    call = calls.Call("c", {}, "row", 2, flops=8e3, bytes=0.0)
    record = bench.report_call(call, {"refnn C": bench.Time(4.0, 5.0)}, 2.0, 1, said.append)
    assert (record["bound"], record["share"]) == (2.0, 0.5)  # 8,000 at 2 GFLOP/s are 4 microseconds, 2 a row
    assert said == ["\nc, per row", "  refnn C                 4.000 (5.000)  50 % of the bound by operations, 2.000"]
    call.bytes = 1e9
    assert bench.report_call(call, {"refnn C": bench.Time(4.0, 5.0)}, 2.0, 1, said.append)["bound"] > 2.0
    assert "bytes" in said[-1]


def test_errors_are_one_line(capsys):
    assert bench.main(["--rounds", "0"]) == 2
    assert capsys.readouterr().err == "refnn.bench: --rounds must be a whole number from 1 to 2147483647, not 0\n"
