"""Networks that last: files, PyTorch's state dict in both directions, views, copies, and training that continues."""

import copy
import json
import pickle
import random
import tracemalloc
from array import array

import pytest
import refnn
from bits import assert_same_bits
from refnn import (
    BatchNorm2d,
    Conv2d,
    DivergenceError,
    Flatten,
    Identity,
    InputError,
    LeakyReLU,
    Linear,
    MaxPool2d,
    Model,
    Network,
    ReLU,
    Sigmoid,
    Softmax,
    Tanh,
    mlp,
)
from refnn.safetensors import Tensor, from_bytes, to_bytes

MODELS = {
    "perceptron": mlp([3, 5, 2], "tanh"),
    "no bias": mlp([3, 4, 4, 2], "leaky_relu", bias=False),
    "images": Model([Conv2d(2, 3, (2, 3), (1, 2), (1, 0)), BatchNorm2d(3, 0.01, 0.25), ReLU(), MaxPool2d(2, 1),
                     Flatten(), Linear(18, 2)], input_shape=(2, 3, 7)),
    "all activations": Model([Linear(3, 3), Sigmoid(), Linear(3, 3), Tanh(), Linear(3, 3), ReLU(), Linear(3, 3),
                              LeakyReLU(), Linear(3, 3), Softmax(), Linear(3, 2), Identity()])}
TRAINING = dict(lr=0.05, lr_decay=0.5, lr_decay_every=2, batch_size=3, shuffle=True)


def samples_for(model, count=8, seed=0):
    generator = random.Random(seed)
    return ([[generator.gauss(0.0, 1.0) for _ in range(model.inputs)] for _ in range(count)],
            [[generator.gauss(0.0, 1.0) for _ in range(model.outputs)] for _ in range(count)])


def trained(model, impl, epochs=3, seed=7):
    network = Network(model, impl, seed)
    network.train(*samples_for(model), epochs=epochs, **TRAINING)
    return network


def everything(network):
    return [list(network.parameters), list(network.buffers), network.epoch, network.batches, network.seed,
            network.settings]


@pytest.mark.parametrize("name", MODELS)
def test_a_file_has_everything(impl, name, tmp_path):
    network = trained(MODELS[name], impl)
    network.save(tmp_path / "f")
    for other in ("python", "c"):
        loaded = refnn.load(tmp_path / "f", impl=other)
        assert loaded.model == network.model
        assert_same_bits(everything(loaded), everything(network))
    assert network.batches == 9


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("first", ["python", "c"])
@pytest.mark.parametrize("second", ["python", "c"])
def test_two_epochs_and_three_are_five(name, first, second, tmp_path):
    model, data = MODELS[name], samples_for(MODELS[name])
    whole = Network(model, "python", 7)
    history = whole.train(*data, epochs=5, **TRAINING)
    part = Network(model, first, 7)
    histories = part.train(*data, epochs=2, **TRAINING)
    part.save(tmp_path / "f")
    loaded = refnn.load(tmp_path / "f", impl=second)
    histories += loaded.train(*data, epochs=3, **loaded.settings)[1:]
    assert_same_bits(everything(loaded), everything(whole))
    assert_same_bits(*([epoch._replace(seconds=0.0)[:] for epoch in epochs] for epochs in (histories, history)))


def test_the_rate_of_a_later_epoch_is_checked(impl):
    network = trained(mlp([3, 5, 2]), impl, epochs=5)
    network.epoch = 400
    with pytest.raises(InputError, match=r"with lr_decay 0\.1 the learning rate is 0.0 from epoch"):
        network.train(*samples_for(network.model), epochs=1, lr=0.1, lr_decay=0.1)


# PyTorch


def equivalent(torch, model):
    """The torch.nn.Sequential of a model, in float64."""
    nn = torch.nn
    made = {"linear": lambda a: nn.Linear(a.inputs, a.outputs, a.bias),
            "conv2d": lambda a: nn.Conv2d(*list(vars(a).values())[:5], bias=a.bias),
            "batchnorm2d": lambda a: nn.BatchNorm2d(a.num_features, a.eps, a.momentum),
            "maxpool2d": lambda a: nn.MaxPool2d(a.kernel_size, a.stride), "flatten": lambda a: nn.Flatten(),
            "identity": lambda a: nn.Identity(), "sigmoid": lambda a: nn.Sigmoid(), "tanh": lambda a: nn.Tanh(),
            "relu": lambda a: nn.ReLU(), "leaky_relu": lambda a: nn.LeakyReLU(0.01), "softmax": lambda a: nn.Softmax(1)}
    return nn.Sequential(*(made[layer.name](layer) for layer in model.layers)).double().eval()


