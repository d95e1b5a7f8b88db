"""What the adapters have in common: questions in lines of JSON, trainings out of steps, C sources as a library.

An adapter lets refnn.check ask somebody else's program what it can do. That program is not part of refnn; the adapter
takes the folder of its sources:

    python -m refnn.check --cmd "python tests/adapters/with_genann.py FOLDER" --network 8-5-3 ...
"""

import ctypes
import hashlib
import json
import os
import shlex
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

from refnn.conformance.operations import OPERATIONS
from refnn.conformance.vectors import decode, encode
from refnn.reference.prng import epoch_order


def serve(functions):
    """Answers questions with functions named as the operations; null where there is none or it returns None."""
    for line in sys.stdin:
        case = json.loads(line)
        function = functions.get(case["op"])
        answer = function(**decode(case["in"])) if function else None
        print(json.dumps({"id": case["id"], "out": encode(answer)}), flush=True)


def library(source):
    """A C file, compiled, as a library of ctypes."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "library.so")
        subprocess.run([*shlex.split(os.environ.get("CC", "cc")), "-O2", "-w", "-shared", "-fPIC", "-o", path,
                        str(source), "-lm"], check=True)
        return ctypes.CDLL(path)


def sizes_of(layers, activations, last, bias):
    """The sizes of a perceptron whose layers have these activations, or None if it is another network.

    activations, last: those of hidden layers and of the last; None for none
    """
    expected = []
    linear = [layer for layer in layers if layer["type"] == "linear"]
    for n, layer in enumerate(linear):
        name = last if n == len(linear) - 1 else activations
        expected += [layer] + ([{"type": name}] if name else [])
    if not linear or layers != expected or any(layer["bias"] != bias for layer in linear):
        return None
    return [linear[0]["inputs"], *(layer["outputs"] for layer in linear)]


def training(step, loss_of):
    """The operation `train` out of `step` and of loss_of(layers, parameters, x, y), a sum over all samples.

    The first parameters are drawn by refnn: these programs have other generators.
    """
    def train(layers, loss, x, y, epochs, batch_size, lr, lr_decay, lr_decay_every, shuffle, seed, reduction,
              parameters=None, init=None):
        if parameters is None:
            parameters = OPERATIONS["initial_parameters"].answer(layers=layers, init=init, seed=seed)["parameters"]
        if step(layers, loss, parameters, x[:batch_size], y[:batch_size], reduction, lr) is None:
            return None
        losses, digests = [], []
        for epoch in range(epochs + 1):
            order = epoch_order(int(seed, 16), epoch, len(x)) if shuffle and epoch else range(len(x))
            for start in range(0, len(x) if epoch else 0, batch_size):
                batch = order[start:start + batch_size]
                parameters = step(layers, loss, parameters, [x[n] for n in batch], [y[n] for n in batch], reduction,
                                  lr)["parameters"]
            if epoch and epoch % lr_decay_every == 0:
                lr *= lr_decay
            total = loss_of(layers, parameters, x, y)
            losses.append(total if loss == "sse" else total / len(x))
            digests.append(hashlib.sha256(struct.pack(f"<{len(parameters)}d", *parameters)).hexdigest())
        return {"losses": losses, "digests": digests, "parameters": parameters}
    return train
