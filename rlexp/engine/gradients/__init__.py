"""Losses with their gradients, by formula and in numpy: no autograd where the gradient is known.

Each loss is a file: what it is of the network's outputs, and its derivative by them. From there the layers of
`rlexp.engine.dense` carry it back to the weights.
"""