def outputs(torch, torch_model, model, x):
    with torch.no_grad():
        o = torch_model(torch.tensor(x, dtype=torch.float64).reshape(-1, *model.shapes[0]))
        return o.reshape(len(x), -1).tolist()


def assert_close(a, b, tolerance=1e-12):
    assert max(abs(v - w) for row, other in zip(a, b) for v, w in zip(row, other)) <= tolerance


@pytest.mark.parametrize("name", MODELS)
def test_pytorch_loads_a_saved_network(impl, name, tmp_path):
    torch = pytest.importorskip("torch")
    load_file = pytest.importorskip("safetensors.torch").load_file
    network = trained(MODELS[name], impl)
    network.save(tmp_path / "f")
    torch_model = equivalent(torch, network.model)
    torch_model.load_state_dict(load_file(tmp_path / "f"))
    x = samples_for(network.model, 20, seed=1)[0]
    assert_close(network.forward(x), outputs(torch, torch_model, network.model, x))
    if name == "images":
        assert torch_model[1].num_batches_tracked == network.batches == 9


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_network_loads_a_state_dict_of_pytorch(impl, name, dtype, tmp_path):
    torch = pytest.importorskip("torch")
    save_file = pytest.importorskip("safetensors.torch").save_file
    torch_model = equivalent(torch, MODELS[name]).train()
    torch_model(torch.randn(5, *MODELS[name].shapes[0], dtype=torch.float64))  # moves the running statistics
    torch_model = torch_model.to(getattr(torch, dtype)).eval()
    save_file(torch_model.state_dict(), tmp_path / "f")
    x = samples_for(MODELS[name], 20, seed=1)[0]
    expected = outputs(torch, torch_model.double(), MODELS[name], x)
    network = refnn.load(tmp_path / "f", MODELS[name], impl)
    assert_close(network.forward(x), expected)
    direct = Network(MODELS[name], impl)
    direct.load_state_dict(torch_model.state_dict())  # without a file
    assert_same_bits(direct.forward(x), network.forward(x))
    direct.load_state_dict(torch_model.half().state_dict())
    assert_close(direct.forward(x), outputs(torch, torch_model.double(), MODELS[name], x))
    with pytest.raises(InputError, match=r"f: it has no model; load\(path, model\) needs it"):
        refnn.load(tmp_path / "f")


# Invalid files and states


def linear(**fields):
    layers = [{"layer": "Linear", "inputs": 2, "outputs": 1, "bias": False, **fields}]
    return {"model": {"layers": layers, "loss": "mse", "init": "fan_in", "input_shape": None}}


def metadata_of(**changes):
    fields = {**linear(), "training": {}, **changes}
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in fields.items()}


WEIGHT = {"0.weight": Tensor((1, 2), array("d", [1.0, 2.0]))}


def test_a_minimal_file(tmp_path, impl):
    (tmp_path / "f").write_bytes(to_bytes(WEIGHT, metadata_of()))
    assert refnn.load(tmp_path / "f", impl=impl).forward([[1.0, 10.0]]) == [[21.0]]


