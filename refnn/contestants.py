"""The contestants of the benchmark: refnn and other libraries, each training the same network.

NumPy, PyTorch and scikit-learn are imported when they are used: pip install 'refnn[peers]'. For C libraries see
compiled.py.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from .compiled import library
from .layers import BatchNorm2d, Conv2d, CustomLayer, Layer, Linear
from .model import Model
from .network import Network
from .samples import Samples


@dataclass
class Work:
    """One network trained on some samples in batches, repeatedly."""

    name: str
    model: Model
    samples: Samples
    batch_size: int
    lr: float
    reduction: str
    epochs: int = 0  # if not 0: whole epochs in one call, including the loss after each

    def flops(self) -> float:
        """The number of multiplications and additions for one sample, including those with zeros."""
        terms = [count for count in self.model.terms if count]
        return 2.0 * (2 * sum(terms) + sum(terms[1:]) + self.model.parameter_count / self.batch_size)


# A contestant of training: run(samples), which trains on that number of samples, starting over at the end; and loss(),
# the loss over all samples now.
Contestant = tuple[Callable[[int], None], Callable[[], float]]


def of_network(network: Network, work: Work) -> Contestant:
    x, y = work.samples.inputs, work.samples.targets
    count = len(work.samples)
    implementation = network._implementation
    whole_epochs = work.epochs and implementation.epochs_per_call(count) > 1

    def run(samples: int) -> None:
        if whole_epochs:
            rates = [work.lr] * (samples // count)
            implementation.train_epochs(x, y, 0, 1, rates, work.batch_size, False, work.reduction)
            return
        while samples > 0:
            stop = min(samples, count - count % work.batch_size)
            implementation.train(x, y, None, 0, stop, work.batch_size, work.lr, work.reduction)
            samples -= stop

    return run, lambda: network.loss(work.samples)


class Peer(Protocol):
    """A network of another library, with the parameters of a Network with seed 0. Raises ImportError."""

    def __init__(self, work: Work, threads: int) -> None: ...

    def convert(self, x: Any, y: Any) -> tuple[Any, Any]:
        """NumPy's x of doubles and y of classes or doubles -> the arrays that the other methods take."""

    def step(self, x: Any, y: Any) -> object:
        """Learns from one batch."""

    def loss(self, x: Any, y: Any) -> float:
        """The mean of the losses of all samples."""

    def predict(self, x: Any) -> list[list[float]]:
        """As Network.predict."""


class NumpyNetwork:
    """A multilayer perceptron in NumPy: linear layers, each with an activation."""

    def __init__(self, work: Work, threads: int) -> None:
        import numpy
        self.np, self.work = numpy, work
        self.layers: list[list[Any]] = []  # [w] or [w, b]
        self.activations: list[str] = []
        parameters = iter(matrices(work))
        for layer in work.model.layers:
            if isinstance(layer, Linear):
                self.layers.append([next(parameters).copy() for _ in range(1 + layer.bias)])
            elif isinstance(layer, Layer):
                self.activations.append(layer.name)

    def forward(self, x: Any) -> list[Any]:
        outputs = [x]
        for (w, *b), name in zip(self.layers, self.activations):
            z = outputs[-1] @ w
            if b:
                z += b[0]
            if name == "sigmoid":
                z = 1.0 / (1.0 + self.np.exp(-z))
            elif name == "relu":
                z = self.np.maximum(z, 0.0)
            outputs.append(z)
        return outputs

    def convert(self, x: Any, y: Any) -> tuple[Any, Any]:
        return x, y

    def predict(self, x: Any) -> Any:
        o = self.forward(x)[-1]
        if self.work.model.classes:
            e = self.np.exp(o - o.max(axis=1, keepdims=True))
            o = e / e.sum(axis=1, keepdims=True)
        return o.tolist()

    def loss(self, x: Any, y: Any) -> float:
        return float(self.losses(self.forward(x)[-1], y).mean())

    def losses(self, o: Any, y: Any) -> Any:
        if self.work.model.classes:
            m = o.max(axis=1, keepdims=True)
            return (m + self.np.log(self.np.exp(o - m).sum(axis=1, keepdims=True)) - o)[self.np.arange(len(o)), y]
        return ((o - y) ** 2).mean(axis=1)

    def loss_gradient(self, o: Any, y: Any) -> Any:
        if self.work.model.classes:
            e = self.np.exp(o - o.max(axis=1, keepdims=True))
            d = e / e.sum(axis=1, keepdims=True)
            d[self.np.arange(len(o)), y] -= 1.0
        else:
            d = 2.0 * (o - y) / o.shape[1]
        return d / len(o) if self.work.reduction == "mean" else d

    def step(self, x: Any, y: Any) -> None:
        outputs = self.forward(x)
        d = self.loss_gradient(outputs[-1], y)
        updates = []
        for k in range(len(self.layers) - 1, -1, -1):
            a, (w, *b) = outputs[k + 1], self.layers[k]
            if self.activations[k] != "identity":
                d = d * (a * (1.0 - a)) if self.activations[k] == "sigmoid" else d * (a > 0.0)
            updates.append((w, outputs[k].T @ d))
            if b:
                updates.append((b[0], d.sum(axis=0)))
            if k:
                d = d @ w.T
        for p, gradient in updates:
            p -= self.work.lr * gradient


