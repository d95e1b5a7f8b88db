"""Conv2d with huge kernels, strides and paddings: both implementations return the same bits, or refuse the model."""

import os
import random

import pytest
from refnn import Conv2d, InputError, Linear, Model, Network
from refnn.layers import MAX_PADDED

SIZES = (1, 2, 3, 5, 23170, 46341, 65536, 2**20, 2**30, 2**31 - 1)
WORK = 30_000  # numbers and products of a case that is computed


def trained(model, seed):
    """The parameters after a step, of each implementation."""
    choose = random.Random(seed)
    x = [[choose.uniform(-1.0, 1.0) for _ in range(model.inputs)]]
    y = [[0.0] * model.outputs]
    after = []
    for impl in ("python", "c"):
        network = Network(model, impl, seed)
        network.train(x, y, epochs=1, lr=1e-3)
        after.append((network.parameters.tobytes(), network.input_gradients(x, y)))
    return after


def test_a_tall_kernel_over_padding():
    python, c = trained(Model([Conv2d(1, 1, (46341, 1), padding=(23170, 0))], input_shape=(1, 2, 1)), 1)
    assert python == c


@pytest.mark.parametrize("layer", [Conv2d(1, 1, 1, padding=2**31 - 1), Conv2d(1, 1, (1, 2**20), padding=(2**14, 2**20)),
                                   Conv2d(1, 1, (2**31 - 1, 1), padding=(2**30, 0))])
def test_too_large_a_padded_image_is_refused(layer):
    with pytest.raises(InputError, match=f"layer 0 has a padded input of .* numbers; the maximum is {MAX_PADDED}"):
        Model([layer], input_shape=(1, 3, 3))


def test_random_cases():
    seed = int(os.environ.get("REFNN_TEST_SEED", "1"))
    choose = random.Random(seed)
    compared = 0
    while compared < 40:
        channels = choose.choice([1, 2])
        arguments = {"kernel_size": (choose.choice(SIZES), choose.choice(SIZES[:4])),
                     "stride": (choose.choice(SIZES), choose.choice(SIZES)), "bias": choose.random() < 0.5,
                     "padding": (choose.choice((0, *SIZES)), choose.choice((0, *SIZES[:4])))}
        arguments = {name: value[::-1] if choose.random() < 0.5 and isinstance(value, tuple) else value
                     for name, value in arguments.items()}
        layer = Conv2d(channels, choose.choice([1, 2]), **arguments)
        try:
            model = Model([layer], input_shape=(channels, choose.choice(SIZES[:4]), choose.choice(SIZES[:4])))
        except InputError:
            continue
        padded = [length + 2 * added for length, added in zip(model.input_shape[1:], layer.padding)]
        if sum(model.terms) + sum(model.widths) + model.parameter_count + padded[0] * padded[1] > WORK:
            continue
        python, c = trained(model, compared)
        assert python == c, layer
        compared += 1


def test_the_core_takes_every_model_that_is_not_refused():
    """Only the sizes are checked: the parameters of a large one would need gigabytes."""
    core = pytest.importorskip("refnn.implementations.c")
    choose = random.Random(3)
    for _ in range(2000):
        kernel, padding, stride = ([choose.choice((0, *SIZES)) + choose.randint(0, 2) for _ in range(2)]
                                   for _ in range(3))
        try:
            layer = Conv2d(1, 1, kernel, [step or 1 for step in stride], padding)
            model = Model([Linear(4, 4), layer] if choose.random() < 0.1 else [layer], input_shape=(1, 2, 2))
        except InputError:
            continue
        structs = core.ffi.new("refnn_layer[]", [core.layer_struct(layer, model.shapes[0], model.shapes[1])])
        struct = core.ffi.new("refnn_model *", {"layers": structs, "layer_count": 1, "loss": core.constant("mse"),
                                                "init": core.constant("he"), "simd": 0, "threads": 1})
        assert core.lib.refnn_parameter_count(struct) == model.parameter_count, layer
