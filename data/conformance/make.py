"""Makes the conformance vectors from the reference.

    python data/conformance/make.py [--long] [RUNG ...]        in a checkout

The cases with the flag "long" are whole trainings, an hour in all; without --long their recorded answers are kept. The
files are never edited by hand. To add cases, add a version to VERSIONS and name it in each new case (since=), in RUNGS
for a new rung, or in ADDED for a new activation, loss, initialisation, convolution or pooling.
"""

import json
import math
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

from refnn import tasks
from refnn.conformance.operations import OPERATIONS
from refnn.conformance.operations.init import initial_parameters
from refnn.conformance.operations.models import hex64, parameter_places
from refnn.conformance.vectors import encode, read_case, read_data
from refnn.errors import InputError
from refnn.layers import ACTIVATIONS
from refnn.model import INITS, LOSSES
from refnn.reference.elementary import TRIGONOMETRIC_LIMIT
from refnn.reference.prng import SplitMix64

VERSIONS = {"1.0": 181, "1.1": 41, "1.2": 28, "1.3": 2, "1.4": 33}  # the cases that came with each: it never changes
VERSION = list(VERSIONS)[-1]  # of SPEC.md and the vectors; everything else reads it from index.json
ADDED = {"rest": "1.4", "gaps": "1.4", "windows-of-6": "1.4"}  # name of a kind or example -> the version that added it,
#                                                                if later than the first cases of its operation
FOLDER = ROOT / "data" / "conformance" / "v1"
SOURCE = "the Python reference of refnn, by data/conformance/make.py"
INF, NAN = float("inf"), float("nan")
SEEDS = (0, 1, 1234567, 2**63, 2**64 - 1)


def case(name, op, inputs, *flags, since=None):
    """A case without its answer. since: the version that added it, if later than its rung's."""
    made = {"id": name, "op": op, "in": encode(inputs)}
    if flags:
        made["flags"] = list(flags)
    if since:
        made["since"] = since
    return made


def normals(random, *shape):
    """Random numbers in nested lists."""
    if not shape:
        return random.normal()
    return [normals(random, *shape[1:]) for _ in range(shape[0])]


def prng():
    for seed in SEEDS:
        yield case(f"prng/next/{hex64(seed)}", "next", {"seed": hex64(seed), "count": 4})
    for seed in SEEDS:
        yield case(f"prng/uniform/{hex64(seed)}", "uniform", {"seed": hex64(seed), "count": 4})
    for n in (1, 2, 10, 1000003, 2**31 - 1):
        yield case(f"prng/below/{n}", "below", {"seed": hex64(n), "n": n, "count": 5})
    for n in (1, 2, 3, 10, 100):
        yield case(f"prng/permutation/{n}", "permutation", {"seed": hex64(n), "n": n})
    for k in (1, 2, 3, 1000):
        yield case(f"prng/stream/{k}", "stream", {"seed": hex64(7), "k": k})
    for epoch in (1, 2, 30):
        yield case(f"prng/epoch_order/{epoch}", "epoch_order", {"seed": hex64(0), "epoch": epoch, "n": 12})
    large = hex64(2**64 - 3)
    yield case("prng/stream/large-seed", "stream", {"seed": large, "k": 5}, since="1.4")
    yield case("prng/epoch_order/large-seed", "epoch_order", {"seed": large, "epoch": 3, "n": 12}, since="1.4")


def around(*borders):
    """Each number with the doubles just below and above it, and their negatives."""
    for x in borders:
        for v in (math.nextafter(x, -INF), x, math.nextafter(x, INF)):
            yield v
            yield -v


