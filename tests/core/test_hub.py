"""Weights from the hub: a real server, timm's own download code, and all that can go wrong between the two."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import huggingface_hub
import pytest
import safetensors.torch
import timm
import torch
from huggingface_hub import constants
from PIL import Image

from core import BackboneError, SettingsError, fetch_backbone, load_backbone, needs_fetching
from core.backbones import hub as core_hub
from core.backbones import loading
from core.backbones.sources import find_in_hub_cache
from tests.conftest import PROJECT
from tests.hub_server import HubServer, Manners

NAME = "test_resnet"
HUB_ID = "timm/test_resnet.r160_in1k"
FILE = "model.safetensors"
WEIGHTS_PATH = f"/{HUB_ID}/resolve/main/{FILE}"

# By default huggingface_hub writes to the disk after each 10 MiB: what happens at byte CUT happens after a write.
CUT = 11 << 20


@pytest.fixture(scope="module")
def made_network():
    torch.manual_seed(0)
    return timm.create_model(NAME).eval()


@pytest.fixture(scope="module")
def weights(made_network) -> bytes:
    """1.9 MB."""
    return safetensors.torch.save(made_network.state_dict())


@pytest.fixture(scope="module")
def large_weights() -> bytes:
    """24 MB that can be fetched, but fit no network."""
    return safetensors.torch.save({"padding": torch.zeros(6_000_000)})


@pytest.fixture
def point_at(monkeypatch, tmp_path):
    """Make an address the hub's, with a cache of its own, for this test."""

    def point(url: str) -> None:
        monkeypatch.setattr(constants, "ENDPOINT", url)
        # made from ENDPOINT when huggingface_hub is imported, and used by hf_hub_url ever after
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/resolve/{revision}/{filename}")

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    huggingface_hub.close_session()  # the next one reads them
    return point


@pytest.fixture
def serve(point_at):
    """Start a hub. In the end, downloads that nobody waits for any more are gone too."""
    with ExitStack() as running:

        def start(files: dict[str, bytes] | None, **manners: object) -> HubServer:
            """`files` of the one repository there is; None: there is none."""
            server = running.enter_context(HubServer({} if files is None else {HUB_ID: files}, Manners(**manners)))
            running.callback(wait_for_downloads)
            running.callback(server.mend)
            point_at(server.url)
            return server

        yield start


@pytest.fixture
def impatient(monkeypatch):
    """Seconds of silence after which the app gives up: short ones."""
    monkeypatch.setattr(core_hub, "PATIENCE_SECONDS", 1.0)
    monkeypatch.setattr(core_hub, "_METADATA_SECONDS", 0.5)


def wait_for_downloads() -> None:
    """Wait for what goes on behind the back of those who gave up."""
    for thread in threading.enumerate():
        if thread.name.startswith("fetch "):
            thread.join(20)
            assert not thread.is_alive()


def fetch() -> list[core_hub.FetchSnapshot]:
    return list(fetch_backbone(NAME))


def failure() -> str:
    """What the user reads when the network cannot be loaded."""
    with pytest.raises(BackboneError) as caught:
        load_backbone(NAME)
    return str(caught.value)


def seconds_until_failure() -> float:
    started = time.monotonic()
    failure()
    return time.monotonic() - started


# --- the network that comes out -------------------------------------------------------------------------------------


