"""Networks in several threads and in forked processes, and floating-point modes that somebody changed."""

import ctypes
import os
import platform
import signal
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from bits import assert_same_bits
from refnn import BatchNorm2d, Conv2d, Flatten, InputError, Linear, Model, Network, mlp
from refnn.locks import ReadWriteLock
from refnn.reference.prng import SplitMix64


def rows(count, width, seed=1):
    random = SplitMix64(seed)
    return [[random.normal() for _ in range(width)] for _ in range(count)]


X, Y = rows(300, 20), [n % 4 for n in range(300)]
MODELS = {
    "mlp": mlp([20, 30, 4], loss="cross_entropy", activation="relu"),
    "images": Model([Conv2d(1, 3, 3, padding=1), BatchNorm2d(3), Flatten(), Linear(60, 4)], "cross_entropy",
                    input_shape=(1, 4, 5)),
}


@pytest.mark.parametrize("name", MODELS)
def test_predictions_in_many_threads_are_right(impl, name):
    network = Network(MODELS[name], impl, seed=1)
    parts = [X[:300], X[:7], X[40:43], X[100:200]]
    right = [network.predict(part) for part in parts]
    with ThreadPoolExecutor(8) as executor:
        results = [(n % 4, executor.submit(network.predict, parts[n % 4])) for n in range(200 if impl == "c" else 12)]
        for k, result in results:
            assert_same_bits(result.result(), right[k])


def test_input_gradients_in_many_threads_are_right():
    """Batch normalisation sums up its parameters' gradients on the way; calls must not share the room for them."""
    network = Network(MODELS["images"], "c", seed=1)
    parts = [(X[k:k + 100], Y[k:k + 100]) for k in (0, 50, 100, 200)]
    right = [network.input_gradients(*part) for part in parts]
    with ThreadPoolExecutor(8) as executor:
        results = [(n % 4, executor.submit(network.input_gradients, *parts[n % 4])) for n in range(200)]
        for k, result in results:
            assert_same_bits(result.result(), right[k])


def test_a_training_beside_other_calls_has_the_same_bits(impl):
    model = MODELS["mlp"]
    epochs = 30 if impl == "c" else 2
    alone = Network(model, impl, seed=1)
    alone.train(X, Y, epochs=epochs, lr=0.05, batch_size=16)
    network = Network(model, impl, seed=1)
    stop = threading.Event()

    def use():
        while not stop.is_set():
            network.predict(X[:50])
            network.gradients(X[:10], Y[:10])
            assert len(network.parameters) == model.parameter_count

    with ThreadPoolExecutor(3) as executor:
        users = [executor.submit(use) for _ in range(3)]
        try:
            network.train(X, Y, epochs=epochs, lr=0.05, batch_size=16)
        finally:
            stop.set()
        for user in users:
            user.result()
    assert_same_bits(network.parameters, alone.parameters)


def test_two_trainings_at_a_time_are_refused(impl):
    network = Network(MODELS["mlp"], impl)
    inside, leave = threading.Event(), threading.Event()

    def wait(epoch):
        inside.set()
        leave.wait(30)

    with ThreadPoolExecutor(1) as executor:
        training = executor.submit(network.train, X, Y, epochs=1, lr=0.1, on_epoch=wait)
        assert inside.wait(30)
        with pytest.raises(InputError, match="is being trained in another thread"):
            network.train_epoch(X, Y, lr=0.1)
        network.predict(X)  # between epochs others may compute
        leave.set()
        training.result()
    network.train(X, Y, epochs=1, lr=0.1, on_epoch=lambda epoch: network.predict(X[:3]))  # a callback may, too


def test_a_writer_runs_alone_and_goes_before_new_readers():
    lock, order = ReadWriteLock(), []
    reading = threading.Event()
    finish = threading.Event()

    def read(name):
        with lock.reading:
            reading.set()
            order.append(name)
            finish.wait(30)

    def write():
        with lock.writing, lock.reading:
            order.append("write")

    threads = [threading.Thread(target=read, args=("first",))]
    threads[0].start()
    assert reading.wait(30)
    threads.append(threading.Thread(target=write))
    threads[-1].start()
    while not lock.waiting:
        pass
    threads.append(threading.Thread(target=read, args=("second",)))
    threads[-1].start()
    assert order == ["first"]
    finish.set()
    for thread in threads:
        thread.join(30)
    assert order == ["first", "write", "second"]


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.parametrize("threads", [None, 2])
def test_a_forked_child_trains_after_its_parent(threads):
    wide = mlp([784, 64, 4], loss="cross_entropy", activation="relu")
    x, y = rows(400, 784), [n % 4 for n in range(400)]

    def train():
        network = Network(wide, "c", seed=1, threads=threads)
        for _ in range(2):
            network.train_epoch(x, y, lr=0.01, batch_size=128)
        return network.parameters

    parent = train()
    pid = os.fork()
    if not pid:
        signal.alarm(60)
        os._exit(0 if train() == parent else 1)
    assert os.waitpid(pid, 0)[1] == 0


MODES = """
    import ctypes, sys
    from refnn import Network, UnavailableError, mlp
    network = Network(mlp([2, 3, 1]), sys.argv[1])
    calls = [lambda: network.predict([[1.0, 2.0]]), lambda: network.train([[1.0, 2.0]], [1.0], epochs=1, lr=0.1),
             lambda: network.train_epoch([[1.0, 2.0]], [1.0], lr=0.1), lambda: network.loss([[1.0, 2.0]], [1.0]),
             lambda: network.gradients([[1.0, 2.0]], [1.0]), lambda: Network(network.model, sys.argv[1])]
    library = ctypes.CDLL(sys.argv[2])
    before = network.parameters.tolist()
    for mode, says in ((0, "rounded to the nearest"), (1, "rounded to the nearest"), (2, "rounded to the nearest"),
                       (3, "flushed to zero")):
        for call in calls:
            library.change(mode)
            try:
                call()
            except UnavailableError as error:
                assert says in str(error), error
            else:
                raise AssertionError((mode, call))
            finally:
                library.change(4)
    assert network.parameters.tolist() == before
    for call in calls:
        call()
"""


@pytest.fixture(scope="module")
def change(tmp_path_factory):
    """A library whose change(mode) sets the rounding mode, or flushes subnormals (3), or restores the default (4)."""
    if platform.machine() not in ("x86_64", "AMD64"):
        pytest.skip("the library that changes the modes is written for x86-64")
    folder = tmp_path_factory.mktemp("modes")
    (folder / "modes.c").write_text(textwrap.dedent("""
        #include <fenv.h>
        void change(int mode) {
            static const int modes[] = {FE_DOWNWARD, FE_UPWARD, FE_TOWARDZERO};
            if (mode < 3) fesetround(modes[mode]);
            else if (mode == 3) __builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | 0x8040);
            else {
                fesetround(FE_TONEAREST);
                __builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() & ~0x8040u);
            }
        }
    """))
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", folder / "modes.so", folder / "modes.c", "-lm"], check=True)
    return folder / "modes.so"


def test_changed_floating_point_modes_are_refused_with_their_name(impl, change):
    assert ctypes.CDLL(str(change))
    subprocess.run([sys.executable, "-c", textwrap.dedent(MODES), impl, change], check=True)
