"""refnn: a neural network written twice, in plain Python to be read and in C to be fast, with identical bits.

    from refnn import Linear, Model, Network, Sigmoid

    model = Model([Linear(2, 2), Sigmoid(), Linear(2, 1), Sigmoid()], loss="mse")
    network = Network(model, impl="c", seed=0)
    network.train([[-2, -1], [25, 6]], [1, 0], epochs=100, lr=0.1)
    network.predict([[-7, -3]])
"""

from . import interrupts

interrupts.expect()

from . import layers
from .errors import DivergenceError, InputError, RefnnError, UnavailableError
from .gradient_check import GradientCheck, gradient_check
from .layers import *
from .model import Model, mlp
from .network import Epoch, Evaluation, Network, load
from .samples import Pixels, Samples, check_samples, pixels
from .version import SPEC, __version__

__all__ = ["SPEC", "DivergenceError", "Epoch", "Evaluation", "GradientCheck", "InputError", "Model", "Network",
           "Pixels", "RefnnError", "Samples", "UnavailableError", "__version__", "check_samples", "gradient_check",
           "load", "mlp", "pixels"]
__all__ += layers.__all__