def test_a_fetched_network_gives_the_logits_of_the_one_it_was_made_from(serve, weights, made_network):
    serve({FILE: weights})
    backbone = load_backbone(NAME)
    pixels = torch.rand(2, 3, 160, 160, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        torch.testing.assert_close(backbone.model(pixels), made_network(pixels))


def test_a_network_in_the_hubs_cache_is_loaded_without_a_request(serve, weights):
    hub = serve({FILE: weights})
    load_backbone(NAME)
    asked = list(hub.requests)
    del loading._loaded._backbones[NAME]
    load_backbone(NAME)
    assert hub.requests == asked


def test_a_network_in_memory_is_given_without_a_request(serve, weights):
    hub = serve({FILE: weights})
    first = load_backbone(NAME)
    asked = list(hub.requests)
    assert load_backbone(NAME) is first
    assert hub.requests == asked


def test_a_fetched_network_needs_no_fetching(serve, weights):
    serve({FILE: weights})
    assert needs_fetching(NAME)
    fetch()
    assert not needs_fetching(NAME)


# --- the pickle rule ------------------------------------------------------------------------------------------------


def test_only_safetensors_is_ever_requested(serve, weights):
    hub = serve({FILE: weights, "pytorch_model.bin": b"", "config.json": b"{}"})
    load_backbone(NAME)
    assert hub.paths == {WEIGHTS_PATH}


def test_a_repository_with_nothing_but_a_pickle_is_refused(serve):
    serve({"pytorch_model.bin": b"a pickle"})
    assert "has no weights in the safetensors format" in failure()


def test_a_pickle_is_not_requested_where_there_is_nothing_else(serve):
    hub = serve({"pytorch_model.bin": b"a pickle"})
    failure()
    assert hub.paths == {WEIGHTS_PATH}


# --- what the host allows -------------------------------------------------------------------------------------------

SWITCHES = ("PETLENS_FETCH=0", "HF_HUB_OFFLINE=1")


@pytest.fixture(params=SWITCHES)
def switch_off(request, monkeypatch):
    """A function that uses the host's own switch, or the hub's, which huggingface_hub reads at its import."""
    if request.param == "PETLENS_FETCH=0":
        return lambda: monkeypatch.setenv("PETLENS_FETCH", "0")
    return lambda: monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)


def test_fetching_that_is_switched_off_is_said(serve, weights, switch_off):
    serve({FILE: weights})
    switch_off()
    assert "its host switched fetching off" in failure()


def test_fetching_that_is_switched_off_makes_no_request(serve, weights, switch_off):
    hub = serve({FILE: weights})
    switch_off()
    failure()
    assert hub.requests == []


@pytest.mark.parametrize(
    ("limit", "declared_bytes", "words"),
    [
        (None, 5_000_000_000, "takes 5,000 MB; the host of this app allows 1,000 MB"),
        ("40", 90_000_000, "takes 90 MB; the host of this app allows 40 MB"),
        ("1", None, "takes 2 MB; the host of this app allows 1 MB"),
    ],
)
def test_weights_above_the_limit_are_refused_with_both_sizes(serve, weights, monkeypatch, limit, declared_bytes, words):
    serve({FILE: weights}, declared_bytes=declared_bytes)
    if limit:
        monkeypatch.setenv("PETLENS_MAX_WEIGHTS_MB", limit)
    assert words in failure()


def test_weights_above_the_limit_are_not_downloaded(serve, weights, monkeypatch):
    hub = serve({FILE: weights})
    monkeypatch.setenv("PETLENS_MAX_WEIGHTS_MB", "1")
    failure()
    assert hub.downloads == []


def test_weights_of_unknown_size_are_not_downloaded(serve, weights):
    hub = serve({FILE: weights}, tells_size=False)
    assert "does not say how large" in failure()
    assert hub.downloads == []


def test_a_limit_that_is_no_number_is_said(serve, weights, monkeypatch):
    serve({FILE: weights})
    monkeypatch.setenv("PETLENS_MAX_WEIGHTS_MB", "lots")
    with pytest.raises(SettingsError, match="PETLENS_MAX_WEIGHTS_MB is 'lots'"):
        load_backbone(NAME)


# --- reasons --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Trouble:
    """Something that goes wrong at the hub (None for its files: the repository is missing) and what must be said."""

    words: str
    files: dict[str, bytes] | None = field(default_factory=lambda: {FILE: bytes(1000)})
    manners: dict[str, object] = field(default_factory=dict)


TROUBLES = {
    "missing": Trouble(f"The hub has no weights called {HUB_ID}.", files=None),
    "gated": Trouble("only to people who accepted its terms", manners={"gated": True}),
    "pickle": Trouble("has no weights in the safetensors format", files={"pytorch_model.bin": b"a pickle"}),
    "large": Trouble("takes 5,000 MB", manners={"declared_bytes": 5_000_000_000}),
    "silent": Trouble("cannot be reached", manners={"silent_to": ("HEAD",)}),
    "stalled": Trouble("sent nothing for 1 seconds", manners={"stall_at": 500}),
}


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
def test_the_reason_is_said_without_an_address_or_a_path(serve, impatient, tmp_path, trouble):
    hub = serve(trouble.files, **trouble.manners)
    said = failure()
    assert trouble.words in said
    assert_plain(said, hub.url, tmp_path)