@pytest.mark.parametrize("tensors, changes, message", [
    ({}, {}, "there is no tensor 0.weight"),
    ({"0.weights": WEIGHT["0.weight"]}, {}, "there is no tensor 0.weight; there is 0.weights"),
    ({**WEIGHT, "0.bias": Tensor((1,), array("d", [0.0]))}, {}, "the model has no tensor '0.bias'"),
    ({"0.weight": Tensor((2, 1), array("d", [1.0, 2.0]))}, {}, "0.weight has shape (2, 1), the model needs (1, 2)"),
    ({"0.weight": Tensor((1, 2), array("d", [1.0, float("nan")]))}, {}, "0.weight[1] is nan, not a finite number"),
    (WEIGHT, {"model": "{"}, "model in the metadata is not valid JSON"),
    (WEIGHT, {"model": '{"a":' * 20000}, "model in the metadata is not valid JSON"),
    (WEIGHT, {"model": "[]"}, "model in the metadata is not a JSON object"),
    (WEIGHT, {"model": {}}, "the model in the metadata is invalid: it lacks a part, or a part has the wrong type"),
    (WEIGHT, {"model": '{"layers": [1]}'}, "it lacks a part, or a part has the wrong type"),
    (WEIGHT, {"model": '{"layers": 1}'}, "it lacks a part, or a part has the wrong type"),
    (WEIGHT, linear(more=1), "it lacks a part, or a part has the wrong type"),
    (WEIGHT, linear(inputs=2.5), "inputs of Linear must be a whole number from 1"),
    (WEIGHT, linear(layer="Linaer"), "unknown layer 'Linaer'; did you mean 'Linear'?"),
    (WEIGHT, linear(layer="__import__"), "unknown layer '__import__'"),
    (WEIGHT, linear(inputs=2147483647, outputs=2147483647), "is too large"),
    (WEIGHT, linear(inputs=46340, outputs=46340), "0.weight has shape (1, 2), the model needs (46340, 46340)"),
    (WEIGHT, {"model": json.dumps(linear()["model"]).replace("2", "9" * 100)}, "is not valid JSON"),
    (WEIGHT, {"training": '{"epoch": -1}'}, "epoch must be a whole number from 0"),
    (WEIGHT, {"training": '{"epoch": 1.5}'}, "epoch must be a whole number from 0"),
    (WEIGHT, {"training": '{"seed": "1"}'}, "seed must be a whole number from 0"),
    (WEIGHT, {"training": '{"batches": NaN}'}, "training in the metadata is not valid JSON"),
    (WEIGHT, {"training": '{"settings": {"exec": 1}}'}, "the training's settings in the metadata are invalid"),
    (WEIGHT, {"training": '{"settings": 1}'}, "the training's settings in the metadata are invalid"),
])
def test_invalid_files(tmp_path, tensors, changes, message):
    path = tmp_path / "f"
    path.write_bytes(to_bytes(tensors, metadata_of(**changes)))
    with pytest.raises(InputError) as caught:
        refnn.load(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_tensors_are_checked_before_memory_is_taken(tmp_path):
    """A file of some bytes cannot make refnn reserve the memory of a large network."""
    changes = linear(inputs=46340, outputs=46340)
    (tmp_path / "f").write_bytes(to_bytes(WEIGHT, metadata_of(**changes)))
    tracemalloc.start()
    with pytest.raises(InputError):
        refnn.load(tmp_path / "f")
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()


def test_other_files(tmp_path, impl):
    with pytest.raises(InputError, match=r"nothing: No such file"):
        refnn.load(tmp_path / "nothing")
    trained(mlp([3, 5, 2]), impl).save(tmp_path / "f")
    with pytest.raises(InputError, match="this is the network of another model: 3-5-2"):
        refnn.load(tmp_path / "f", mlp([3, 4, 2]))
    with pytest.raises(InputError, match=r"'/nowhere/f' could not be written: No such file or directory"):
        trained(mlp([3, 5, 2]), impl).save("/nowhere/f")


def test_a_file_is_the_same_at_every_call(tmp_path):
    files = []
    for impl in ("python", "c"):
        trained(MODELS["images"], impl).save(tmp_path / impl)
        files.append((tmp_path / impl).read_bytes())
    assert files[0] == files[1]
    tensors, metadata = from_bytes(files[0], "f")
    assert list(metadata) == ["format", "model", "refnn", "spec", "training"]
    assert tensors["0.weight"].shape == (3, 2, 2, 3)


def test_state_dict(impl):
    network = trained(MODELS["images"], impl)
    state = network.state_dict()
    assert {name: view.shape for name, view in state.items()} == {
        "0.weight": (3, 2, 2, 3), "0.bias": (3,), "1.weight": (3,), "1.bias": (3,), "1.running_mean": (3,),
        "1.running_var": (3,), "1.num_batches_tracked": (), "5.weight": (2, 18), "5.bias": (2,)}
    other = Network(network.model, impl)
    other.load_state_dict(state)
    assert_same_bits([list(other.parameters), list(other.buffers), other.batches],
                     [list(network.parameters), list(network.buffers), 9])
    other.load_state_dict({name: view.tolist() for name, view in state.items()})
    before = everything(other)
    with pytest.raises(InputError, match=r"1.running_var\[2\] is -1.0, but it is a variance"):
        other.load_state_dict({**state, "0.bias": [0.0] * 3, "1.running_var": [1, 1, -1]})
    with pytest.raises(InputError, match=r"5\.weight must be nested lists, 2 x 18"):
        other.load_state_dict({**state, "5.weight": [[1.0]]})
    with pytest.raises(InputError, match=r"1\.num_batches_tracked must be a whole number from 0"):
        other.load_state_dict({**state, "1.num_batches_tracked": "many"})
    assert everything(other) == before


class Scale:
    """a[i] = x[i] * s[i]"""

    def __init__(self, values):
        self.parameters = [list(values)]
        self.buffers = [[0.0]]

    def forward(self, x):
        return [[v * s for v, s in zip(row, self.parameters[0])] for row in x]

    def backward(self, x, a, da):
        self.buffers[0][0] += 1.0
        ds = [0.0] * len(self.parameters[0])
        for row, d_row in zip(x, da):
            for i, (v, d) in enumerate(zip(row, d_row)):
                ds[i] += v * d
        return [[d * s for d, s in zip(d_row, self.parameters[0])] for d_row in da], [ds]


def test_custom_layers(tmp_path):
    model = Model([Linear(3, 2), Scale([1.0, 2.0])])
    network = trained(model, "python")
    network.save(tmp_path / "f")
    assert list(network.state_dict()) == ["0.weight", "0.bias", "1.parameters.0", "1.buffers.0"]
    with pytest.raises(InputError, match=r"f: its model has custom layers; load\(path, model\) needs it"):
        refnn.load(tmp_path / "f")
    for same in (refnn.load(tmp_path / "f", model), copy.deepcopy(network), pickle.loads(pickle.dumps(network))):
        assert_same_bits(everything(same), everything(network))
        same.train(*samples_for(model), epochs=1, lr=0.1)
        assert same.parameters != network.parameters
        assert same.buffers != network.buffers


# Copies and views


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda network: pickle.loads(pickle.dumps(network))])
def test_copies_are_whole_and_independent(impl, duplicate):
    network = trained(MODELS["images"], impl)
    other = duplicate(network)
    before = everything(network)
    assert_same_bits(everything(other), before)
    other.train(*samples_for(network.model), epochs=1, **TRAINING)
    assert everything(network) == before
    network.train(*samples_for(network.model), epochs=1, **TRAINING)
    assert_same_bits(everything(other), everything(network))


