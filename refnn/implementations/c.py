"""The C core behind the interface Implementation: buffers in, status codes to exceptions."""

from __future__ import annotations

import os
import time
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import prod
from typing import Any

from ..buffers import array_of, first_not_finite
from ..core import aligned, constant, doubles, ffi, integers, lib, pointer, simd, simd_names
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
CALL_WORK = 300_000_000  # multiply-adds of one call, about 10 ms: Ctrl-C is heard between calls


class CImplementation:
    """A network of `model`'s layers, with parameters drawn from `seed`. For the methods see Implementation.

    instruction_set: its name; None: that of simd()
    """

    concurrent = True

    def __init__(self, model: Model, seed: int, threads: int | None = None, instruction_set: str | None = None) -> None:
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
        with self._workspace(1):
            pass
        check(lib.refnn_initialise(self._model, seed, pointer(self._parameters), pointer(self._buffers)))

    @contextmanager
    def _workspace(self, batch: int) -> Iterator[Workspace]:
        """A workspace of one call's own: for _rows samples, or for a batch of training that must be taken whole."""
        rows = max(self._rows, batch) if self._whole_batches else self._rows
        size = int(lib.refnn_workspace_size(self._model, rows))
        if size > LARGEST_WORKSPACE:
            why = "; BatchNorm2d and REFNN_SIMD=plain need the whole batch" if self._whole_batches else ""
            raise InputError(f"to take {rows} samples through this network at once the C core needs "
                             f"{size / 2**27:.1f} GB of memory, and takes {LARGEST_WORKSPACE // 2**27} at most{why}")
        try:
            workspace = self._workspaces.pop()
        except IndexError:
            workspace = Workspace(self._fields, self._parameters, self._buffers, self._gradients)
        workspace.make_room(rows, size)
        try:
            yield workspace
        finally:
            self._workspaces.append(workspace)

    @staticmethod
    def epoch_order(seed: int, epoch: int, n: int) -> Sequence[int]:
        order = array("i", bytes(4 * n))
        lib.refnn_epoch_order(seed, epoch, n, integers(order))
        return order

    def train(self, x: Rows, y: Targets, order: Sequence[int] | None, start: int, stop: int, batch_size: int, lr: float,
              reduction: str) -> bool:
        samples = SamplesStruct(x, y, order)
        how = ffi.new("refnn_training *", {"batch_size": batch_size, "lr": lr, "reduction": constant(reduction)})
        finite = ffi.new("int32_t *")
        all_finite = True
        with self._workspace(min(batch_size, len(x))) as w:
            for first, last in self._slices(3, start, stop, batch_size):
                with self._threads.chosen(w, (3, batch_size), min(batch_size, self._rows) * self._work, last - first):
                    check(lib.refnn_network_train(w.network, samples.struct, first, last, how, finite))
                if x.watch:
                    x.watch(last - first)
                all_finite = all_finite and bool(finite[0])
        return all_finite

    def train_epochs(self, x: Rows, y: Targets, seed: int, first_epoch: int, lrs: Sequence[float], batch_size: int,
                     shuffle: bool, reduction: str) -> tuple[bool, list[float], list[int]]:
        samples = SamplesStruct(x, y)
        order = array("i", bytes(4 * len(x)))
        rates = array("d", lrs)
        losses = doubles(len(rates))
        correct = ffi.new("int64_t[]", len(rates))
        finite = ffi.new("int32_t *")
        how = ffi.new("refnn_training *", {"batch_size": batch_size, "reduction": constant(reduction)})
        epochs = ffi.new("refnn_epochs *", {
            "count": len(rates), "first": first_epoch, "lr": pointer(rates), "seed": seed,
            "order": integers(order) if shuffle else ffi.NULL, "losses": pointer(losses), "correct": correct})
        with self._workspace(min(batch_size, len(x))) as w:
            w.model.threads = self._threads.given or 1  # these are small
            check(lib.refnn_network_train_epochs(w.network, samples.struct, epochs, how, finite))
        return bool(finite[0]), list(losses), list(correct)

    def epochs_per_call(self, samples: int) -> int:
        """The number of epochs, each with its evaluation, that one call should take."""
        return max(1, CALL_WORK // (4 * samples * (self._work + EPOCH_WORK)))

    def evaluate(self, x: Rows, y: Targets, reduction: str) -> tuple[float, int]:
        samples = SamplesStruct(x, y)
        total = ffi.new("double *")
        correct = ffi.new("int64_t *")
        with self._workspace(1) as w:
            for first, last in self._slices(1, 0, len(x)):
                with self._threads.chosen(w, (1, ROWS), self._rows * self._work, last - first):
                    check(lib.refnn_network_evaluate(w.network, samples.struct, first, last, total, correct))
                if x.watch:
                    x.watch(last - first)
        return total[0] / len(x) if reduction == "mean" else total[0], correct[0]

    def outputs(self, x: Rows) -> Matrix:
        return rows_of(self._outputs(x), self.model.outputs)

    def predict(self, x: Rows) -> Matrix:
        o = self._outputs(x)
        check(lib.refnn_predict(self._model, len(x), pointer(o)))
        return rows_of(o, self.model.outputs)

    def _outputs(self, x: Rows) -> memoryview[float]:
        samples = SamplesStruct(x)
        o = doubles(len(x) * self.model.outputs)
        with self._workspace(1) as w:
            for first, last in self._slices(1, 0, len(x)):
                with self._threads.chosen(w, (1, ROWS), self._rows * self._work, last - first):
                    check(lib.refnn_network_outputs(w.network, samples.struct, first, last,
                                                    pointer(o) + first * self.model.outputs))
        return o

    def gradients(self, x: Rows, y: Targets, reduction: str) -> array[float]:
        gradients = doubles(len(self._parameters))
        self._batch(x, y, reduction, gradients)
        return array_of(gradients)

    def input_gradients(self, x: Rows, y: Targets, reduction: str) -> Matrix:
        dx = doubles(len(x) * self.model.inputs)
        self._batch(x, y, reduction, dx=dx)
        return rows_of(dx, self.model.inputs)

    def batch_loss(self, x: Rows, y: Targets, reduction: str) -> float:
        total = self._batch(x, y, reduction)
        return total / len(x) if reduction == "mean" else total

    def _batch(self, x: Rows, y: Targets, reduction: str, gradients: memoryview[float] | None = None,
               dx: memoryview[float] | None = None) -> float:
        """Fills gradients and dx, those that are given; -> the sum of the losses."""
        samples = SamplesStruct(x, y)
        total = ffi.new("double *")
        with self._workspace(len(x)) as w:
            for first, last in self._slices(3, 0, len(x), len(x) if self._whole_batches else 1):
                with self._threads.chosen(w, (3, ROWS), self._rows * self._work, last - first):
                    check(lib.refnn_network_gradients(w.network, samples.struct, first, last, constant(reduction),
                                                      total, pointer(gradients), pointer(dx)))
        return float(total[0])

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
        return first_not_finite(self._parameters) is None and first_not_finite(self._buffers) is None

    def _slices(self, passes: int, start: int, stop: int, batch_size: int = 1) -> Iterator[tuple[int, int]]:
        """start ... stop in slices short enough for one call; of whole batches if these are short enough or needed.

        passes: the work of a sample, in passes forward
        """
        step = max(1, CALL_WORK // (passes * self._work))
        if batch_size <= step or self._whole_batches:
            step = max(step - step % batch_size, batch_size)
        return ((first, min(first + step, stop)) for first in range(start, stop, step))


class Workspace:
    """What a call has for itself, so that calls of several threads do not meet: a model, whose number of threads it
    sets, a network, and memory."""

    def __init__(self, fields: dict[str, Any], parameters: memoryview[float], buffers: memoryview[float],
                 gradients: memoryview[float]) -> None:
        self.model = ffi.new("refnn_model *", fields)
        self.network = ffi.new("refnn_network *", {
            "model": self.model, "parameters": pointer(parameters), "buffers": pointer(buffers),
            "gradients": pointer(gradients)})
        self.memory = doubles(0)

    def make_room(self, rows: int, size: int) -> None:
        if size > len(self.memory):
            self.memory = doubles(size)
            self.network.workspace = pointer(self.memory)
        self.network.rows = rows


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

    @contextmanager
    def chosen(self, workspace: Workspace, kind: tuple[int, int], work: int, samples: int) -> Iterator[None]:
        """Sets the number of threads of a call with this workspace.

        kind: calls of one kind are compared; work: multiply-adds that threads share; samples: their number in the call
        """
        if self.given or not lib.refnn_has_threads() or work < THREAD_WORK:
            workspace.model.threads = self.given or 1
            yield
            return
        speeds = self.speeds.setdefault(kind, {1: [], self.processors: []})
        untried = [threads for threads, tried in speeds.items() if len(tried) < TRIALS]
        best = untried[0] if untried else max(speeds, key=lambda threads: max(speeds[threads]))
        workspace.model.threads = best
        begin = time.perf_counter()
        yield
        if untried:
            speeds[best].append(samples / max(time.perf_counter() - begin, SHORTEST))


class SamplesStruct:
    """A refnn_samples struct over the buffers of x, y and order, which it keeps alive."""

    def __init__(self, x: Rows, y: Targets | None = None, order: Sequence[int] | None = None) -> None:
        fields: dict[str, Any] = {"count": len(x)}
        pixels = x.values.format == "B"
        values = ffi.from_buffer("uint8_t[]", x.values) if pixels else aligned(x.values)
        fields["pixels" if pixels else "inputs"] = values
        if isinstance(y, Rows):
            fields["y"] = {"rows": aligned(y.values)}
        elif y is not None:
            fields["y"] = {"classes": ffi.from_buffer("int32_t[]", y)}
        if order is not None:
            fields["order"] = ffi.from_buffer("int32_t[]", order)
        self.buffers = fields
        self.struct = ffi.new("refnn_samples *", fields)


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


def rows_of(flat: Any, width: int) -> Matrix:
    return [flat[start:start + width].tolist() for start in range(0, len(flat), width)]


def check(status: int) -> None:
    if status == lib.REFNN_BAD_MODEL:
        raise InputError("the C core refuses this model")
    if status == lib.REFNN_BAD_SAMPLES:
        raise InputError("the C core refuses these samples")
