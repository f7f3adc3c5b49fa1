"""Say what is on a picture: python predict.py photo.jpg [another.jpg ...]

Needs `pip install torch timm pillow numpy safetensors`, and run.json and network.safetensors beside this file.
"""

import json
import sys
from pathlib import Path

import timm
import torch
from PIL import Image, ImageOps
from safetensors.torch import load_file

here = Path(__file__).resolve().parent
run = json.loads((here / "run.json").read_text(encoding="utf-8"))
told, weights = run["predict"], load_file(here / "network.safetensors")
mean, std = torch.tensor([told["mean"], told["std"]]).view(2, 3, 1, 1)
height, width = told["transform"]["input_size"][1:]
transform = timm.data.create_transform(**told["transform"], is_training=False, normalize=False)
model = timm.create_model(**told["network"]).eval()
model.load_state_dict({name: weights[f"backbone.{name}"] for name in model.state_dict()})


@torch.inference_mode()
def predict(path):
    """The probability of each class of run["class_names"]."""
    picture = Image.open(path)
    picture.draft(None, (2 * max(height, width),) * 2)  # a large JPEG is decoded at a fraction of its size
    picture = ImageOps.exif_transpose(picture).convert("RGBA")
    picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")
    pixels = (transform.transforms[-1] if picture.size == (width, height) else transform)(picture) / 255
    looks = torch.stack([pixels, pixels.flip(-1)] if told["mirrored"] else [pixels])
    embedding = model.forward_head(model.forward_features((looks - mean) / std), pre_logits=True).mean(0)
    return (weights["head.weight"] @ embedding + weights["head.bias"]).softmax(0)


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="backslashreplace")
    for path in sys.argv[1:]:
        print(path)
        for probability, name in sorted(zip(predict(path).tolist(), run["class_names"], strict=True))[:-6:-1]:
            print(f"{100 * probability:9.3f} %  {name}")