def test_a_hub_that_cannot_be_reached_is_said_without_an_address_or_a_path(point_at, tmp_path):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        point_at(url)
        said = failure()
    assert "cannot be reached" in said
    assert_plain(said, url, tmp_path)


def test_the_reason_names_what_can_be_used_instead(serve):
    serve(None)
    assert "Here now: EfficientNet-Lite0" in failure()


def assert_plain(said: str, url: str, folder: Path) -> None:
    assert said.startswith(f"{NAME} is not on this machine. ")
    assert url.removeprefix("http://") not in said
    assert str(folder) not in said
    assert not re.search(r"https?:|Traceback|Error\b|Errno|File \"|\.py|\n", said)


def test_a_server_that_is_no_hub_is_not_told_as_a_network_without_safetensors(serve, weights):
    serve({FILE: weights}, is_a_hub=False)
    assert "safetensors" not in failure()


# --- silence --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "manners",
    [{"silent_to": ("HEAD",)}, {"silent_to": ("GET",)}, {"stall_at": 1_000_000}],
    ids=["before the headers", "before the body", "in the body"],
)
def test_silence_ends_when_patience_does(serve, impatient, weights, manners):
    serve({FILE: weights}, **manners)
    assert seconds_until_failure() < 3


def test_silence_in_the_middle_of_a_download_ends_within_12_seconds(serve, large_weights):
    serve({FILE: large_weights}, stall_at=CUT)
    assert seconds_until_failure() < 12


def test_who_gave_up_can_try_again(serve, impatient, weights):
    hub = serve({FILE: weights}, stall_at=1_000_000)
    failure()
    hub.mend()
    assert load_backbone(NAME).name == "test_resnet.r160_in1k"


def test_a_slow_download_is_waited_for(serve, impatient, weights):
    serve({FILE: weights}, bytes_per_second=1_200_000)
    load_backbone(NAME)


def test_two_who_ask_a_silent_hub_are_both_told_when_patience_ends(serve, impatient, weights):
    serve({FILE: weights}, silent_to=("GET",))
    with ThreadPoolExecutor(2) as pool:
        waited = list(pool.map(lambda _: seconds_until_failure(), range(2)))
    assert max(waited) < 1.9


# --- broken connections ---------------------------------------------------------------------------------------------


def test_a_download_that_is_cut_once_is_resumed_where_it_stopped(serve, large_weights):
    hub = serve({FILE: large_weights}, cut_at=CUT, cuts=1)
    fetch()
    first, second = hub.downloads
    assert first.range is None
    assert 0 < int(re.fullmatch(r"bytes=(\d+)-", second.range)[1]) <= CUT
    assert find_in_hub_cache(HUB_ID).read_bytes() == large_weights


def test_a_download_that_is_always_cut_ends_when_patience_does(serve, impatient, large_weights):
    serve({FILE: large_weights}, cut_at=CUT)
    assert seconds_until_failure() < 4


@pytest.mark.parametrize("manners", [{"cut_at": CUT}, {"declared_bytes": 25_000_000}])
def test_half_a_file_is_not_taken_for_a_whole_one(serve, impatient, large_weights, manners):
    hub = serve({FILE: large_weights}, **manners)
    failure()
    assert find_in_hub_cache(HUB_ID) is None
    hub.vanish()
    wait_for_downloads()
    assert find_in_hub_cache(HUB_ID) is None


def test_a_download_that_begins_anew_after_each_cut_ends_when_patience_does(serve, monkeypatch, large_weights):
    # longer than huggingface_hub's second before it tries again: it is not the waiting that ends the download
    monkeypatch.setattr(core_hub, "PATIENCE_SECONDS", 1.6)
    serve({FILE: large_weights}, cut_at=CUT, cuts=2, knows_ranges=False, bytes_per_second=22e6)
    with pytest.raises(BackboneError):
        fetch()