def test_only_a_new_network_draws_parameters(impl, tmp_path, monkeypatch):
    network = trained(MODELS["images"], impl)
    network.save(tmp_path / "saved")
    seeds, constructor = [], refnn.implementations.load(impl)
    assert set(constructor(network.model, None).get_parameters()) <= {0.0, 1.0}
    monkeypatch.setattr(refnn.implementations, "load", lambda name: lambda model, seed, threads: (
        seeds.append(seed), constructor(model, seed, threads))[1])
    for other in (copy.copy(network), refnn.load(tmp_path / "saved", impl=impl)):
        assert_same_bits(everything(other), everything(network))
    Network(network.model, impl, 7)
    assert seeds == [None, None, 7]


def test_assigning_to_a_copy_of_the_parameters_is_refused(impl):
    network = trained(MODELS["images"], impl)
    for values in (network.parameters, network.buffers):
        with pytest.raises(TypeError, match=r"this is a copy .* assign to network\.layers\[k\]\.weight"):
            values[0] = 5.0
        assert pickle.loads(pickle.dumps(values)) == values


def test_views(impl):
    network = trained(MODELS["images"], impl)
    conv, norm, relu, *_, last = network.layers
    assert (conv.weight.shape, conv.bias.shape, last.weight.shape) == ((3, 2, 2, 3), (3,), (2, 18))
    assert norm.running_var.shape == (3,)
    last.weight[1, 17] = 5
    last.weight[0] = range(18)
    conv.weight[-1, 0, 1] = [1.0, 2.0, 3.0]
    conv.bias[:] = (4.0, 5.0, -0.0)
    norm.running_mean[0] = -1.5
    parameters, linear_start = network.parameters, 3 * 12 + 3 + 6
    assert parameters[linear_start + 2 * 17 + 1] == 5.0
    assert list(parameters[linear_start:linear_start + 36:2]) == [float(k) for k in range(18)]
    assert list(parameters[24 + 3:24 + 6]) == [1.0, 2.0, 3.0]
    assert_same_bits(list(parameters[36:39]), [4.0, 5.0, 0.0])
    assert network.buffers[0] == -1.5
    assert conv.weight[2][0][1][2] == conv.weight[2, 0, 1, 2] == 3.0
    assert last.weight.tolist() == network.state_dict()["5.weight"].tolist()
    assert [row[0] for row in last.weight] == [0.0, last.weight[1, 0]]
    assert conv.bias == [4.0, 5.0, 0.0] and conv.bias == conv.bias and len(conv.bias) == 3
    assert repr(conv.weight[1]) == "<0.weight[1], 2 x 2 x 3>"
    assert repr(relu) == "<layer 2: ReLU()>"
    network.parameters = [0.0] * network.model.parameter_count
    assert last.weight[0, 3] == 0.0


