"""Kill -9 in the middle: three of the moments that `make reliability` draws fifty of."""

from benchmarks import kills


def test_what_was_killed_in_the_middle_goes_on_after_a_restart():
    found = kills.kill(3, seed=2026)
    assert found["problems"] == []
    assert found["kills"] == 3
