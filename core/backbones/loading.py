"""From a name to a backbone: check the name, find its weights, build it, keep it for the next who asks."""

from __future__ import annotations

import collections
import difflib
import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import timm
import torch
from timm.data import resolve_model_data_config

from core import limits, runtime
from core.backbones.backbone import Backbone
from core.backbones.catalogue import DEFAULT_BACKBONE, catalogued
from core.backbones.freezing import freeze
from core.backbones.hub import FetchSnapshot, fetch_weights
from core.backbones.shipped import load_shipped_into
from core.backbones.sources import NOT_STATED, find_in_hub_cache, find_local, is_shipped, list_backbones
from core.errors import BackboneError
from core.fetching import fetching_is_allowed
from core.imagenet import CLASS_COUNT
from core.texts import OR, one_after_another, say

# timm's names: an architecture, perhaps a tag. No colon, slash or dash: so no "hf-hub:", no URL, no path.
_NAME = re.compile(r"[a-z0-9_]{1,80}(\.[a-z0-9_]{1,80})?")


@dataclass(frozen=True)
class _Recipe:
    """How to build one network: timm's name, the file of its weights (none: shipped), what differs from defaults."""

    timm_name: str
    name: str
    weights: Path | None
    licence: str
    create_kwargs: Mapping[str, object] = field(default_factory=dict)
    preprocessing: Mapping[str, object] = field(default_factory=dict)


class _Loaded:
    """Networks in memory, by name: the least recently used goes first. Two who ask at once wait for one loading.

    Nobody waits here for the hub: who asks for weights that are on their way watches them himself, with own patience.
    """

    def __init__(self) -> None:
        self._backbones: collections.OrderedDict[str, Backbone] = collections.OrderedDict()
        self._loading: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, name: str) -> Backbone:
        found = self.find(name)
        if found is not None:
            return found
        recipe = _recipe(name)
        with self._lock:
            loading = self._loading.setdefault(name, threading.Lock())
        with loading:
            found = self.find(name)
            if found is None:
                found = _build(recipe)
                self._keep(name, found)
        return found

    def find(self, name: str) -> Backbone | None:
        with self._lock:
            if name in self._backbones:
                self._backbones.move_to_end(name)
            return self._backbones.get(name)

    def _keep(self, name: str, backbone: Backbone) -> None:
        with self._lock:
            self._backbones[name] = backbone
            while len(self._backbones) > limits.max_backbones():
                self._backbones.popitem(last=False)


_loaded = _Loaded()


def load_backbone(name: str = DEFAULT_BACKBONE) -> Backbone:
    """The network of that name, frozen, from the first place that has its weights: shipped, local folder, hub.

    Loaded once and shared; `PETLENS_MAX_BACKBONES` (6) networks stay in memory.

    Args:
        name: a timm name, with or without a tag: "resnet18", "resnet18.a1_in1k".

    Raises:
        BackboneError: the name is not one of timm's, or the weights are neither here nor can be fetched.
    """
    runtime.configure()
    limits.max_backbones()
    return _loaded.get(_checked_name(name))


def is_loaded(name: str) -> bool:
    """Whether `load_backbone` would answer at once.

    Raises:
        BackboneError: the name is not one of timm's.
    """
    return _loaded.find(_checked_name(name)) is not None


def check_can_classify(name: str) -> None:
    """Refuse a network without ImageNet's classes before anything is fetched for it.

    Raises:
        BackboneError: unknown, or its head is not that of ImageNet-1k.
    """
    name = _checked_name(name)
    config = None if find_local(name) else timm.get_pretrained_cfg(name, allow_unregistered=False)
    if config is not None and config.num_classes != CLASS_COUNT:
        raise BackboneError(
            "{name} does not name ImageNet's {class_count} classes, so it cannot classify by itself.",
            name=name,
            class_count=CLASS_COUNT,
        )


def needs_fetching(name: str) -> bool:
    """Whether a network's weights are neither shipped, nor in the local folder, nor in the hub's cache.

    Raises:
        BackboneError: the name is not one of timm's, or timm has no weights for it.
    """
    name = _checked_name(name)
    if is_shipped(name) or find_local(name):
        return False
    return find_in_hub_cache(_hub_weights(name)[1]) is None


