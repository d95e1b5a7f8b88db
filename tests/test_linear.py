"""Linear layers: neurons and a step by hand, and two layers in fractions."""

from fractions import Fraction

from bits import assert_same_bits
from networks import network
from refnn import Linear, Model, Sigmoid, mlp


def test_one_neuron(impl):
    made = network(impl, Model([Linear(2, 1), Sigmoid()]), [0, 1, 4])
    assert made.forward([[2, 3]]) == [[0.9990889488055994]]


def test_three_neurons(impl):
    made = network(impl, mlp([2, 2, 1], output="sigmoid"), [0, 0, 1, 1, 0, 0, 0, 1, 0])
    assert made.forward([[2, 3]]) == [[0.7216325609518421]]


def test_linear_step_by_hand(impl):
    """x = (1, 2), w = ((.5, -1), (.25, 2)), b = (.125, -.5): z = (1.125, 2.5); y = (1, 2), L = 1/2 (.125^2 + .5^2)"""
    made = network(impl, Model([Linear(2, 2)], loss="mse"), [0.5, -1, 0.25, 2, 0.125, -0.5])
    assert made.forward([[1, 2]]) == [[1.125, 2.5]]
    assert made.loss([[1, 2]], [[1, 2]]) == 0.1328125
    assert list(made.gradients([[1, 2]], [[1, 2]])) == [0.125, 0.5, 0.25, 1.0, 0.125, 0.5]
    made.update(made.gradients([[1, 2]], [[1, 2]]), lr=0.5)
    assert list(made.parameters) == [0.4375, -1.25, 0.125, 1.5, 0.0625, -0.75]


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