# --- damaged files --------------------------------------------------------------------------------------------------


def test_garbage_is_a_backbone_error(serve):
    serve({FILE: b"no safetensors at all " * 1000})
    assert failure()


def test_garbage_is_not_told_as_a_lost_connection(serve):
    serve({FILE: b"no safetensors at all " * 1000})
    assert "connection" not in failure()


def test_garbage_is_not_kept(serve):
    serve({FILE: b"no safetensors at all " * 1000})
    failure()
    assert find_in_hub_cache(HUB_ID) is None


def test_weights_of_another_network_are_a_backbone_error(serve, large_weights):
    serve({FILE: large_weights})
    assert "do not fit the network" in failure()


# --- two at once ----------------------------------------------------------------------------------------------------


def test_two_who_fetch_the_same_network_share_one_download(serve, weights):
    hub = serve({FILE: weights}, silent_to=("GET",))
    watchers = [fetch_backbone(NAME), fetch_backbone(f"{NAME}.r160_in1k")]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(next, watchers))  # both are waiting now
        hub.mend()
        list(pool.map(list, watchers))
    assert len(hub.downloads) == 1


def test_two_who_load_the_same_network_get_the_same(serve, weights):
    hub = serve({FILE: weights})
    together = threading.Barrier(2)

    def load(_: int):
        together.wait()
        return load_backbone(NAME)

    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(load, range(2))
    assert one is other
    assert len(hub.downloads) == 1


# --- how far it is --------------------------------------------------------------------------------------------------


def test_received_bytes_grow_while_the_download_goes_on(serve, large_weights):
    hub = serve({FILE: large_weights}, stall_at=CUT)
    received = []
    for snapshot in fetch_backbone(NAME):
        received.append(snapshot.received_bytes)
        if snapshot.received_bytes > 0:
            hub.mend()
    assert received == sorted(received)
    assert any(0 < count < len(large_weights) for count in received)


def test_the_total_is_the_size_of_the_file(serve, weights):
    serve({FILE: weights}, bytes_per_second=4e6)
    assert {snapshot.total_bytes for snapshot in fetch()} - {None} == {len(weights)}


def test_the_last_snapshot_is_the_whole_file(serve, weights):
    serve({FILE: weights})
    assert fetch()[-1] == core_hub.FetchSnapshot(len(weights), len(weights))


def test_what_an_interrupted_app_left_behind_does_not_count(serve, weights):
    serve({FILE: weights})
    blobs = Path(constants.HF_HUB_CACHE) / "models--timm--test_resnet.r160_in1k" / "blobs"
    blobs.mkdir(parents=True)
    (blobs / "0123.4567.incomplete").write_bytes(bytes(100_000))
    assert fetch()[-1].received_bytes == len(weights)


# --- from the command line ------------------------------------------------------------------------------------------


def classify(hub: HubServer, folder: Path) -> subprocess.CompletedProcess[str]:
    picture = folder / "picture.png"
    Image.new("RGB", (200, 180), (200, 120, 40)).save(picture)
    return subprocess.run(
        [sys.executable, "-m", "core", "classify", str(picture), "--backbone", NAME, "--json"],
        cwd=PROJECT,
        env={**os.environ, "HF_ENDPOINT": hub.url, "HF_HUB_CACHE": str(folder / "fresh")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_command_line_classifies_with_a_network_from_the_hub(serve, weights, tmp_path):
    ran = classify(serve({FILE: weights}), tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["backbone"] == "test_resnet.r160_in1k"


def test_the_command_line_says_why_a_network_cannot_be_fetched(serve, tmp_path):
    ran = classify(serve(None), tmp_path)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert f"error: {NAME} is not on this machine. The hub has no weights called {HUB_ID}." in ran.stderr
    assert "Traceback" not in ran.stderr


# --- of the tests themselves ----------------------------------------------------------------------------------------


def test_no_test_reaches_the_real_hub():
    assert huggingface_hub.hf_hub_url(HUB_ID, FILE).startswith("http://127.0.0.1:9/")