@pytest.mark.parametrize("change, error, message", [
    (lambda layers: layers[0].weight.__setitem__(3, 1.0), IndexError,
     r"0.weight has shape \(3, 2, 2, 3\); there is no \[3\]"),
    (lambda layers: layers[0].weight[0, 0, 0, -4], IndexError, "there is no"),
    (lambda layers: layers[0].bias[0, 0], IndexError, "0.bias has 1 dimensions, not 2"),
    (lambda layers: layers[0].bias[1:], IndexError, "an index is a whole number, or : for all"),
    (lambda layers: layers[0].bias["a"], TypeError, "str"),
    (lambda layers: layers[0].bias.__setitem__(0, float("nan")), InputError, "is nan, not a finite number"),
    (lambda layers: layers[0].bias.__setitem__(0, "1"), InputError, "'1', not a number"),
    (lambda layers: layers[0].bias.__setitem__(slice(None), [1.0]), InputError, "0.bias must be 3 numbers, not 1"),
    (lambda layers: layers[1].running_var.__setitem__(0, -1.0), InputError, "is -1.0, but it is a variance"),
    (lambda layers: layers[2].weight, AttributeError, "layer 2, ReLU, has no weight"),
    (lambda layers: layers[5].running_mean, AttributeError, "layer 5, Linear, has no running_mean"),
])
def test_invalid_use_of_views(impl, change, error, message):
    network = trained(MODELS["images"], impl)
    before = everything(network)
    with pytest.raises(error, match=message):
        change(network.layers)
    assert everything(network) == before


def test_views_and_numpy(impl):
    numpy = pytest.importorskip("numpy")
    network = trained(MODELS["images"], impl)
    weight = network.layers[5].weight
    values = numpy.asarray(weight)
    assert values.shape == (2, 18) and values.tolist() == weight.tolist()
    weight[:] = values[:, ::-1] * 2
    assert (numpy.asarray(weight) == values[:, ::-1] * 2).all()
    assert numpy.asarray(network.state_dict()["5.weight"]).shape == (2, 18)


def test_repr_is_a_summary(impl):
    network = trained(MODELS["images"], impl)
    assert repr(network).splitlines() == [
        "layer                                                  output     parameters",
        "input                                                  2 x 3 x 7",
        "0 Conv2d(2, 3, (2, 3), stride=(1, 2), padding=(1, 0))  3 x 4 x 3          39",
        "1 BatchNorm2d(3, eps=0.01, momentum=0.25)              3 x 4 x 3           6",
        "2 ReLU()                                               3 x 4 x 3           0",
        "3 MaxPool2d((2, 2), stride=(1, 1))                     3 x 3 x 2           0",
        "4 Flatten()                                            18                  0",
        "5 Linear(18, 2)                                        2                  38",
        "total                                                                     83",
        f"loss mse, impl {impl}, seed 7, epoch 3"]
    assert "0 Scale" in repr(Network(Model([Scale([1.0])], input_shape=(1,))))


