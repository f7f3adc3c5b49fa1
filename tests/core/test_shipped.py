import pytest
import timm
import torch

from core import BackboneError
from core.backbones.shipped import load_shipped_into, match_by_order


def _tensors(**shapes):
    return {name: torch.zeros(shape) for name, shape in shapes.items()}


def test_tensors_are_matched_in_order_whatever_their_names():
    stored = {"stem.w": torch.ones(3), "stem.num_batches_tracked": torch.tensor(7), "fc.w": torch.full((2,), 2.0)}
    wanted = {"conv.weight": torch.zeros(3), "fc.weight": torch.zeros(2), "bn.num_batches_tracked": torch.tensor(0)}
    matched = match_by_order(stored, wanted)
    assert list(matched) == ["conv.weight", "fc.weight"]
    assert matched["fc.weight"].tolist() == [2, 2]


def test_a_tensor_of_another_shape_is_refused():
    with pytest.raises(BackboneError, match=r"b has shape \(2, 3\), but y wants \(3, 2\)"):
        match_by_order(_tensors(a=(1,), b=(2, 3)), _tensors(x=(1,), y=(3, 2)))


def test_another_number_of_tensors_is_refused():
    with pytest.raises(BackboneError, match="hold 1 tensors, the network 2"):
        match_by_order(_tensors(a=(1,)), _tensors(x=(1,), y=(1,)))


def test_every_tensor_of_the_network_is_filled():
    torch.manual_seed(0)
    one = timm.create_model("tf_efficientnet_lite0")
    torch.manual_seed(1)
    other = timm.create_model("tf_efficientnet_lite0")
    load_shipped_into(one)
    load_shipped_into(other)
    assert all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True))


def test_another_network_is_refused():
    with pytest.raises(BackboneError, match="shipped"):
        load_shipped_into(timm.create_model("test_efficientnet"))
