"""The exceptions that a user can meet. The command lines print them in one line and exit with 2; any other is a bug."""


class RefnnError(Exception):
    """The base of all refnn's exceptions."""


class InputError(RefnnError, ValueError):
    """A value, a file or a name that cannot be used. Raised before anything is computed."""


class UnavailableError(RefnnError, RuntimeError):
    """Something that this machine does not have: the C core, the MNIST files, a network connection to fetch them."""


class DivergenceError(RefnnError, ArithmeticError):
    """The loss or a parameter became infinite or NaN in training; the network keeps its last finite parameters.

    epoch, step: when; a step of 0 means outside training
    """

    def __init__(self, message: str, epoch: int, step: int) -> None:
        super().__init__(message)
        self.epoch = epoch
        self.step = step