SPECIAL = [0.0, -0.0, INF, -INF, NAN, 5e-324, -5e-324, 2.0**-1022, 1.0, -1.0, sys.float_info.max, -sys.float_info.max]
BORDERS = {
    "exp": [2.0**-28, float.fromhex("0x1.62e43p-2"), float.fromhex("0x1.0a2b2p+0"), 709.782712893384, 745.1332191019411,
            708.0, 708.4, 720.0],
    "log": [2.0**-20, 1.0 + 2.0**-20, 1.0 - 2.0**-20, 1.4142112731933594, 1.3799991607666016, 1.4200000762939453,
            2.0**-1022, 0.5, 2.0],
    "tanh": [2.0**-55, 2.0**-54, 2.0**-28, float.fromhex("0x1.62e43p-3"), float.fromhex("0x1.0a2b2p-1"), 1.0, 19.5,
             22.0],
    "sin": [2.0**-27, float.fromhex("0x1.921fcp-1"), float.fromhex("0x1.2d97cp+1"), math.pi / 2, math.pi, 16 * math.pi,
            TRIGONOMETRIC_LIMIT],
    "cos": [2.0**-27, float.fromhex("0x1.33333p-2"), float.fromhex("0x1.90001p-1"), float.fromhex("0x1.921fcp-1"),
            float.fromhex("0x1.2d97cp+1"), math.pi / 2, math.pi, 16 * math.pi, TRIGONOMETRIC_LIMIT],
}
FUSED = {  # points at which a single fused multiply-add in the function's formula changes the result
    "exp": """-0x1.6db0d2e993f6p-2 -0x1.43e1a692c4842p-2 -0x1.4784b0259db68p-2 0x1.b314585ed3194p-2
              -0x1.0eff652fdc3a0p+0 0x1.3b58cf1615f7p+1 -0x1.5e034e8abf616p+4""",
    "log": """0x1.5f839d2db35d3p-5 0x1.6736eb42f25f6p-1 0x1.3e8397a6f5408p-1 0x1.57e7c5c8d3655p+0 0x1.72c3b76d67636p+0
              0x1.7947bab5525c7p+0 0x1.61a934c0223b9p+0 0x1.696503fbe7204p+4 0x1.696e5ebbc449bp+0 0x1.6581a8f49246ap+0
              0x1.66bc5954a461ap+0 0x1.6a87a750d79c9p-1 0x1.632773cf14027p+1 0x1.6369b4af5af0fp+15
              0x1.6700460484e6cp-6 0x1.639663c327fffp-1 0x1.a784b8b94e9fdp-1 0x1.9a5e65e0b9bccp-1
              0x1.5340fa9cf58c6p-1 0x1.9c9024f97271bp-9 0x1.000000183bdcp+0 0x1.000000722876fp+0""",
    "tanh": """0x1.4eafc919f0dc8p-3 -0x1.58dce13b3f0e2p+3 -0x1.1190b3b02c6e0p-1 0x1.92dcb9934b550p+0
             0x1.755d4de3fa850p-3 -0x1.6cf0c9f863e48p-1 -0x1.b281f42ebc27ap+2 -0x1.2c50f250abd44p+2
             -0x1.8460131533ef0p-2 -0x1.fcc342d28a37cp-2 -0x1.0c1b5c6dfae15p-3 -0x1.e7777f94d3c99p-4
             0x1.fc5f63efb4fc0p-3 0x1.ffc0198d2fc28p-3 0x1.20c7b10258910p-3 -0x1.64c777ccc6058p-3 -0x1.343c31d708328p-3
             0x1.b23ffe7f29048p-3 -0x1.029078b4e27a8p-1 -0x1.2527cbff2a13dp-3""",
    "sin": """-0x1.7eb463c3a810ap+15 0x1.4a5f527318e38p+13 0x1.f6a7a0562dcadp+2 0x1.921fb22814892p+2
             0x1.1b14a73fc0ba0p+3 -0x1.3ce152cfad9abp-1 0x1.921fb6b71b365p+2 0x1.01e769d5b20d6p-1 0x1.ad922ca5e5960p+14
             0x1.921fb5439d709p+2 0x1.f63d8a92262f8p+1 0x1.714f6697f1750p-1 -0x1.45813aa364cfap+15
             0x1.383761a0b7382p-1 0x1.697b908b875e4p+16 0x1.3a2e573bb2a3cp+16 0x1.e5647cc1bfa50p+1
             0x1.8676788fb7c46p+16""",
    "cos": """-0x1.7eb463c3a810ap+15 0x1.4a5f527318e38p+13 0x1.f6a7a0562dcadp+2 0x1.921fb22814892p+2
             0x1.b78e7b8bce1a0p-1 -0x1.0918f097da533p+3 0x1.0e5e19988b13cp+15 -0x1.e9ddf973179b4p+1
             0x1.f6a7a294392f4p+2 0x1.743a8cb541af0p+12 -0x1.9a475c170b29cp+15 -0x1.a9bf7819543f8p+14
             0x1.2d97c8e8be899p+2""",
}
RARELY_FUSED = {  # the same, for sums where one changes fewer than one result in a million
    "exp": "0x1.13dc8ce1b744ep+9 -0x1.9dcd10bf16b5dp+8",
    "log": "0x1.5b31cec528d0fp+0 0x1.72814a2c8b3f1p-1 0x1.5e5bd5afb282dp+0",
}
RANGES = {"exp": 40.0, "log": 1000.0, "tanh": 5.0, "sin": 10.0, "cos": 10.0}


def elementary():
    for name, borders in BORDERS.items():
        random = SplitMix64(ord(name[0]))
        yield case(f"elementary/{name}/plain", name, {"x": [-2.0, -1.0, -0.5, 0.5, 1.0, 2.0, 3.0, 10.0]})
        yield case(f"elementary/{name}/special", name, {"x": SPECIAL}, "special")
        yield case(f"elementary/{name}/borders", name, {"x": list(around(*borders))}, "border")
        sign = abs if name == "log" else float
        yield case(f"elementary/{name}/usual", name, {"x": [
            sign(RANGES[name] * (2.0 * random.uniform() - 1.0)) for _ in range(200)]})
        yield case(f"elementary/{name}/all-sizes", name, {"x": [
            sign(random.normal() * 2.0**(random.below(60) - 50)) for _ in range(100)]})
    for kind, table, since in (("fused", FUSED, "1.2"), ("rarely-fused", RARELY_FUSED, "1.3")):
        for name, points in table.items():
            x = list(map(float.fromhex, points.split()))
            yield case(f"elementary/{name}/{kind}", name, {"x": x}, "fused", since=since)


