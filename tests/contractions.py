"""The functions of elementary.py as a compiler with fused multiply-add can make them: a product and its sum in one."""

import ast
import copy
import inspect
import textwrap
from fractions import Fraction
from math import isfinite

from refnn.reference import elementary


def fma(a, b, c):
    """a * b + c, rounded once."""
    a, b, c = float(a), float(b), float(c)
    if not (isfinite(a) and isfinite(b) and isfinite(c)):
        return a * b + c
    exact = Fraction(a) * Fraction(b) + Fraction(c)
    return float(exact) if exact else a * b + c


def products(function):
    """name -> the product that it stands for, of the variables of a function."""
    found = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign):
            target, value = node.targets[0], node.value
            several = isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple)
            for name, product in zip(target.elts, value.elts) if several else [(target, value)]:
                if isinstance(name, ast.Name) and is_product(product):
                    found[name.id] = product
    return found


def is_product(node):
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult)


class Fuse(ast.NodeTransformer):
    """Fuses the sums with the numbers `chosen`; counts them all."""

    def __init__(self, named, chosen):
        self.named, self.chosen, self.count = named, chosen, 0

    def visit_BinOp(self, node):
        fused = None
        if isinstance(node.op, (ast.Add, ast.Sub)):
            for side, other in (("left", "right"), ("right", "left")):
                product = getattr(node, side)
                product = self.named.get(product.id, product) if isinstance(product, ast.Name) else product
                if is_product(product):
                    if self.count in self.chosen and fused is None:
                        fused = self.fused(node, copy.deepcopy(product), getattr(node, other), side)
                    self.count += 1
        return self.generic_visit(fused or node)

    def fused(self, node, product, other, side):
        """a * b + c of a sum; a difference has the sign of a or of c changed."""
        a, b, c = product.left, product.right, other
        if isinstance(node.op, ast.Sub):
            if side == "left":
                c = ast.UnaryOp(ast.USub(), c)
            else:
                a = ast.UnaryOp(ast.USub(), a)
        return ast.Call(ast.Name("fma", ast.Load()), [a, b, c], [])


def variant(names, chosen):
    """The functions with these names with the sums `chosen` fused, as a dictionary; and the number of sums in all."""
    space = {**vars(elementary), "fma": fma}
    count = 0
    for name in names:
        tree = ast.parse(textwrap.dedent(inspect.getsource(getattr(elementary, name))))
        fuse = Fuse(products(tree), {number - count for number in chosen})
        tree = ast.fix_missing_locations(fuse.visit(tree))
        count += fuse.count
        exec(compile(tree, name, "exec"), space)
    return space, count


KERNELS = ["reduce_half_pi", "sin_kernel", "cos_kernel"]
PARTS = {"exp": ["exp"], "log": ["log"], "tanh": ["expm1", "tanh"], "sin": [*KERNELS, "sin"], "cos": [*KERNELS, "cos"]}
