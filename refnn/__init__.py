"""refnn: a neural network written twice, in plain Python to be read and in C to be fast, with identical bits.

    from refnn import Linear, Model, Network, Sigmoid

    model = Model([Linear(2, 2), Sigmoid(), Linear(2, 1), Sigmoid()], loss="mse")
    network = Network(model, impl="c", seed=0)
    network.train([[-2, -1], [25, 6]], [1, 0], epochs=100, lr=0.1)
    network.predict([[-7, -3]])
"""

from . import layers
from .errors import DivergenceError, InputError, RefnnError, UnavailableError
from .gradient_check import GradientCheck, gradient_check
from .layers import *
from .model import Model, mlp
from .network import Epoch, Evaluation, Network
from .samples import Samples, check_samples

__version__ = "0.1.0"
SPEC = 1  # the version of the numerics contract

__all__ = ["SPEC", "DivergenceError", "Epoch", "Evaluation", "GradientCheck", "InputError", "Model", "Network",
           "RefnnError", "Samples", "UnavailableError", "check_samples", "gradient_check", "mlp"]
__all__ += layers.__all__