def layers(sizes, activation="sigmoid", output="sigmoid", bias=True):
    """The spec's form of a multilayer perceptron."""
    made = []
    for inputs, outputs in zip(sizes[:-1], sizes[1:]):
        made += [{"type": "linear", "inputs": inputs, "outputs": outputs, "bias": bias}, {"type": activation}]
    return made[:-1] + ([] if output == "identity" else [{"type": output}])


def init():
    for seed in SEEDS:
        yield case(f"init/normal/{hex64(seed)}", "normal", {"seed": hex64(seed), "count": 6})
    for name in [name for name in INITS if name != "he"]:  # that is in the rung images, since spec 1.1
        yield case(f"init/initial_parameters/{name}", "initial_parameters",
                   {"layers": layers([3, 5, 2], bias=name != "uniform"), "init": name, "seed": hex64(3)},
                   since=ADDED.get(name))
    yield case("init/initial_parameters/two-layers", "initial_parameters",
               {"layers": layers([2, 2, 1]), "init": "normal", "seed": hex64(2**64 - 1)})


ORDERS = {
    "one": ([2.0], [3.0]),
    "order": ([1.0, 1.0, 1.0], [2.0**53, 1.0, 1.0]),
    "cancellation": ([1.0, 1.0, 1.0], [2.0**53, -(2.0**53), 1.0]),
    "compensation": ([1.0, 1.0, 1.0, 1.0], [1.0, 1e100, 1.0, -1e100]),
    "fused": ([1.0, 1.0 + 2.0**-27, 1.0], [-1.0 - 2.0**-26, 1.0 + 2.0**-27, 2.0**-30]),
    "wide": ([0.1, 0.2, 0.3], [0.3, 0.2, 0.1]),
    "subnormal": ([2.0**-600, 1.0], [2.0**-450, 5e-324]),
    "overflow": ([1e200, 1.0], [1e200, -1e308]),
    "signed-zero": ([-1.0, 1.0], [0.0, -0.0]),
}


def product():
    for name, (x, w) in ORDERS.items():
        yield case(f"product/dot/{name}", "dot", {"x": x, "w": w}, name)
    for n in (3, 17, 100, 784):
        random = SplitMix64(n)
        yield case(f"product/dot/random-{n}", "dot", {"x": normals(random, n), "w": normals(random, n)}, "order")
    for m, k, n in ((1, 1, 1), (2, 3, 2), (4, 4, 4), (5, 16, 3), (1, 40, 7)):
        random = SplitMix64(m * k * n)
        yield case(f"product/matmul/{m}x{k}x{n}", "matmul",
                   {"a": normals(random, m, k), "b": normals(random, k, n)}, "order")
    yield case("product/dot/infinite-weight", "dot", {"x": [0.0, 1.0], "w": [INF, 2.0]}, "zero", since="1.2")
    yield case("product/matmul/infinite-weight", "matmul",
               {"a": [[0.0, 1.0], [2.0, 0.0], [2.0, 1.0]], "b": [[INF, 1.0], [3.0, -INF]]}, "zero", since="1.2")
    yield case("product/dot/infinite-input", "dot", {"x": [INF, 1.0], "w": [0.0, 2.0]}, "zero", since="1.4")
    yield case("product/matmul/infinite-input", "matmul",
               {"a": [[1.0, INF], [-INF, 2.0]], "b": [[0.0, 1.0], [3.0, 0.0]]}, "zero", since="1.4")


NOT_FINITE = [[NAN, 1.0, -2.0], [1.0, NAN, 2.0], [INF, 1.0, -2.0], [-INF, 0.0, 1.0], [-INF, -1.0, INF]]
ROWS = [[0.5, -1.5, 3.0], [-0.0, 0.0, 1e-300], [40.0, -40.0, 0.25], [800.0, -800.0, 799.0]]
FAR_BELOW_0 = [[-1000.0, -1001.0, -998.5], [-40.0, -42.0, -41.0]]  # e^z of the first row is 0 in double precision


def forward():
    for n, i, j, bias in ((1, 2, 1, True), (1, 2, 1, False), (3, 3, 3, True), (4, 10, 6, True), (2, 64, 5, False)):
        random = SplitMix64(100 * i + j)
        yield case(f"forward/linear_forward/{n}x{i}x{j}{'' if bias else '-no-bias'}", "linear_forward",
                   {"x": normals(random, n, i), "w": normals(random, i, j), "b": normals(random, j) if bias else None})
    for name in ACTIVATIONS:
        random = SplitMix64(len(name))
        since = ADDED.get(name)
        yield case(f"forward/activation_forward/{name}", "activation_forward",
                   {"name": name, "z": normals(random, 3, 5)}, since=since)
        yield case(f"forward/activation_forward/{name}-large-and-small", "activation_forward",
                   {"name": name, "z": ROWS}, "saturation", since=since)
    yield case("forward/activation_forward/softmax-ties", "activation_forward",
               {"name": "softmax", "z": [[1.0, 1.0, 1.0], [0.0, -0.0, 0.0]]})
    yield case("forward/linear_forward/infinite-weight", "linear_forward",
               {"x": [[0.0, 1.0], [-1.0, 0.0]], "w": [[INF, 1.0], [2.0, -INF]], "b": [0.5, -0.5]}, "zero", since="1.2")
    yield case("forward/linear_forward/infinite-input", "linear_forward",
               {"x": [[INF, 1.0], [1.0, -INF]], "w": [[0.0, 1.0], [2.0, 0.0]], "b": [0.5, -0.5]}, "zero", since="1.4")
    yield case("forward/activation_forward/softmax-far-below-0", "activation_forward",
               {"name": "softmax", "z": FAR_BELOW_0}, "saturation", since="1.4")
    for name in ACTIVATIONS:
        yield case(f"forward/activation_forward/{name}-not-finite", "activation_forward",
                   {"name": name, "z": NOT_FINITE}, "not finite", since="1.2")


