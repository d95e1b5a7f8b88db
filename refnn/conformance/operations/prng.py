"""Random numbers: what is drawn from a seed."""

from ...reference import prng
from .explaining import Operation, formula, given
from .models import hex64


def drawn(method, key="numbers", convert=None):
    """The operation that draws `count` times from a new generator."""

    def answer(seed, count, **arguments):
        generator = prng.SplitMix64(int(seed, 16))
        return {key: converted(getattr(generator, method)(**arguments) for _ in range(count))}

    def in_c(core, seed, count, **arguments):
        generator = core.generator(seed)
        return {key: converted(getattr(core, method)(generator, *arguments.values()) for _ in range(count))}

    def explain(inputs, outputs, key, index):
        return formula(getattr(prng.SplitMix64, method)), f"draw number {index[0] + 1} from seed {inputs['seed']}"

    def converted(values):
        return [convert(value) for value in values] if convert else list(values)

    return Operation(answer, in_c, explain)


def permutation(seed, n):
    return {"order": prng.SplitMix64(int(seed, 16)).permutation(n)}


def permutation_in_c(core, seed, n):
    order = core.ffi.new("int32_t[]", n)
    core.permutation(core.generator(seed), n, order)
    return {"order": list(order)}


def stream(seed, k):
    return {"seed": hex64(prng.stream(int(seed, 16), k).state)}


def stream_in_c(core, seed, k):
    return {"seed": hex64(core.stream(int(seed, 16), k))}


def epoch_order(seed, epoch, n):
    return {"order": prng.epoch_order(int(seed, 16), epoch, n)}


def epoch_order_in_c(core, seed, epoch, n):
    order = core.ffi.new("int32_t[]", n)
    core.epoch_order(int(seed, 16), epoch, n, order)
    return {"order": list(order)}


OPERATIONS = {
    "next": drawn("next", "integers", hex64),
    "uniform": drawn("uniform"),
    "below": drawn("below", "integers"),
    "normal": drawn("normal"),
    "permutation": Operation(permutation, permutation_in_c, given(prng.SplitMix64.permutation)),
    "stream": Operation(stream, stream_in_c, given(prng.stream)),
    "epoch_order": Operation(epoch_order, epoch_order_in_c, given(prng.epoch_order)),
}