def fetch_backbone(name: str) -> Iterator[FetchSnapshot]:
    """Fetch a network's weights from the hub, yielding how far the download is.

    Raises:
        BackboneError: unknown, not to be had, or the host switched fetching off.
    """
    name = _checked_name(name)
    hub_id = _hub_weights(name)[1]
    if not fetching_is_allowed():
        raise BackboneError(
            "{name} is not on this machine, and its host switched fetching off. {what_is_here}",
            name=name,
            what_is_here=_what_is_here(),
        )
    try:
        yield from fetch_weights(hub_id)
    except BackboneError as error:
        raise BackboneError(
            "{name} is not on this machine. {error} {what_is_here}",
            name=name,
            error=error,
            what_is_here=_what_is_here(),
        ) from error


def _checked_name(name: str) -> str:
    name = name.strip() if isinstance(name, str) else ""
    if not _NAME.fullmatch(name):
        raise BackboneError(
            '"{name}" is not the name of a network. Give a timm name such as "resnet18" (letters, digits and _; '
            "no address, no path).",
            name=name[:80],
        )
    row = catalogued(name)
    if row is not None and is_shipped(row.name):
        return row.name
    local = find_local(name)
    if local is not None:
        return local.name
    if name in timm.list_models() or name in timm.list_pretrained():
        return name
    close = difflib.get_close_matches(name, timm.list_pretrained(), n=3)
    if close:
        raise BackboneError(
            'timm has no network called "{name}". Did you mean {names}?', name=name, names=one_after_another(close, OR)
        )
    raise BackboneError('timm has no network called "{name}".', name=name)


def _recipe(name: str) -> _Recipe:
    row = catalogued(name)
    kwargs = row.create_kwargs if row else {}
    if is_shipped(name):
        return _Recipe(name, name, None, row.licence, kwargs)
    local = find_local(name)
    if local:
        kwargs = {**kwargs, **local.create_kwargs}
        return _Recipe(local.architecture, local.name, local.path, local.licence, kwargs, local.preprocessing)
    timm_name, hub_id, licence = _hub_weights(name)
    path = find_in_hub_cache(hub_id)
    if path is None:
        for _ in fetch_backbone(name):
            pass
        path = find_in_hub_cache(hub_id)
    return _Recipe(timm_name, timm_name, path, licence, kwargs)


def _hub_weights(name: str) -> tuple[str, str, str]:
    """Full timm name, hub repository and licence of a timm name's default weights."""
    config = timm.get_pretrained_cfg(name, allow_unregistered=False)
    if config is None or not config.hf_hub_id or config.custom_load:
        raise BackboneError(
            "timm has no weights for {name} in the safetensors format. {what_is_here}",
            name=name,
            what_is_here=_what_is_here(),
        )
    return f"{config.architecture}.{config.tag}", config.hf_hub_id, config.license or NOT_STATED


def _build(recipe: _Recipe) -> Backbone:
    model = _create(recipe)
    config = {**resolve_model_data_config(model, args=dict(recipe.create_kwargs)), **recipe.preprocessing}
    row = catalogued(recipe.name) or catalogued(recipe.timm_name)
    return freeze(
        model,
        name=recipe.name,
        title=row.title if row else recipe.name,
        licence=recipe.licence,
        architecture=recipe.timm_name,
        create_kwargs=recipe.create_kwargs,
        preprocessing=config,
    )


def _create(recipe: _Recipe) -> torch.nn.Module:
    try:
        if recipe.weights is None:
            model = timm.create_model(recipe.timm_name, pretrained=False, **recipe.create_kwargs)
            load_shipped_into(model)
            return model
        return timm.create_model(
            recipe.timm_name,
            pretrained=True,
            pretrained_cfg_overlay={"file": str(recipe.weights)},
            **recipe.create_kwargs,
        )
    except BackboneError:
        raise
    except Exception as error:  # a file cut short, tensors of another network, an argument that timm does not know
        raise BackboneError(
            "The weights of {name} do not fit the network or are damaged. Delete the file and get it again.",
            name=recipe.name,
        ) from error


def _what_is_here() -> str:
    here = [listing.title for listing in list_backbones() if listing.here]
    return say("Here now: {networks}.", networks=", ".join(here))
