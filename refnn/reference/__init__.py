"""The reference: a neural network in plain Python, to be read from top to bottom.

Read in this order; each file uses only those above it.

    elementary.py    exp, log, tanh, sin, cos, out of + - * /
    prng.py          random numbers: SplitMix64, uniform, normal, permutation
    activations.py   f(z), and the gradient through it
    losses.py        how wrong an output is, and the gradient of that
    linear.py        z = x w + b, and the gradients through it
    conv.py          the same, sliding across an image
    pool.py          the largest number of each window
    batchnorm.py     channels brought to mean 0 and deviation 1, and the gradient through that
    network.py       layers in a row: forward, backward, update, an epoch, evaluation

The C core in csrc/ has the same files with the same functions in the same order, and gives the same bits.
"""