def targets(random, loss, n, m):
    return [random.below(m) for _ in range(n)] if LOSSES[loss].classes else normals(random, n, m)


def losses(op):
    rung = "loss" if op == "loss" else "backward"
    for name in LOSSES:
        for n, m, reduction in ((1, 1, "sum"), (1, 4, "mean"), (3, 3, "sum"), (3, 3, "mean"), (7, 10, "mean")):
            random = SplitMix64(10 * n + m)
            o, y = normals(random, n, m), targets(random, name, n, m)
            yield case(f"{rung}/{op}/{name}-{n}x{m}-{reduction}", op,
                       {"loss": name, "o": o, "y": y, "reduction": reduction}, since=ADDED.get(name))
    o = [[1000.0, -1000.0, 998.0], [0.0, 0.0, 0.0]]
    yield case(f"{rung}/{op}/cross_entropy-large-logits", op,
               {"loss": "cross_entropy", "o": o, "y": [2, 0], "reduction": "mean"}, "saturation")
    yield case(f"{rung}/{op}/cross_entropy-far-class", op,
               {"loss": "cross_entropy", "o": o, "y": [1, 2], "reduction": "mean"}, "saturation", since="1.4")
    yield case(f"{rung}/{op}/cross_entropy-far-below-0", op,
               {"loss": "cross_entropy", "o": FAR_BELOW_0, "y": [1, 0], "reduction": "sum"}, "saturation", since="1.4")


def loss():
    yield from losses("loss")
    yield case("loss/loss/worked-example", "loss",
               {"loss": "mse", "o": [[1.0, 0.0, 0.0, 1.0]], "y": [[0.0] * 4], "reduction": "mean"})
    yield case("loss/loss/cross_entropy-not-finite", "loss",
               {"loss": "cross_entropy", "o": NOT_FINITE, "y": [1, 0, 0, 0, 1], "reduction": "sum"}, "not finite",
               since="1.2")


def backward():
    yield from losses("loss_gradient")
    for name in ACTIVATIONS:
        random = SplitMix64(50 + len(name))
        for label, z in (("", normals(random, 3, 5)), ("-large-and-small", ROWS)):
            a = OPERATIONS["activation_forward"].answer(name, z)["a"]
            yield case(f"backward/activation_backward/{name}{label}", "activation_backward",
                       {"name": name, "z": z, "a": a, "da": normals(random, len(z), len(z[0]))}, since=ADDED.get(name))
    for n, i, j, bias in ((1, 2, 1, True), (3, 3, 3, True), (4, 10, 6, False), (9, 2, 5, True)):
        random = SplitMix64(200 * i + j)
        yield case(f"backward/linear_backward_input/{n}x{i}x{j}", "linear_backward_input",
                   {"w": normals(random, i, j), "dz": normals(random, n, j)})
        label = "" if bias else "-no-bias"
        yield case(f"backward/linear_backward_parameters/{n}x{i}x{j}{label}", "linear_backward_parameters",
                   {"x": normals(random, n, i), "dz": normals(random, n, j), "bias": bias})


    for name in ACTIVATIONS:
        a = OPERATIONS["activation_forward"].answer(name, NOT_FINITE)["a"]
        da = normals(SplitMix64(3), len(a), len(a[0]))
        yield case(f"backward/activation_backward/{name}-not-finite", "activation_backward",
                   {"name": name, "z": NOT_FINITE, "a": a, "da": da}, "not finite", since="1.2")
    yield case("backward/loss_gradient/cross_entropy-not-finite", "loss_gradient",
               {"loss": "cross_entropy", "o": NOT_FINITE, "y": [1, 0, 0, 0, 1], "reduction": "mean"}, "not finite",
               since="1.2")
    yield case("backward/linear_backward_input/infinite-weight", "linear_backward_input",
               {"w": [[INF, 1.0], [2.0, -INF]], "dz": [[0.0, 1.0], [-1.0, 0.0]]}, "zero", since="1.2")
    yield case("backward/linear_backward_input/infinite-gradient", "linear_backward_input",
               {"w": [[0.0, 1.0], [2.0, 0.0]], "dz": [[INF, 1.0], [1.0, -INF]]}, "zero", since="1.4")
    yield case("backward/linear_backward_parameters/infinite-input", "linear_backward_parameters",
               {"x": [[INF, 1.0], [2.0, 0.0]], "dz": [[0.0, 1.0], [-1.0, -INF]], "bias": True}, "zero", since="1.2")


