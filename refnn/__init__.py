"""refnn: a neural network written twice, in plain Python to be read and in C to be fast, with identical bits.

    from refnn import Linear, Model, Network, Sigmoid

    model = Model([Linear(2, 2), Sigmoid(), Linear(2, 1), Sigmoid()], loss="mse")
    network = Network(model, impl="c", seed=0)
    network.train([[-2, -1], [25, 6]], [1, 0], epochs=100, lr=0.1)
    network.predict([[-7, -3]])
"""

from .errors import DivergenceError, InputError, RefnnError, UnavailableError
from .gradient_check import GradientCheck, gradient_check
from .model import (BatchNorm2d, Conv2d, Flatten, Identity, LeakyReLU, Linear, MaxPool2d, Model, ReLU, Sigmoid, Softmax,
                    Tanh, mlp)
from .network import Epoch, Evaluation, Network
from .samples import Samples, check_samples

__version__ = "0.1.0"
SPEC = 1  # the version of the numerics contract

__all__ = ["BatchNorm2d", "Conv2d", "DivergenceError", "Epoch", "Evaluation", "Flatten", "GradientCheck", "Identity", "InputError", "LeakyReLU",
           "Linear", "MaxPool2d", "Model", "Network", "ReLU", "RefnnError", "SPEC", "Samples", "Sigmoid", "Softmax", "Tanh",
           "UnavailableError", "check_samples", "gradient_check", "mlp"]
