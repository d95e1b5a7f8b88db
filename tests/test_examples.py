"""Numbers from other sources: worked examples of the articles, sums by hand, exact fractions."""

from fractions import Fraction

import pytest
from bits import assert_same_bits
from refnn import Linear, LeakyReLU, Model, Network, ReLU, Sigmoid, Softmax, mlp
from refnn.reference import activations, losses
from refnn.samples import one_hot_rows


def network(impl, model, parameters):
    made = Network(model, impl)
    made.parameters = parameters
    return made


def test_mse_of_four():
    assert losses.mse([0.0, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 1.0]) == 0.5


def test_mse_of_four_samples(impl):
    zero = network(impl, Model([Linear(1, 1)], loss="mse"), [0.0, 0.0])
    assert zero.loss([[7]] * 4, [1, 0, 0, 1]) == 0.5


def test_softmax_of_5_and_1(impl):
    made = network(impl, Model([Linear(2, 2, bias=False), Softmax()], loss="mse"), [1, 0, 0, 1])
    assert_same_bits([round(v, 8) for v in made.forward([[5, 1]])[0]], [0.98201379, 0.01798621])
    assert_same_bits(made.forward([[5, 1]])[0], activations.softmax_forward([5.0, 1.0]))


def test_one_neuron(impl):
    made = network(impl, Model([Linear(2, 1), Sigmoid()]), [0, 1, 4])
    assert made.forward([[2, 3]]) == [[0.9990889488055994]]


def test_three_neurons(impl):
    made = network(impl, mlp([2, 2, 1], output="sigmoid"), [0, 0, 1, 1, 0, 0, 0, 1, 0])
    assert made.forward([[2, 3]]) == [[0.7216325609518421]]


def test_alice(impl):
    made = network(impl, mlp([2, 2, 1], output="sigmoid", loss="mse"), [1, 1, 1, 1, 0, 0, 1, 1, 0])
    assert round(made.forward([[-2, -1]])[0][0], 3) == 0.524
    assert round(made.gradients([[-2, -1]], [1])[0], 7) == 0.0214695
    hidden = network(impl, Model([Linear(2, 1), Sigmoid()]), [1, 1, 0])
    assert round(hidden.forward([[-2, -1]])[0][0], 4) == 0.0474


def test_a_digit_4():
    assert one_hot_rows([4], 10)[0] == [0, 0, 0, 0, 1, 0, 0, 0, 0, 0]


# By hand, in dyadic numbers: every step is exact, so the results are exact.


def test_linear_step_by_hand(impl):
    """x = (1, 2), w = ((.5, -1), (.25, 2)), b = (.125, -.5): z = (1.125, 2.5); y = (1, 2), L = 1/2 (.125^2 + .5^2)"""
    made = network(impl, Model([Linear(2, 2)], loss="mse"), [0.5, -1, 0.25, 2, 0.125, -0.5])
    assert made.forward([[1, 2]]) == [[1.125, 2.5]]
    assert made.loss([[1, 2]], [[1, 2]]) == 0.1328125
    assert list(made.gradients([[1, 2]], [[1, 2]])) == [0.125, 0.5, 0.25, 1.0, 0.125, 0.5]
    made.update(made.gradients([[1, 2]], [[1, 2]]), lr=0.5)
    assert list(made.parameters) == [0.4375, -1.25, 0.125, 1.5, 0.0625, -0.75]


def test_relu_network_by_hand(impl):
    """x = 2 -> z = (1, -4) -> a = (1, 0) -> o = 3 + 1 = 4; y = 2: do = 4, dw2 = (4, 0), db2 = 4, dz = (12, 0)"""
    model = Model([Linear(1, 2), ReLU(), Linear(2, 1)], loss="sse")
    made = network(impl, model, [0.5, -2, 0, 0, 3, 5, 1])
    assert made.forward([[2]]) == [[4.0]]
    assert_same_bits(list(made.gradients([[2]], [2])), [24.0, 0.0, 12.0, 0.0, 4.0, 0.0, 4.0])