class TorchNetwork:
    """The same layers in PyTorch, in double precision."""

    precision = "float64"

    def __init__(self, work: Work, threads: int) -> None:
        import torch
        torch.set_num_threads(threads)
        self.torch, self.work, self.kind = torch, work, getattr(torch, self.precision)
        layers = [layer for layer in work.model.layers if isinstance(layer, Layer) and layer.name != "identity"]
        self.network = torch.nn.Sequential(*[torch_layer(layer, torch.nn) for layer in layers]).to(self.kind)
        with torch.no_grad():
            for p, value in zip(self.network.parameters(), matrices(work)):
                p.copy_(torch.from_numpy(value.T if value.ndim == 2 else value))
        loss = {"mse": torch.nn.MSELoss, "cross_entropy": torch.nn.CrossEntropyLoss}[work.model.loss]
        self.of_batch, self.of_all = loss(reduction=work.reduction), loss()
        self.optimizer = torch.optim.SGD(self.network.parameters(), lr=work.lr)

    def convert(self, x: Any, y: Any) -> tuple[Any, Any]:
        x = self.torch.from_numpy(x.reshape(-1, *self.work.model.shapes[0])).to(self.kind)
        y = self.torch.from_numpy(y)
        return x, y if self.work.model.classes else y.to(self.kind)

    def step(self, x: Any, y: Any) -> None:
        self.optimizer.zero_grad()
        self.of_batch(self.network(x), y).backward()
        self.optimizer.step()

    def outputs(self, x: Any) -> Any:
        with self.torch.no_grad():
            o = self.network.eval()(x)
        self.network.train()
        return o

    def loss(self, x: Any, y: Any) -> float:
        return float(self.of_all(self.outputs(x), y))

    def predict(self, x: Any) -> Any:
        o = self.outputs(x)
        return (self.torch.softmax(o, 1) if self.work.model.classes else o).tolist()


class SingleTorchNetwork(TorchNetwork):
    """In single precision."""

    precision = "float32"


def torch_layer(layer: Layer, nn: Any) -> Any:
    """PyTorch's layer of the same name."""
    kind = getattr(nn, type(layer).__name__)
    if isinstance(layer, Conv2d):
        return kind(layer.in_channels, layer.out_channels, layer.kernel_size, layer.stride, layer.padding,
                    bias=layer.bias)
    return kind(*vars(layer).values())