def update():
    random = SplitMix64(9)
    yield case("update/update/product-then-difference", "update",
               {"p": [1.0 + 2.0**-26], "dp": [1.0 + 2.0**-27], "lr": 1.0 + 2.0**-27}, "fused")
    yield case("update/update/no-gradient", "update", {"p": [0.5, 0.0], "dp": [0.0, 0.0], "lr": 0.1})
    for lr in (0.001, 0.1, 1.0):
        yield case(f"update/update/{lr}", "update", {"p": normals(random, 20), "dp": normals(random, 20), "lr": lr})


STEPS = {  # sizes, activation, output, bias, loss, init, samples, reduction
    "one-neuron": ([2, 1], "sigmoid", "sigmoid", True, "mse", "normal", 1, "mean"),
    "batch-mean": ([2, 3, 2], "sigmoid", "sigmoid", True, "mse", "normal", 3, "mean"),
    "batch-sum": ([2, 3, 2], "sigmoid", "sigmoid", True, "mse", "normal", 3, "sum"),
    "no-bias-sse": ([3, 4, 1], "sigmoid", "sigmoid", False, "sse", "uniform", 4, "sum"),
    "two-hidden-layers": ([16, 12, 8, 4], "sigmoid", "identity", False, "cross_entropy", "fan_out", 1, "mean"),
    "square": ([4, 4, 4, 4], "sigmoid", "identity", True, "cross_entropy", "fan_in", 5, "mean"),
    "relu": ([2, 10, 8, 1], "relu", "identity", True, "mse", "normal", 10, "sum"),
    "tanh": ([3, 5, 3], "tanh", "identity", True, "sse", "normal", 4, "mean"),
    "leaky-relu": ([3, 5, 2], "leaky_relu", "tanh", True, "mse", "normal", 4, "mean"),
    "softmax-inside": ([3, 5, 3], "softmax", "softmax", True, "mse", "normal", 4, "sum"),
    "identity": ([3, 5, 2], "identity", "identity", True, "mse", "normal", 2, "mean"),
}


def step():
    # the worked example of article 002's network: all weights 1, all biases 0, on Alice
    net = layers([2, 2, 1])
    parameters = [0.0 if which == "b" else 1.0 for _, which, *_ in parameter_places(net)]
    yield case("step/step/alice", "step", {
        "layers": net, "loss": "mse", "parameters": parameters, "x": [[-2.0, -1.0]], "y": [[1.0]], "reduction": "mean",
        "lr": 0.1})
    for name, (sizes, activation, output, bias, loss, init, count, reduction) in STEPS.items():
        random = SplitMix64(sum(sizes) + count)
        net = layers(sizes, activation, output, bias)
        yield case(f"step/step/{name}", "step", {
            "layers": net, "loss": loss, "parameters": initial_parameters(net, init, hex64(count))["parameters"],
            "x": normals(random, count, sizes[0]), "y": targets(random, loss, count, sizes[-1]),
            "reduction": reduction, "lr": 0.1})


CONVOLUTIONS = {  # samples, channels, output channels, rows, columns, kernel, stride, padding, bias
    "one-pixel": (1, 1, 1, 1, 1, (1, 1), (1, 1), (0, 0), True),
    "padding": (2, 2, 3, 5, 4, (3, 3), (1, 1), (1, 1), True),
    "no-padding": (2, 3, 2, 5, 6, (3, 2), (1, 1), (0, 0), False),
    "stride": (1, 2, 2, 7, 6, (3, 3), (2, 3), (2, 1), True),
    "wide-kernel": (1, 1, 2, 3, 3, (5, 5), (1, 1), (2, 2), True),
    "rest": (2, 2, 2, 8, 6, (3, 2), (2, 3), (1, 0), True),
}
POOLS = {  # shape, kernel, stride
    "two": ((2, 3, 4, 6), (2, 2), (2, 2)),
    "ragged": ((1, 2, 7, 5), (2, 2), (2, 2)),
    "overlapping": ((1, 1, 5, 5), (3, 2), (1, 2)),
    "ties": ((1, 1, 4, 4), (2, 2), (2, 2)),
    "gaps": ((2, 1, 7, 8), (2, 1), (3, 2)),
    "windows-of-6": ((1, 2, 6, 5), (3, 2), (1, 1)),
}
TIES = [[[[1.0, 1.0, 0.0, -0.0], [1.0, 1.0, -0.0, 0.0], [-5.0, -3.0, 2.0, 2.0], [-3.0, -4.0, 3.0, 3.0]]]]
STACK = [{"type": "conv2d", "in_channels": 2, "out_channels": 3, "kernel_size": [3, 3], "stride": [1, 1],
          "padding": [1, 1], "bias": True},
         {"type": "maxpool2d", "kernel_size": [2, 2], "stride": [2, 2]}, {"type": "relu"},
         {"type": "batchnorm2d", "num_features": 3, "eps": 1e-5, "momentum": 0.1}, {"type": "flatten"},
         {"type": "linear", "inputs": 18, "outputs": 3, "bias": True}]
TWO_CONVOLUTIONS = [
    {"type": "conv2d", "in_channels": 2, "out_channels": 3, "kernel_size": [3, 2], "stride": [2, 1], "padding": [0, 1],
     "bias": True},
    {"type": "batchnorm2d", "num_features": 3, "eps": 1e-3, "momentum": 0.3}, {"type": "tanh"},
    {"type": "conv2d", "in_channels": 3, "out_channels": 2, "kernel_size": [1, 2], "stride": [1, 2], "padding": [1, 0],
     "bias": False},
    {"type": "maxpool2d", "kernel_size": [2, 1], "stride": [1, 1]}, {"type": "flatten"},
    {"type": "linear", "inputs": 18, "outputs": 2, "bias": True}]


