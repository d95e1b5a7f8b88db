"""C against Python on random cases: python tests/differential.py [--seconds N | --cases N] [--seed N]

Case n of a seed is a run, a stack of layers, a stack with extreme numbers, or a shape, in turns; random_cases.py makes
them. Every instruction set and some numbers of threads must give the bits or the exception of the Python
implementation. A difference is printed with the arguments that make its case again.
"""

import argparse
import os
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent.parent)]

import random_cases
from bits import difference
from refnn import Network, RefnnError, check_samples, mlp
from refnn.core import lib, simd_names
from refnn.reference.prng import stream

THREADS = (1, 2, 3, 5) if lib.refnn_has_threads() else (1,)
EXTREME = [0.0, -0.0, 5e-324, -5e-324, 2.0**-1022, 1e-300, -1e-160, 1e-8, 1.0, -1.0, 745.0, -745.2, 1e8, -1e150,
           1e200, 1e308, -1.7976931348623157e308]


def outcome_of_run(impl, model, x, y, settings, threads=None):
    """All results of a run, including the exception."""
    network = Network(mlp(**model), impl, 7, threads)
    seen = {"initial": network.parameters}
    try:
        seen["forward"] = network.forward(x)
        seen["predict"] = network.predict(x)
        seen["gradients"] = network.gradients(x, y, settings["reduction"])
        seen["loss"] = network.loss(x, y, settings["reduction"])
        seen["evaluate"] = list(network.evaluate(x, y))
        seen["history"] = [epoch._replace(seconds=0.0)[:] for epoch in network.train(x, y, **settings)]
        if all(abs(g) < 1e300 for g in seen["gradients"]):
            network.update(seen["gradients"], 0.5)
    except Exception as error:
        seen["exception"] = [type(error).__name__, str(error)]
    seen["final"] = network.parameters
    return seen


def outcome_of_stack(network, samples, batch_size, lr):
    """All results of a network with samples."""
    seen = {"initial": network.parameters, "gradients": network.gradients(samples),
            "dx": network.input_gradients(samples),
            "batch loss": network.batch_loss(samples), "buffers first": network.buffers}
    try:
        seen["history"] = [epoch._replace(seconds=0.0)[:] for epoch in
                           network.train(samples, epochs=2, lr=lr, batch_size=batch_size, shuffle=True)]
    except RefnnError as error:
        seen["exception"] = str(error)
    return {**seen, "parameters": network.parameters, "buffers": network.buffers,
            "evaluate": list(network.evaluate(samples)),
            "predict": network.predict([samples.inputs[0]])}


def extreme(n):
    """Stack number n with extreme numbers among its inputs and its parameters: the stack, and the parameters."""
    random = stream(random_cases.SEED, 10**6 + n)
    model, samples, batch_size, lr = random_cases.stack(n)
    often = 2 + random.below(30)

    def number(usual):
        return EXTREME[random.below(len(EXTREME))] if random.below(often) == 0 else usual

    x = [[number(v) for v in row] for row in samples.inputs]
    parameters = [number(p) for p in Network(model, "python", n).parameters]
    y = list(samples.targets) if model.classes else [[number(v) for v in row] for row in samples.targets]
    return model, check_samples(model, x, y), batch_size, lr, parameters


def outcome(n, impl, threads=None):
    """The results of case n."""
    kind, n = n % 4, n // 4
    if kind == 0:
        return outcome_of_run(impl, *random_cases.run(n), threads)
    if kind == 1:
        model, *rest = random_cases.stack(n)
        return outcome_of_stack(Network(model, impl, n, threads), *rest)
    if kind == 2:
        model, *rest, parameters = extreme(n)
        network = Network(model, impl, n, threads)
        network.parameters = parameters
    else:
        model, *rest = random_cases.shape(len(random_cases.CHOSEN) + n)
        rest.append(0.1)
        network = Network(model, impl, n, threads)
    try:
        return outcome_of_stack(network, *rest)
    except RefnnError as error:
        return {"exception": f"{type(error).__name__}: {error}"}


def differences(n):
    """-> (number of runs of C, whether the case ends in an exception, the differences as text)

    Each instruction set runs with one thread and with one other number of threads, which changes from case to case.
    """
    expected = outcome(n, "python")
    found = []
    runs = [(simd, threads) for k, simd in enumerate(simd_names()) for threads in {1, THREADS[(n + k) % len(THREADS)]}]
    for simd, threads in runs:
        os.environ["REFNN_SIMD"] = simd
        place = difference(outcome(n, "c", threads), expected)
        if place:
            found.append(f"--seed {random_cases.SEED} --first {n} --cases 1: {simd}, {threads} threads: {place}")
    del os.environ["REFNN_SIMD"]
    return len(runs), "exception" in expected, found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--cases", type=int, help="as many as these, however long they take")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    given = parser.parse_args()
    random_cases.SEED = given.seed
    cases = runs = exceptions = different = 0
    end = time.monotonic() + given.seconds
    while cases < given.cases if given.cases else not cases or time.monotonic() < end:
        done, ended, found = differences(given.first + cases)
        print(*found, sep="\n", end="\n" if found else "", flush=True)
        cases, runs, exceptions, different = cases + 1, runs + done, exceptions + ended, different + len(found)
    print(f"{cases:,} cases ({exceptions:,} end in an exception), {runs:,} runs of C, {different} different")
    return int(different > 0)


if __name__ == "__main__":
    sys.exit(main())