class ScikitNetwork:
    """scikit-learn's. Its loss is half of mse, and its biases cannot be left out: it can do sin-cos, with another rate.
    """

    def __init__(self, work: Work, threads: int) -> None:
        from sklearn.neural_network import MLPRegressor
        x, y = self.convert(*arrays(work))
        values = matrices(work)
        factor = 2.0 * (work.batch_size if work.reduction == "sum" else 1.0)
        hidden = [layer.outputs for layer in work.model.layers if isinstance(layer, Linear)][:-1]
        network = MLPRegressor(hidden_layer_sizes=hidden, solver="sgd", alpha=0.0, learning_rate_init=work.lr * factor,
                               momentum=0.0, nesterovs_momentum=False, batch_size=work.batch_size, shuffle=False)
        network.partial_fit(x[:work.batch_size], y[:work.batch_size])  # creates what the next lines replace
        network.coefs_ = [w.copy() for w in values[0::2]]
        network.intercepts_ = [b.copy() for b in values[1::2]]
        network._optimizer.params = network.coefs_ + network.intercepts_
        self.network = network

    def convert(self, x: Any, y: Any) -> tuple[Any, Any]:
        return x, y[:, 0]

    def step(self, x: Any, y: Any) -> None:
        self.network.partial_fit(x, y)

    def loss(self, x: Any, y: Any) -> float:
        return float(((self.network.predict(x) - y) ** 2).mean())

    def predict(self, x: Any) -> Any:
        return self.network.predict(x)[:, None].tolist()


class CompiledNetwork(NumpyNetwork):
    """A multilayer perceptron of a C library. Steps and answers are the library's, losses are NumPy's."""

    name, dtype = "KANN", "float32"
    number: Any = ctypes.c_float

    def __init__(self, work: Work, threads: int) -> None:
        import numpy
        self.np, self.work, self.library = numpy, work, library(self.name)
        model, linear = work.model, linear_layers(work.model)
        self.sizes = [model.inputs, *(layer.outputs for layer in linear)]
        self.factor = work.batch_size if work.reduction == "sum" else 1.0
        self.network = ctypes.c_void_p(self.library.make(
            len(linear), (ctypes.c_int * len(self.sizes))(*self.sizes), activations(model).encode(), linear[0].bias,
            model.classes, (ctypes.c_double * model.parameter_count)(*Network(model, "c", 0).parameters)))

    def convert(self, x: Any, y: Any) -> tuple[Any, Any]:
        y = self.np.eye(self.sizes[-1])[y] if self.work.model.classes else y
        return self.np.ascontiguousarray(x, self.dtype), self.np.ascontiguousarray(y, self.dtype)

    def step(self, x: Any, y: Any) -> None:
        self.run(x, y, len(x))

    def run(self, x: Any, y: Any, samples: int) -> None:
        """Steps in batches, in one call."""
        self.library.run(self.network, ctypes.c_long(samples), ctypes.c_long(len(x)), self.work.batch_size,
                         self.sizes[0], self.sizes[-1], ctypes.c_void_p(x.ctypes.data), ctypes.c_void_p(y.ctypes.data),
                         self.number(self.work.lr * self.factor))

    def forward(self, x: Any) -> list[Any]:
        o = self.np.empty((len(x), self.sizes[-1]), self.dtype)
        self.library.answer(self.network, len(x), ctypes.c_void_p(x.ctypes.data), ctypes.c_void_p(o.ctypes.data))
        return [o.astype(float)]

    def loss(self, x: Any, y: Any) -> float:
        return super().loss(x, y.argmax(axis=1) if self.work.model.classes else y)


class GenannNetwork(CompiledNetwork):
    """genann's. It learns from one sample at a time, from half of the sum of squared errors."""

    name, dtype = "genann", "float64"
    number = ctypes.c_double

    def __init__(self, work: Work, threads: int) -> None:
        super().__init__(work, threads)
        self.factor = 2.0 / self.sizes[-1]


def linear_layers(model: Model) -> list[Linear]:
    return [layer for layer in model.layers if isinstance(layer, Linear)]


