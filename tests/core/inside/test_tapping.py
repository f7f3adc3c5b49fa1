"""Twins that tell what comes out of their modules: to who asks, in this thread, and nobody else."""

from __future__ import annotations

import copy
import threading

import pytest
import torch

from core.backbones.tapping import outputs_at, outputs_until, tapped, visiting
from tests.core.inside.conftest import Tiny


def _inputs():
    return torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))


def test_a_pass_ends_where_it_is_asked_to():
    model = Tiny().eval()
    twin = tapped(model)
    with torch.no_grad():
        assert torch.equal(outputs_at(twin, _inputs(), "first"), model.first(_inputs()))
        assert torch.equal(twin(_inputs()), model(_inputs()))
    assert list(outputs_until(twin, _inputs(), "second")) == ["first", "act", "second"]


def test_a_module_that_is_not_there_is_said_to_be_missing():
    with pytest.raises(LookupError):
        outputs_at(tapped(Tiny()), _inputs(), "third")
    with pytest.raises(LookupError):
        outputs_at(tapped(Tiny(), {"second"}), _inputs(), "first")


def test_the_network_shares_its_weights_and_knows_nothing():
    model = Tiny()
    twin = tapped(model)
    assert all(a is b for a, b in zip(model.parameters(), twin.parameters(), strict=True))
    assert type(model.first) is torch.nn.Conv2d
    assert isinstance(twin.first, torch.nn.Conv2d)
    with visiting(lambda name, given, outputs: pytest.fail("the network told")):
        model(_inputs())


def test_a_copy_of_a_twin_tells_too():
    twin = copy.deepcopy(tapped(Tiny(), {"first"}))
    assert outputs_at(twin, _inputs(), "first").shape == (2, 4, 8, 8)


def test_nobody_is_told_after_an_error():
    twin = tapped(Tiny())

    def fail(name, given, outputs):
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"), visiting(fail):
        twin(_inputs())
    twin(_inputs())


def test_each_thread_hears_of_its_own_pass_only():
    twin, heard = tapped(Tiny()), {}

    def listen(number):
        inputs = torch.full((1, 3, 16, 16), float(number))
        for _ in range(50):
            told = []

            def tell(name, given, outputs, told=told):
                told.append(name)
                return outputs

            with torch.no_grad(), visiting(tell):
                twin(inputs)
                first = outputs_at(twin, inputs, "first")
            heard.setdefault(number, []).append((told, first))

    threads = [threading.Thread(target=listen, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, passes in heard.items():
        expected = twin.first(torch.full((1, 3, 16, 16), float(number)))
        assert all(told == ["first", "act", "second", "fc"] for told, _ in passes)
        assert all(torch.equal(first, expected) for _, first in passes)
