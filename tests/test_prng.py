"""SplitMix64 gives its published outputs; distributions follow their definition; the twins agree."""

import pytest
from bits import assert_same_bits
from refnn.implementations.c import ffi, lib
from refnn.reference import prng


class CoreGenerator:
    """The C core's generator with the reference's interface."""

    def __init__(self, seed):
        self.state = ffi.new("uint64_t *", seed)

    def next(self):
        return lib.refnn_next(self.state)

    def uniform(self):
        return lib.refnn_uniform(self.state)

    def normal(self):
        return lib.refnn_normal(self.state)

    def permutation(self, n):
        order = ffi.new("int32_t[]", n)
        lib.refnn_permutation(self.state, n, order)
        return list(order)


@pytest.fixture(params=[prng.SplitMix64, CoreGenerator])
def generator(request):
    return request.param


def test_published_outputs(generator):
    """Outputs of the public domain program splitmix64.c, S. Vigna 2015."""
    random = generator(1234567)
    assert [random.next() for _ in range(5)] == [
        6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821]
    assert generator(0).next() == 0xE220A8397B1DCDAF
    assert generator(2**64 - 1).next() == 16490336266968443936


def test_uniform_is_the_upper_53_bits(generator):
    assert generator(1234567).uniform() == (6457827717110365317 >> 11) / 2**53


def test_normal_has_the_right_moments(generator):
    random = generator(5)
    draws = [random.normal() for _ in range(20000)]
    mean = sum(draws) / len(draws)
    variance = sum((v - mean) ** 2 for v in draws) / len(draws)
    assert abs(mean) < 0.02
    assert abs(variance - 1.0) < 0.03
    assert 0.02 < sum(abs(v) > 2.0 for v in draws) / len(draws) < 0.07


def test_permutation_is_complete_and_moves(generator):
    order = generator(3).permutation(1000)
    assert sorted(order) == list(range(1000))
    assert sum(k == n for n, k in enumerate(order)) < 10
    assert generator(3).permutation(1) == [0]
    assert generator(3).permutation(0) == []


def test_permutations_of_three_are_equally_frequent(generator):
    random = generator(11)
    counts = {}
    for _ in range(6000):
        order = tuple(random.permutation(3))
        counts[order] = counts.get(order, 0) + 1
    assert len(counts) == 6
    assert all(850 < count < 1150 for count in counts.values())


def test_twins_agree():
    for seed in (0, 1, 42, 2**63, 2**64 - 1):
        python, c = prng.SplitMix64(seed), CoreGenerator(seed)
        assert [python.next() for _ in range(1000)] == [c.next() for _ in range(1000)]
        assert_same_bits([python.uniform() for _ in range(1000)], [c.uniform() for _ in range(1000)])
        assert_same_bits([python.normal() for _ in range(1000)], [c.normal() for _ in range(1000)])
        assert python.permutation(1000) == c.permutation(1000)
        for k in (1, 2, 3, 10**9):
            assert prng.stream(seed, k).state == lib.refnn_stream(seed, k)
            order = ffi.new("int32_t[]", 50)
            lib.refnn_epoch_order(seed, k, 50, order)
            assert prng.epoch_order(seed, k, 50) == list(order)