# Callbacks


@pytest.mark.parametrize("validation", [None, samples_for(mlp([3, 5, 2]), seed=2)])
def test_a_callback_sees_the_network_of_its_epoch(impl, validation):
    model = mlp([3, 5, 2])
    network, data, seen = Network(model, impl, 7), samples_for(model), []
    network.train(*data, epochs=5, validation=validation, on_epoch=lambda epoch: seen.append(
        (epoch.epoch, network.epoch, epoch.train_loss == network.loss(*data), list(network.parameters))), **TRAINING)
    step_by_step = Network(model, impl, 7)
    for k, (epoch, of_network, same_loss, parameters) in enumerate(seen):
        assert (epoch, of_network, same_loss) == (k, k, True)
        assert parameters == list(step_by_step.parameters)
        if k < 5:
            step_by_step.train(*data, epochs=1, **TRAINING)
    assert len(seen) == 6


def test_true_from_a_callback_stops_training(impl):
    network, data = Network(mlp([3, 5, 2]), impl, 7), samples_for(mlp([3, 5, 2]))
    history = network.train(*data, epochs=50, on_epoch=lambda epoch: epoch.epoch == 4, **TRAINING)
    assert (len(history), network.epoch) == (5, 4)
    assert network.train(*data, epochs=50, on_epoch=lambda epoch: True, **TRAINING)[0].epoch == 4
    assert len(network.train(*data, epochs=2, on_epoch=lambda epoch: 1, **TRAINING)) == 3  # only True itself stops


def test_an_exception_in_a_callback_leaves_the_network_at_its_epoch(impl):
    network, data = Network(mlp([3, 5, 2]), impl, 7), samples_for(mlp([3, 5, 2]))

    def fail(epoch):
        if epoch.epoch == 3:
            raise ValueError

    with pytest.raises(ValueError):
        network.train(*data, epochs=50, on_epoch=fail, **TRAINING)
    same = Network(network.model, impl, 7)
    same.train(*data, epochs=3, **TRAINING)
    assert_same_bits(everything(network), everything(same))


@pytest.mark.parametrize("steps", [1, 7, 10, 25])
@pytest.mark.parametrize("with_callback", [True, False])
def test_an_interrupt_within_an_epoch_leaves_the_network_at_the_epoch_before(impl, monkeypatch, steps, with_callback):
    network, data = Network(mlp([3, 5, 2]), impl, 7), samples_for(mlp([3, 5, 2]))
    calls = []

    def interrupted(name):
        original = getattr(network._implementation, name)

        def call(*arguments):
            result = original(*arguments)
            calls.append(name)
            if len(calls) == steps:
                raise KeyboardInterrupt
            return result

        monkeypatch.setattr(network._implementation, name, call)

    for name in ("train", "evaluate", "train_epochs"):
        interrupted(name)
    settings = dict(TRAINING, on_epoch=print) if with_callback else TRAINING
    if impl == "c" and not with_callback:
        steps = min(steps, 2)  # one call of train_epochs trains all
        monkeypatch.setattr(network._implementation, "epochs_per_call", lambda samples: 20)
    with pytest.raises(KeyboardInterrupt):
        network.train(*data, epochs=100, **settings)
    same = Network(network.model, impl, 7)
    if network.epoch:
        same.train(*data, epochs=network.epoch, **TRAINING)
    assert_same_bits(everything(network)[:4], everything(same)[:4])


def test_divergence_still_keeps_the_last_finite_parameters(impl):
    network = Network(Model([Linear(1, 1, bias=False)], loss="sse"), impl)
    network.parameters = [1.0]
    with pytest.raises(DivergenceError):
        network.train([[1.0]] * 10, [0.0] * 10, epochs=3, lr=1e200, on_epoch=lambda epoch: None)
    assert list(network.parameters) == [1.0]
    assert (network.epoch, network.batches) == (0, 0)