def activations(model: Model) -> str:
    """The first letters of the activations' names."""
    return "".join(layer.name[0] for layer in model.layers if isinstance(layer, Layer) and layer.name != "linear")


PEERS: dict[str, type[Peer]] = {"NumPy": NumpyNetwork, "PyTorch float64": TorchNetwork,
                                "PyTorch float32": SingleTorchNetwork, "scikit-learn": ScikitNetwork,
                                "KANN": CompiledNetwork, "genann": GenannNetwork}
SINGLE = ("PyTorch float32", "KANN")


def can_do(name: str, work: Work) -> bool:
    """Whether a peer can do the work."""
    last = work.model.layers[-1]
    if name == "scikit-learn":
        return work.model.loss == "mse" and isinstance(last, Layer) and last.name == "identity"
    if name == "genann":
        hidden = {layer.outputs for layer in linear_layers(work.model)[:-1]}
        return (work.model.loss == "mse" and work.batch_size == 1 and set(activations(work.model)) == {"s"}
                and len(hidden) < 2 and all(layer.bias for layer in linear_layers(work.model)))
    return name not in ("NumPy", "KANN") or not work.model.input_shape  # multilayer perceptrons only


def peers(work: Work, threads: int) -> Iterator[tuple[str, Peer]]:
    """The peers that are installed and can do the work."""
    for name, kind in PEERS.items():
        try:
            if can_do(name, work):
                yield name, kind(work, threads)
        except ImportError:
            continue


def contestants(work: Work, threads: int, python: bool = True) -> dict[str, Contestant]:
    """All that are installed and can do the work. python: whether the plain Python takes part"""
    found = {"refnn C": of_network(Network(work.model, "c", 0, threads), work)}
    if python:
        found["refnn Python"] = of_network(Network(work.model, "python", 0), work)
    for name, peer in peers(work, threads):
        found[name] = of_peer(peer, work)
    return found


def of_peer(peer: Peer, work: Work) -> Contestant:
    x, y = peer.convert(*arrays(work))
    whole = max(len(x) - len(x) % work.batch_size, work.batch_size)
    if isinstance(peer, CompiledNetwork):
        return partial(peer.run, x[:whole], y[:whole]), lambda: peer.loss(x, y)

    def run(samples: int) -> None:
        for start in range(0, samples, work.batch_size):
            first = start % whole
            peer.step(x[first:first + work.batch_size], y[first:first + work.batch_size])

    return run, lambda: peer.loss(x, y)


def arrays(work: Work) -> tuple[Any, Any]:
    """The samples as NumPy arrays: x of doubles, y of classes or doubles."""
    import numpy as np
    inputs, targets = work.samples.inputs, work.samples.targets
    x = np.asarray(inputs.values).reshape(-1, inputs.width)
    y = np.array(list(targets), np.int64 if work.model.classes else float)
    return x / 255.0 if inputs.values.format == "B" else x, y


def matrices(work: Work) -> list[Any]:
    """The initial parameters as NumPy arrays: w and, if there is one, b of each layer."""
    import numpy as np
    flat = np.array(Network(work.model, "c", 0).parameters)
    parts = []
    for layer in work.model.layers:
        for shape in shapes(layer):
            count = int(np.prod(shape))
            parts.append(flat[:count].reshape(shape))
            flat = flat[count:]
    return parts


def shapes(layer: Layer | CustomLayer) -> Sequence[tuple[int, ...]]:
    """The shape of each of a layer's parameters."""
    if isinstance(layer, Linear):
        return [(layer.inputs, layer.outputs), (layer.outputs,)][:1 + layer.bias]
    if isinstance(layer, Conv2d):
        return [(layer.out_channels, layer.in_channels, *layer.kernel_size), (layer.out_channels,)][:1 + layer.bias]
    return [(layer.num_features,)] * 2 if isinstance(layer, BatchNorm2d) else []
