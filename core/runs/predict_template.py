"""Say what is on a picture: python predict.py photo.jpg [another.jpg ...]

Needs `pip install torch timm pillow numpy safetensors`, and run.json and network.safetensors beside this file.
"""

import json
import sys
from pathlib import Path

import numpy as np
import timm
import torch
from PIL import Image, ImageOps
from safetensors.torch import load_file

here = Path(__file__).resolve().parent
run = json.loads((here / "run.json").read_text(encoding="utf-8"))
network, view, told = run["backbone"], run["view"], run["backbone"]["preprocessing"]
if view["size_px"] not in (0, *told["input_size"][1:]):
    told |= {"input_size": (3, view["size_px"], view["size_px"]), "crop_pct": 1.0}
mean, std = (told["mean"], told["std"]) if view["input_scaling"] else ([0] * 3, [1 / 255] * 3)
height, width = told["input_size"][1:]
transform = timm.data.create_transform(**told, is_training=False, normalize=False)

weights = load_file(here / "network.safetensors")
model = timm.create_model(network["architecture"], **network["create_kwargs"] | {"num_classes": network["class_count"]})
model.load_state_dict({name: weights[f"backbone.{name}"] for name in model.state_dict()})
model.eval()


def read(path):
    """The picture as the network sees it, upright, on white where it is transparent: (3, H, W), 0 to 255."""
    picture = Image.open(path)
    picture.draft(None, (2 * max(height, width),) * 2)  # a large JPEG is decoded at a fraction of its size
    picture = ImageOps.exif_transpose(picture)
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    picture = picture.convert("RGB")
    as_it_is = picture.size == (width, height)
    return torch.tensor(np.asarray(picture)).permute(2, 0, 1) if as_it_is else transform(picture)


@torch.inference_mode()
def predict(path):
    """The probability of each class of run["class_names"]."""
    pixels = read(path)[None].float() / 255
    pixels = (pixels - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1)
    looks = torch.cat([pixels, pixels.flip(-1)]) if view["mirrored"] else pixels
    embedding = model.forward_head(model.forward_features(looks), pre_logits=True).mean(0)
    return (weights["head.weight"] @ embedding + weights["head.bias"]).softmax(0)


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="backslashreplace")
    for path in sys.argv[1:] or sys.exit(__doc__):
        print(path)
        best = predict(path).topk(min(5, len(run["class_names"])))
        for probability, index in zip(best.values.tolist(), best.indices.tolist(), strict=True):
            print(f"{100 * probability:9.3f} %  {run['class_names'][index]}")
