"""Private twins of networks: they share every weight with the network and have modules of their own.

What a twin is made to do, its layers folded, watched or left out, the network itself never does.
"""

from __future__ import annotations

import copy

from torch import nn


def twin_of(model: nn.Module) -> nn.Module:
    """A copy of the modules, with the very tensors of the model."""
    shared = {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}
    return copy.deepcopy(model, shared)
