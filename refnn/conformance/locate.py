"""From a training run that is wrong to the step where it goes wrong.

The oracle trains up to the first epoch that ends otherwise; then the subject is asked to train from there, over fewer and fewer
steps, until a single one is left, and that step is a case of its own.
"""

from typing import NamedTuple, Optional

from ..network import digest, learning_rates
from ..samples import check_samples
from .operations import OPERATIONS
from .operations.models import model_of
from .vectors import Case


class Located(NamedTuple):
    """epoch, step: where it goes wrong, both from 1; step is None where every step alone is right, so that it is the epoch's order or
    rate. case: that step by itself, to be asked; samples: the numbers of its samples.
    """

    epoch: int
    step: Optional[int] = None
    case: Optional[Case] = None
    samples: tuple = ()


def locate(case, answer, ask, oracle):
    """The step that goes wrong in a case of `train`; None where it goes wrong before training, or the subject repeats no part.

    ask:    case -> the subject's answer, or None
    oracle: a class with the methods of the reference's Network
    """
    wrong = [e for e, right in enumerate(case.answer["digests"]) if answer["digests"][e] != right]
    if not wrong or wrong[0] == 0:
        return None
    epoch, inputs, size = wrong[0], case.inputs, case.inputs["batch_size"]
    seed = int(inputs["seed"], 16)
    model = model_of(inputs["layers"], inputs["loss"], inputs.get("init", "normal"), inputs.get("input_shape"))
    x = inputs["x"] if "x" in inputs else [[p / 255.0 for p in bytes.fromhex(row)] for row in inputs["pixels"]]
    samples = check_samples(model, x, inputs["y"])
    count = len(samples)
    rates = list(learning_rates(inputs["epochs"], inputs["lr"], inputs["lr_decay"], inputs["lr_decay_every"]))
    net = oracle(model, seed)
    if "parameters" in inputs:
        net.set_parameters(inputs["parameters"])

    def order_of(epoch):
        return net.epoch_order(seed, epoch, count) if inputs["shuffle"] else None

    def trained(epoch, first, last):
        """The oracle's parameters after steps first ... last - 1 of an epoch."""
        net.train(samples.inputs, samples.targets, order_of(epoch), first * size, min(last * size, count), size, rates[epoch - 1],
                  inputs["reduction"])
        return list(net.get_parameters())

    steps = -(-count // size)
    for earlier in range(1, epoch):
        trained(earlier, 0, steps)
    order = list(order_of(epoch) or range(count))
    good, fine, spoilt = list(net.get_parameters()), 0, steps

    def repeats(last):
        """Whether the subject, from the parameters `good`, comes to what the oracle does over steps fine ... last - 1; and those."""
        part = dict(inputs, parameters=good, shuffle=False, epochs=1, lr=rates[epoch - 1], lr_decay=1.0, lr_decay_every=1)
        part.pop("init", None)
        for key in ("x", "pixels", "y"):
            if key in part:
                part[key] = [inputs[key][n] for n in order[fine * size:last * size]]
        net.set_parameters(good)
        right = trained(epoch, fine, last)
        shape = {"losses": [0.0, 0.0], "digests": ["", ""]}
        given = ask(Case(f"{case.id}, steps {fine + 1} to {last} of epoch {epoch}", "train", part, shape))
        return given and given["digests"][1] == digest(right), right

    whole, _ = repeats(steps)
    if whole is None:
        return None
    if whole:
        return Located(epoch)
    while spoilt - fine > 1:
        middle = (fine + spoilt) // 2
        right_so_far, parameters = repeats(middle)
        if right_so_far:
            good, fine = parameters, middle
        else:
            spoilt = middle
    chosen = order[fine * size:spoilt * size]
    step = {"layers": inputs["layers"], "loss": inputs["loss"], "parameters": good, "x": [x[n] for n in chosen],
            "y": [inputs["y"][n] for n in chosen], "reduction": inputs["reduction"], "lr": rates[epoch - 1],
            **{key: inputs[key] for key in ("input_shape",) if key in inputs}}
    return Located(epoch, fine + 1, Case(f"{case.id}, step {fine + 1} of epoch {epoch}", "step", step, OPERATIONS["step"].answer(**step)),
                   tuple(chosen))