def test_relu_is_flat_at_zero_and_never_minus_zero(impl):
    made = network(impl, Model([Linear(1, 3, bias=False), ReLU()], loss="sse"), [1, -1, 0])
    assert_same_bits(made.forward([[0.0], [1.0], [-1.0]]), [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    assert_same_bits(list(made.gradients([[1.0]], [[5.0, 5.0, 5.0]])), [-8.0, 0.0, 0.0])


def test_leaky_relu_has_its_slope(impl):
    made = network(impl, Model([Linear(1, 1, bias=False), LeakyReLU()], loss="sse"), [1])
    assert made.forward([[-4], [4]]) == [[-0.04], [4.0]]
    assert list(made.gradients([[-4]], [0])) == [2.0 * -0.04 * 0.01 * -4.0]


def test_mean_is_taken_with_the_true_size_of_the_last_batch(impl):
    """w = 1, x = 1, y = 0, lr = 1/8: a batch of any size changes w to w - w / 4"""
    made = network(impl, Model([Linear(1, 1, bias=False)], loss="mse"), [1])
    made.train_epoch([[1]] * 3, [0] * 3, lr=0.125, batch_size=2)
    assert list(made.parameters) == [0.5625]
    made.parameters = [1]
    made.train_epoch([[1]] * 3, [0] * 3, lr=0.125, batch_size=2, reduction="sum")
    assert list(made.parameters) == [0.375]  # 1 - 2/4 = 1/2, then 1/2 - 1/8


def test_argmax_is_the_first_of_equal_outputs(impl):
    made = network(impl, Model([Linear(1, 3, bias=False)], loss="cross_entropy"), [1, 1, 0])
    assert made.evaluate([[1]], [0]).accuracy == 1.0
    assert made.evaluate([[1]], [1]).accuracy == 0.0


def test_cross_entropy_does_not_overflow(impl):
    made = network(impl, Model([Linear(1, 2, bias=False)], loss="cross_entropy"), [1, -1])
    assert made.loss([[1000]], [0]) == 0.0
    assert made.loss([[1000]], [1]) == 2000.0
    assert made.predict([[1000]]) == [[1.0, 0.0]]


# In exact rational arithmetic: random dyadic numbers with few bits, for which double arithmetic is exact.


def test_linear_layers_in_fractions(impl, random):
    inputs, hidden, outputs, count = 5, 4, 3, 6

    def dyadic(rows, columns):
        return [[Fraction(random.below(64) - 32, 8) for _ in range(columns)] for _ in range(rows)]

    def product(a, b):
        return [[sum(x * y for x, y in zip(row, column)) for column in zip(*b)] for row in a]

    def transposed(a):
        return [list(row) for row in zip(*a)]

    x, y = dyadic(count, inputs), dyadic(count, outputs)
    w1, b1, w2, b2 = dyadic(inputs, hidden), dyadic(1, hidden), dyadic(hidden, outputs), dyadic(1, outputs)
    a = [[v + b for v, b in zip(row, b1[0])] for row in product(x, w1)]
    o = [[v + b for v, b in zip(row, b2[0])] for row in product(a, w2)]
    do = [[2 * (v - t) for v, t in zip(*rows)] for rows in zip(o, y)]
    da = product(do, transposed(w2))
    expected = [*product(transposed(x), da), [sum(c) for c in zip(*da)], *product(transposed(a), do),
                [sum(c) for c in zip(*do)]]

    def doubles(rows):
        return [[float(v) for v in row] for row in rows]

    made = network(impl, mlp([inputs, hidden, outputs], "identity", loss="sse"),
                   [float(v) for part in (w1, b1, w2, b2) for row in part for v in row])
    assert_same_bits(made.forward(doubles(x)), doubles(o))
    assert_same_bits(list(made.gradients(doubles(x), doubles(y))), [float(v) for row in expected for v in row])
    assert made.loss(doubles(x), doubles(y)) == float(sum((v - t) ** 2 for rows in zip(o, y) for v, t in zip(*rows)))


@pytest.mark.parametrize("name", ["fan_in", "fan_out", "normal", "normal_0.1", "uniform"])
def test_initialisation_has_its_scale(impl, name):
    parameters = Network(mlp([100, 25], init=name), impl, seed=1).parameters
    spread = (sum(v * v for v in parameters) / len(parameters)) ** 0.5
    expected = {"fan_in": 0.1, "fan_out": 0.2, "normal": 1.0, "normal_0.1": 0.1, "uniform": 1 / 3**0.5}[name]
    assert abs(spread / expected - 1.0) < 0.05
    assert (min(parameters) >= 0.0) == (name == "uniform")