def convolutions():
    for name, (n, channels, outputs, rows, columns, kernel, stride, padding, bias) in CONVOLUTIONS.items():
        random = SplitMix64(rows * columns)
        x, w = normals(random, n, channels, rows, columns), normals(random, outputs, channels, *kernel)
        b = normals(random, outputs) if bias else None
        where, since = {"stride": list(stride), "padding": list(padding)}, ADDED.get(name)
        yield case(f"images/conv2d_forward/{name}", "conv2d_forward", {"x": x, "w": w, "b": b, **where}, since=since)
        sizes = zip((rows, columns), kernel, stride, padding)
        height, width = ((size + 2 * p - k) // s + 1 for size, k, s, p in sizes)
        dz = normals(random, n, outputs, height, width)
        yield case(f"images/conv2d_backward_input/{name}", "conv2d_backward_input",
                   {"w": w, "dz": dz, "size": [rows, columns], **where}, since=since)
        yield case(f"images/conv2d_backward_parameters/{name}", "conv2d_backward_parameters",
                   {"x": x, "dz": dz, "kernel_size": list(kernel), **where, "bias": bias}, since=since)
    x, w = [[[[0.0, 2.0]]], [[[INF, 0.0]]]], [[[[INF, 1.0]]], [[[0.0, 1.0]]]]
    dz = [[[[0.0, 1.0, 0.0]], [[1.0, 0.0, 0.0]]], [[[0.0, 1.0, 1.0]], [[1.0, INF, 1.0]]]]
    where = {"stride": [1, 1], "padding": [0, 1]}
    # without padding: libraries leave out its products
    yield case("images/conv2d_forward/infinite", "conv2d_forward",
               {"x": x, "w": w, "b": None, "stride": [1, 1], "padding": [0, 0]}, "zero", since="1.4")
    yield case("images/conv2d_backward_input/infinite", "conv2d_backward_input",
               {"w": w, "dz": dz, "size": [1, 2], **where}, "zero", since="1.4")
    yield case("images/conv2d_backward_parameters/infinite", "conv2d_backward_parameters",
               {"x": x, "dz": dz, "kernel_size": [1, 2], **where, "bias": True}, "zero", since="1.4")


def pools():
    for name, (shape, kernel, stride) in POOLS.items():
        random = SplitMix64(len(name))
        x, flags = (TIES, ["ties"]) if name == "ties" else (normals(random, *shape), [])
        where, since = {"kernel_size": list(kernel), "stride": list(stride)}, ADDED.get(name)
        yield case(f"images/maxpool2d_forward/{name}", "maxpool2d_forward", {"x": x, **where}, *flags, since=since)
        height, width = ((len(axis) - k) // s + 1 for axis, k, s in zip((x[0][0], x[0][0][0]), kernel, stride))
        yield case(f"images/maxpool2d_backward/{name}", "maxpool2d_backward",
                   {"x": x, "da": normals(random, len(x), len(x[0]), height, width), **where}, *flags, since=since)
    pool = {"x": [[[[NAN, 1.0, 1.0, NAN], [2.0, 3.0, INF, 2.0], [-INF, -INF, NAN, NAN], [-INF, -INF, NAN, 1.0]]]],
            "kernel_size": [2, 2], "stride": [2, 2]}
    yield case("images/maxpool2d_forward/not-finite", "maxpool2d_forward", pool, "not finite", since="1.2")
    yield case("images/maxpool2d_backward/not-finite", "maxpool2d_backward",
               {**pool, "da": [[[[1.0, 2.0], [3.0, 4.0]]]]}, "not finite", since="1.2")


def normalisations():
    for n, channels, rows, columns in ((1, 1, 1, 2), (3, 2, 2, 3), (4, 3, 4, 4)):
        random = SplitMix64(rows * columns + n)
        x, name = normals(random, n, channels, rows, columns), f"{n}x{channels}x{rows}x{columns}"
        yield case(f"images/batchnorm2d_statistics/{name}", "batchnorm2d_statistics", {"x": x})
        of_x = OPERATIONS["batchnorm2d_statistics"].answer(x)
        gamma = normals(random, channels)
        yield case(f"images/batchnorm2d_forward/{name}", "batchnorm2d_forward",
                   {"x": x, **of_x, "gamma": gamma, "beta": normals(random, channels), "eps": 1e-5})
        yield case(f"images/batchnorm2d_backward/{name}", "batchnorm2d_backward",
                   {"x": x, **of_x, "gamma": gamma, "da": normals(random, n, channels, rows, columns), "eps": 1e-5})
        running = {"running_mean": normals(random, channels), "running_variance": [1.0] * channels}
        yield case(f"images/batchnorm2d_track/{name}", "batchnorm2d_track", {**running, "x": x, "momentum": 0.1})
    for n, channels, rows, columns in ((1, 1, 1, 2), (3, 2, 2, 3)):
        random = SplitMix64(rows * columns + n + 100)
        variances = [abs(v) for v in normals(random, channels)]
        yield case(f"images/batchnorm2d_evaluation/{n}x{channels}x{rows}x{columns}", "batchnorm2d_evaluation",
                   {"x": normals(random, n, channels, rows, columns), "running_mean": normals(random, channels),
                    "running_variance": variances, "gamma": normals(random, channels),
                    "beta": normals(random, channels), "eps": 1e-5}, since="1.2")
    for n, channels, rows, columns in ((1, 1, 1, 1), (2, 20, 1, 3)):
        random = SplitMix64(rows * columns + n + 200)
        variances = [abs(v) for v in normals(random, channels)]
        x = normals(random, n, channels, rows, columns)
        yield case(f"images/batchnorm2d_statistics/{n}x{channels}x{rows}x{columns}", "batchnorm2d_statistics", {"x": x},
                   since="1.4")
        yield case(f"images/batchnorm2d_track/{n}x{channels}x{rows}x{columns}", "batchnorm2d_track",
                   {"running_mean": normals(random, channels), "running_variance": variances,
                    "x": x, "momentum": 0.3}, since="1.4")


def images():
    yield from convolutions()
    yield from pools()
    yield from normalisations()
    random = SplitMix64(99)
    stack = {"layers": STACK, "input_shape": [2, 4, 6]}
    parameters = initial_parameters(**stack, init="he", seed=hex64(5))["parameters"]
    yield case("images/initial_parameters/he", "initial_parameters", {**stack, "init": "he", "seed": hex64(5)})
    yield case("images/step/stack", "step", {
        **stack, "loss": "cross_entropy", "parameters": parameters, "x": normals(random, 4, 48), "y": [0, 1, 2, 1],
        "reduction": "mean", "lr": 0.1})
    two = {"layers": TWO_CONVOLUTIONS, "input_shape": [2, 5, 6]}
    for name in INITS:
        yield case(f"images/initial_parameters/two-convolutions-{name}", "initial_parameters",
                   {**two, "init": name, "seed": hex64(6)}, since="1.4")
    yield case("images/step/two-convolutions", "step", {
        **two, "loss": "mse", "parameters": initial_parameters(**two, init="normal", seed=hex64(7))["parameters"],
        "x": normals(random, 3, 60), "y": normals(random, 3, 2), "reduction": "sum", "lr": 0.1}, since="1.4")
    yield case("images/train/two-convolutions", "train", {
        "epochs": 3, "batch_size": 4, "lr": 0.05, "lr_decay": 0.5, "lr_decay_every": 2, "shuffle": True,
        "reduction": "mean", **two, "loss": "mse", "init": "fan_in", "seed": hex64(8), "x": normals(random, 10, 60),
        "y": normals(random, 10, 2)}, "last batch smaller", "shuffle", "decay", since="1.4")


def spelled(layer):
    """A layer of a model in the spec's form."""
    arguments = {name: list(value) if isinstance(value, tuple) else value for name, value in vars(layer).items()}
    return {"type": layer.name, **arguments}


def training(task, **changes):
    """The inputs of `train` as the task has them."""
    task = tasks.task(task)
    model = task.model()
    settings = dict(task.settings(), layers=[spelled(layer) for layer in model.layers if layer.name != "identity"],
                    loss=task.loss, init=task.init, seed=hex64(0),
                    reduction=task.reduction or LOSSES[task.loss].reduction)
    settings.update(changes)
    if model.input_shape:
        settings["input_shape"] = list(model.input_shape)
    if "parameters" in changes:
        del settings["init"]
    return settings


def floats(x, y):
    """Samples as rows of floats."""
    return {"x": [list(map(float, row)) for row in x], "y": [[float(v)] for v in y]}


def truth_table():
    data = {"data": "all", "samples": 4}
    yield case("truth-table/train/5-steps", "train", training("truth-table", epochs=5, **data))
    yield case("truth-table/train/1500-steps", "train", training("truth-table", **data))


def alice_bob():
    data = {"data": "all", "samples": 4}
    yield case("alice-bob/train/all-weights-1", "train", training(
        "alice-bob", epochs=5, parameters=[1.0] * 4 + [0.0] * 2 + [1.0] * 2 + [0.0], **data))
    yield case("alice-bob/train/batches-of-2", "train", training(
        "alice-bob", epochs=10, batch_size=2, reduction="sum", **data))
    yield case("alice-bob/train/batches-of-3", "train", training(
        "alice-bob", epochs=20, batch_size=3, shuffle=True, lr_decay=0.7, lr_decay_every=5, reduction="mean",
        seed=hex64(2**64 - 1), **data),
        "last batch smaller", "shuffle", "decay")
    yield case("alice-bob/train/1000-epochs", "train", training("alice-bob", **data))


def sin_cos():
    yield case("sin-cos/train/505-samples", "train", training(
        "sin-cos", epochs=2, lr_decay_every=1, data="grid", samples=505),
        "last batch smaller", "shuffle", "decay")
    yield case("sin-cos/train/30-epochs", "train", training("sin-cos", data="grid", samples=10000), "long")


def digits():
    yield case("digits/train/100-samples", "train", training("mnist", epochs=2, lr=0.03, data="digits", samples=100))
    yield case("digits/train/5-epochs", "train", training("mnist", lr=0.03, data="digits", samples=2000), "long")


def mnist():
    yield case("mnist/train/200-samples", "train", training("mnist", epochs=1, data="mnist", samples=200))
    yield case("mnist/train/first-epoch", "train", training("mnist", epochs=1, data="mnist", samples=60000), "long")


def points():
    yield case("points/train/20-steps", "train", training("points", epochs=20, data="all", samples=200))
    yield case("points/train/2000-steps", "train", training("points", data="all", samples=200), "long")


def mnist_cnn():
    yield case("mnist-cnn/train/60-samples", "train", training(
        "mnist-cnn", epochs=1, batch_size=20, data="digits", samples=60))
    yield case("mnist-cnn/train/1000-samples", "train", training(
        "mnist-cnn", epochs=2, data="digits", samples=1000), "long")


RUNGS = {  # rung -> its title, its cases, and the version that added it
    "prng": ("SplitMix64, and what is drawn from it", prng, "1.0"),
    "elementary": ("exp, log, tanh, sin, cos", elementary, "1.0"),
    "init": ("normal numbers, and the first parameters of a network", init, "1.0"),
    "product": ("dot and matrix products: the order of a sum", product, "1.0"),
    "forward": ("each layer forward", forward, "1.0"),
    "loss": ("each loss", loss, "1.0"),
    "backward": ("each layer and loss backward", backward, "1.0"),
    "update": ("the update of parameters", update, "1.0"),
    "step": ("a step on a batch: forward, loss, backward, update", step, "1.0"),
    "truth-table": ("training on the truth table", truth_table, "1.0"),
    "alice-bob": ("training on Alice, Bob, Charlie, Diana", alice_bob, "1.0"),
    "sin-cos": ("training on sin x1 - cos x2", sin_cos, "1.0"),
    "digits": ("training on the drawn digits", digits, "1.0"),
    "mnist": ("training on MNIST, whose files are not here", mnist, "1.0"),
    "points": ("training on points of a plane", points, "1.1"),
    "images": ("convolution, pooling, batch normalisation, and a step through them", images, "1.1"),
    "mnist-cnn": ("training a convolutional network on the drawn digits", mnist_cnn, "1.1"),
}


def data_of(rung):
    """What the file holds beside its cases: samples, or where they are."""
    if rung in ("truth-table", "alice-bob"):
        return {"data": {"all": floats(*tasks.task(rung).data(0, None).train)}}
    if rung == "sin-cos":
        x, y = tasks.task(rung).data(0, None).train
        return {"data": {"grid": floats(zip(x[::2], x[1::2]), y)}}
    files = {"images": "train-images-idx3-ubyte", "labels": "train-labels-idx1-ubyte"}
    if rung == "points":
        x, y = tasks.task(rung).data(0, None).train
        return {"data": {"all": {"x": x, "y": y}}}
    if rung in ("digits", "mnist-cnn"):
        return {"data": {"digits": {"folder": "../../digits", **files}}}
    return {"data": {"mnist": files}} if rung == "mnist" else {}


def record(rung, long, known):
    """The content of a rung's file. known: the recorded answers by id, which long cases keep unless `long`"""
    data = data_of(rung)
    read = {name: read_data(FOLDER, source) for name, source in data.get("data", {}).items()}
    title, made, _ = RUNGS[rung]
    cases = []
    for item in made():
        if "long" in item.get("flags", ()) and not long:
            answer = known[item["id"]]
        else:
            asked = read_case({**item, "out": {}}, read)
            answer = encode(OPERATIONS[asked.op].answer(**asked.inputs))
        after = {key: item.pop(key) for key in ("flags", "since") if key in item}
        cases.append({**item, "out": answer, **after})
    return {"rung": rung, "title": title, "source": SOURCE, "count": len(cases), **data, "cases": cases}


def index():
    """The content of index.json."""
    rungs = [{"rung": rung, "title": title, "count": len(list(made())), **({"since": since} if since != "1.0" else {})}
             for rung, (title, made, since) in RUNGS.items()]
    return {"spec": VERSION, "source": SOURCE, "rungs": rungs}


def dump(record):
    """A file's text: one line for each case, each set of data, each rung of the index."""
    lines = []
    for key, value in record.items():
        if key == "data":
            items = ",\n".join(f"  {json.dumps(name)}: {json.dumps(source)}" for name, source in value.items())
            lines.append(f' "data": {{\n{items}\n }}')
        elif isinstance(value, list):
            items = ",\n".join("  " + json.dumps(item) for item in value)
            lines.append(f" {json.dumps(key)}: [\n{items}\n ]")
        else:
            lines.append(f" {json.dumps(key)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def main(arguments):
    for rung in [name for name in arguments if name != "--long"] or RUNGS:
        path = FOLDER / f"{rung}.json"
        known = {case["id"]: case["out"] for case in json.loads(path.read_text())["cases"]} if path.exists() else {}
        try:
            path.write_text(dump(record(rung, "--long" in arguments, known)))
        except InputError as error:
            print(f"{rung}: {error}", file=sys.stderr)
    (FOLDER / "index.json").write_text(dump(index()))


if __name__ == "__main__":
    main(sys.argv[1:])
