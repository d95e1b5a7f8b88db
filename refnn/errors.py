"""What can go wrong for a user. The command lines print these in one line and exit with 2; all else is a bug."""


class RefnnError(Exception):
    """The base of all that follows."""


class InputError(RefnnError, ValueError):
    """A value, a file or a name that cannot be used. Raised before anything is computed."""


class UnavailableError(RefnnError, RuntimeError):
    """Something this machine does not have: the C core, the MNIST files, a network to fetch them."""


class DivergenceError(RefnnError, ArithmeticError):
    """The loss or a parameter became infinite or NaN in training; the network keeps its last finite parameters."""

    def __init__(self, message, epoch, step):
        super().__init__(message)
        self.epoch = epoch
        self.step = step
