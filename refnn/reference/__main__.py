"""python -m refnn.reference: trains Alice and Bob with the functions of the book alone, and prints every loss."""

from .training import alice_and_bob

layers = alice_and_bob()
print("parameters:", *(p for layer in layers for row in layer.parameters for p in row), sep="\n    ")
