"""The C core behind the interface Implementation: buffers in, status codes to exceptions."""

from __future__ import annotations

import os
from array import array
from collections.abc import Sequence
from math import prod
from time import perf_counter
from typing import Any

from ..buffers import array_of, first_not_finite
from ..core import aligned, constant, doubles, ffi, integers, lib, pointer, room, simd, simd_names
from ..errors import InputError
from ..layers import CustomLayer, Layer, Matrix, Shape, is_custom
from ..model import Model
from ..samples import Rows, Targets

SHORTEST = 1e-9  # seconds; a coarse clock may show none
ROWS = 128  # samples that go through the layers together,
WORKSPACE = 2**23  # or fewer: as many as need no more doubles of workspace than this
LARGEST_WORKSPACE = 2**29  # doubles, 4 GB, for batches that must be taken whole
THREAD_WORK = 3_000_000  # multiply-adds of a pass over one batch from which threads may pay
TRIALS = 3  # calls with each number of threads before the faster is kept
EPOCH_WORK = 500  # fixed cost of one sample, expressed in multiply-adds
CALL_WORK = 300_000_000  # multiply-adds of one call, about 10 ms, or of a single pass: Ctrl-C is heard between calls


class CImplementation:
    """A network of `model`'s layers, with parameters drawn from `seed`. For the methods see Implementation.

    instruction_set: its name; None: that of simd()
    """

    concurrent = True

    def __init__(self, model: Model, seed: int | None, threads: int | None = None,
                 instruction_set: str | None = None) -> None:
        self.model = model
        layers = ffi.new("refnn_layer[]", list(map(layer_struct, model.layers, model.shapes, model.shapes[1:])))
        self._keep = layers  # the structs hold only addresses
        self._fields = {"layers": layers, "layer_count": len(model.layers), "loss": constant(model.loss),
                        "init": constant(model.init), "threads": 1,
                        "simd": simd() if instruction_set is None else simd_names()[instruction_set]}
        self._model = ffi.new("refnn_model *", self._fields)
        self._threads = Threads(threads)
        self._model.threads = self._threads.most
        self._work = sum(model.terms) + sum(model.widths)  # multiply-adds of a sample's way forward, roughly
        self._whole_batches = bool(lib.refnn_needs_whole_batches(self._model))
        self._parameters = doubles(lib.refnn_parameter_count(self._model))
        self._gradients = doubles(len(self._parameters))
        self._buffers = doubles(lib.refnn_buffer_count(self._model))
        self._rows = ROWS
        while self._rows > 1 and lib.refnn_workspace_size(self._model, self._rows) > WORKSPACE:
            self._rows //= 2
        self._workspaces: list[Workspace] = []  # those that no call uses now
        self._size(self._rows)
        if seed is not None:
            check(lib.refnn_initialise(self._model, seed, pointer(self._parameters), pointer(self._buffers)))

    def _workspace(self, x: Rows, y: Targets | None, order: Sequence[int] | None, batch_size: int) -> Workspace:
        """A workspace of one call's own, with these samples: for _rows at once, or a batch that must be whole."""
        rows = max(self._rows, min(batch_size, len(x))) if self._whole_batches else self._rows
        try:
            workspace = self._workspaces.pop()
        except IndexError:
            workspace = Workspace(self)
        if workspace.rows != rows:
            workspace.make_room(rows, self._size(rows))
        workspace.take(x, y, order)
        return workspace

    def _size(self, rows: int) -> int:
        """The doubles of a workspace for that many samples at once. Raises InputError if they are too many."""
        size = int(lib.refnn_workspace_size(self._model, rows))
        if size > LARGEST_WORKSPACE:
            why = "; BatchNorm2d and REFNN_SIMD=plain need the whole batch" if self._whole_batches else ""
            raise InputError(f"to take {rows} samples through this network at once the C core needs "
                             f"{size / 2**27:.1f} GB of memory, and takes {LARGEST_WORKSPACE // 2**27} at most{why}")
        return size

    @staticmethod
    def epoch_order(seed: int, epoch: int, n: int) -> Sequence[int]:
        order = array("i", bytes(4 * n))
        lib.refnn_epoch_order(seed, epoch, n, integers(order))
        return order

    def train(self, x: Rows, y: Targets, order: Sequence[int] | None, start: int, stop: int, batch_size: int, lr: float,
              reduction: str) -> bool:
        how = ffi.new("refnn_training *", {"batch_size": batch_size, "lr": lr, "reduction": constant(reduction)})
        finite = ffi.new("int32_t *", 1)
        self._run(lib.refnn_network_train, 3, x, y, how, finite, order=order, batch_size=batch_size, start=start,
                  stop=stop)
        return bool(finite[0])

    def train_epochs(self, x: Rows, y: Targets, seed: int, first_epoch: int, lrs: Sequence[float], batch_size: int,
                     shuffle: bool, reduction: str) -> tuple[bool, list[float], list[int]]:
        order = array("i", bytes(4 * len(x))) if shuffle else None
        rates = ffi.new("double[]", lrs)
        losses = room(len(rates))
        correct = ffi.new("int64_t[]", len(rates))
        finite = ffi.new("int32_t *")
        how = ffi.new("refnn_training *", {"batch_size": batch_size, "reduction": constant(reduction)})
        epochs = ffi.new("refnn_epochs *", {
            "count": len(rates), "first": first_epoch, "lr": rates, "seed": seed,
            "order": integers(order) if order else ffi.NULL, "losses": losses, "correct": correct})
        with self._workspace(x, y, None, batch_size) as w:
            w.model.threads = self._threads.given or 1  # these are small
            check(lib.refnn_network_train_epochs(w.network, w.samples, epochs, how, finite))
        return bool(finite[0]), ffi.unpack(losses, len(rates)), ffi.unpack(correct, len(rates))

    def epochs_per_call(self, samples: int) -> int:
        """The number of epochs, each with its evaluation, that one call should take."""
        return max(1, CALL_WORK // (4 * samples * (self._work + EPOCH_WORK)))

    def evaluate(self, x: Rows, y: Targets, reduction: str) -> tuple[float, int]:
        total = ffi.new("double *")
        correct = ffi.new("int64_t *")
        self._run(lib.refnn_network_evaluate, 1, x, y, total, correct)
        return total[0] / len(x) if reduction == "mean" else total[0], correct[0]

    def outputs(self, x: Rows) -> Matrix:
        return self._outputs(x, answers=False)

    def predict(self, x: Rows) -> Matrix:
        return self._outputs(x, answers=True)

    def _outputs(self, x: Rows, answers: bool) -> Matrix:
        count, width = len(x), self.model.outputs
        o = room(count * width)
        self._run(lib.refnn_network_outputs, 1, x, None, o)
        if answers and self.model.classes:
            check(lib.refnn_predict(self._model, count, o))
        return rows_of(o, count, width)

    def gradients(self, x: Rows, y: Targets, reduction: str) -> array[float]:
        gradients = doubles(len(self._parameters))
        self._batch(x, y, reduction, pointer(gradients))
        return array_of(gradients)

    def input_gradients(self, x: Rows, y: Targets, reduction: str) -> Matrix:
        dx = room(len(x) * self.model.inputs)
        self._batch(x, y, reduction, dx=dx)
        return rows_of(dx, len(x), self.model.inputs)

    def batch_loss(self, x: Rows, y: Targets, reduction: str) -> float:
        total = self._batch(x, y, reduction)
        return total / len(x) if reduction == "mean" else total

    def _batch(self, x: Rows, y: Targets, reduction: str, gradients: Any = ffi.NULL, dx: Any = ffi.NULL) -> float:
        """Fills gradients and dx, those that are given; -> the sum of the losses."""
        total = ffi.new("double *")
        self._run(lib.refnn_network_gradients, 3, x, y, constant(reduction), total, gradients, dx, batch_size=len(x))
        return float(total[0])

    def _run(self, function: Any, passes: int, x: Rows, y: Targets | None, *arguments: Any,
             order: Sequence[int] | None = None, batch_size: int = 0, start: int = 0, stop: int | None = None) -> None:
        """Calls a function of csrc/network.c for samples start ... stop - 1, in slices short enough for Ctrl-C.

        passes: the work of a sample, in passes forward; batch_size: 0 if each sample is computed by itself
        """
        stop = len(x) if stop is None else stop
        together = min(batch_size or self._rows, self._rows)
        step = max(1, CALL_WORK // (passes * self._work))
        unit = batch_size if batch_size and (batch_size <= step or self._whole_batches) else together
        step = max(step - step % unit, unit)  # whole batches, or whole passes through the layers
        kind, work = (passes, together), together * self._work
        with self._workspace(x, y, order, batch_size) as w:
            for first in range(start, stop, step):
                last = min(first + step, stop)
                w.model.threads, speeds = self._threads.number(kind, work)
                begin = perf_counter()
                check(function(w.network, w.samples, first, last, *arguments))
                if speeds is not None:
                    speeds.append((last - first) / max(perf_counter() - begin, SHORTEST))
                if x.watch:
                    x.watch(last - first)

    def apply_gradients(self, flat: array[float], lr: float) -> None:
        lib.refnn_linear_update(len(flat), pointer(self._parameters), pointer(flat), lr)

    @property
    def parameters(self) -> memoryview[float]:
        return self._parameters

    @property
    def buffers(self) -> memoryview[float]:
        return self._buffers

    def get_parameters(self) -> array[float]:
        return array_of(self._parameters)

    def set_parameters(self, flat: array[float]) -> None:
        self._parameters[:] = flat

    def get_buffers(self) -> array[float]:
        return array_of(self._buffers)

    def set_buffers(self, flat: array[float]) -> None:
        self._buffers[:] = flat

    def finite(self) -> bool:
        flat, buffers = self._parameters, self._buffers
        return first_not_finite(flat) is None and (not buffers or first_not_finite(buffers) is None)


class Workspace:
    """What a call has for itself, so that calls of several threads do not meet: a model, whose number of threads it
    sets, a network, samples, and memory. At the end of the call it goes back to the others."""

    def __init__(self, network: CImplementation) -> None:
        self.others = network._workspaces
        self.model = ffi.new("refnn_model *", network._fields)
        self.network = ffi.new("refnn_network *", {
            "model": self.model, "parameters": pointer(network._parameters), "buffers": pointer(network._buffers),
            "gradients": pointer(network._gradients)})
        self.samples = ffi.new("refnn_samples *")
        self.targets = self.samples.y
        self.memory = doubles(0)
        self.rows = 0
        self.used: tuple[Any, ...] = ()  # buffers whose addresses are in `samples`

    def make_room(self, rows: int, size: int) -> None:
        """Memory for that many samples at once: `size` doubles."""
        if size > len(self.memory):
            self.memory = doubles(size)
            self.network.workspace = pointer(self.memory)
        self.network.rows = self.rows = rows

    def take(self, x: Rows, y: Targets | None, order: Sequence[int] | None) -> None:
        """Sets the samples: their buffers are used in place."""
        samples, targets = self.samples, self.targets
        pixels = x.values.format == "B"
        values = ffi.from_buffer("uint8_t[]" if pixels else "double[]", x.values)
        samples.count = len(x)
        samples.pixels, samples.inputs = (values, ffi.NULL) if pixels else (ffi.NULL, values)
        classes = ffi.from_buffer("int32_t[]", y) if isinstance(y, array) else ffi.NULL
        rows = ffi.from_buffer("double[]", y.values) if isinstance(y, Rows) else ffi.NULL
        chosen = ffi.NULL if order is None else ffi.from_buffer("int32_t[]", order)
        targets.rows, targets.classes, samples.order = rows, classes, chosen
        if not lib.refnn_are_aligned(samples):
            if not pixels:
                samples.inputs = values = aligned(x.values)
            if isinstance(y, Rows):
                targets.rows = rows = aligned(y.values)
        self.used = values, rows, classes, chosen

    def __enter__(self) -> Workspace:
        return self

    def __exit__(self, *_: object) -> None:
        self.used = ()
        self.others.append(self)


class Threads:
    """The number of threads of each call: the caller's, or one, or all processors where that is faster.

    If the work is large enough and no number was given, the first calls are timed with one thread and with all, and the
    faster wins. All can lose where the processors' caches are far apart.
    """

    def __init__(self, given: int | None) -> None:
        self.given = given if lib.refnn_has_threads() else 1
        self.processors = processors()  # the workspace has room for these, should more appear
        self.most = self.given or self.processors
        # Samples per second of the first calls, by kind of call and number of threads.
        self.speeds: dict[tuple[int, int], dict[int, list[float]]] = {}

    def number(self, kind: tuple[int, int], work: int) -> tuple[int, list[float] | None]:
        """The number for a call, and a list to which its speed is to be added, if that decides later numbers.

        kind: calls of one kind are compared; work: multiply-adds that threads share
        """
        if self.given or work < THREAD_WORK:
            return self.given or 1, None
        speeds = self.speeds.setdefault(kind, {1: [], self.processors: []})
        for threads, tried in speeds.items():
            if len(tried) < TRIALS:
                return threads, tried
        return max(speeds, key=lambda threads: max(speeds[threads])), None


def processors() -> int:
    """The number of processors that this process may use; more than 16 have not been seen to pay."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(available, 16)


def layer_struct(layer: Layer | CustomLayer, shape: Shape, output_shape: Shape) -> dict[str, Any]:
    if is_custom(layer):
        raise InputError(f"the C core has no layer of type {type(layer).__name__}; impl='python' computes it")
    fields = {"kind": constant(layer.name), "inputs": prod(shape), "outputs": prod(output_shape),
              "bias": getattr(layer, "bias", 0)}
    if len(shape) == len(output_shape) == 3:
        fields.update(x=shape, z=output_shape)
    for name, attribute in (("kernel", "kernel_size"), ("stride", "stride"), ("padding", "padding"), ("eps", "eps"),
                            ("momentum", "momentum")):
        if hasattr(layer, attribute):
            fields[name] = getattr(layer, attribute)
    return fields


def rows_of(doubles: Any, count: int, width: int) -> Matrix:
    """Rows from an array in C."""
    return memoryview(ffi.buffer(doubles)).cast("d", (count, width)).tolist()  # type: ignore[return-value]


def check(status: int) -> None:
    if status == lib.REFNN_OK:
        return
    if status == lib.REFNN_BAD_MODEL:
        raise InputError("the C core refuses this model")
    if status == lib.REFNN_BAD_SAMPLES:
        raise InputError("the C core refuses these samples")
