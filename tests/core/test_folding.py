import pytest
import timm
import torch
from torch import nn

from core.backbones.folding import fold_batch_norm

NETWORKS = [
    "test_resnet",
    "test_efficientnet",
    "test_byobnet",
    "test_vit",
    "resnet18",
    "mobilenetv2_100",
    "regnetx_002",
]


def _lived_in(model: nn.Module) -> nn.Module:
    """Batch norm as after training: statistics and weights that are not 0 and 1."""
    generator = torch.Generator().manual_seed(0)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor in (module.running_var, module.weight):
                tensor.data.uniform_(0.5, 1.5, generator=generator)
            for tensor in (module.running_mean, module.bias):
                tensor.data.uniform_(-0.3, 0.3, generator=generator)
    return model.eval().requires_grad_(False)


def _sample(px: int = 96) -> torch.Tensor:
    return torch.randn(2, 3, px, px, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("name", NETWORKS)
def test_the_twin_computes_the_same(name):
    torch.manual_seed(0)
    model = _lived_in(timm.create_model(name))
    sample = _sample(160 if "vit" in name else 96)
    twin = fold_batch_norm(model, sample)
    expected, folded = model(sample), twin(sample)
    assert (expected - folded).abs().max() < 1e-3 * expected.abs().max()
    assert (twin is model) == (not any(isinstance(module, nn.BatchNorm2d) for module in model.modules()))


@pytest.mark.parametrize("name", ["resnet18", "mobilenetv2_100"])
def test_the_network_itself_keeps_its_batch_norm(name):
    torch.manual_seed(0)
    model = _lived_in(timm.create_model(name))
    before = {key: value.clone() for key, value in model.state_dict().items()}
    norms = sum(isinstance(module, nn.BatchNorm2d) for module in model.modules())
    twin = fold_batch_norm(model, _sample())
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert sum(isinstance(module, nn.BatchNorm2d) for module in model.modules()) == norms > 0
    assert not any(isinstance(module, nn.BatchNorm2d) for module in twin.modules())


def test_unchanged_weights_are_shared_not_copied():
    model = _lived_in(timm.create_model("test_resnet"))
    twin = fold_batch_norm(model, _sample())
    assert twin.get_classifier().weight.data_ptr() == model.get_classifier().weight.data_ptr()


class _OutOfOrder(nn.Module):
    """Registered as convolution, norm; computed as norm, convolution: a trap for whoever trusts the order."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3)
        self.norm = nn.BatchNorm2d(3)

    def forward(self, x):
        return self.conv(self.norm(x))


def test_a_pair_in_another_order_of_computation_is_left_alone():
    model = _lived_in(_OutOfOrder())
    assert fold_batch_norm(model, _sample(8)) is model
