"""Downloads of data sets from a real server on this machine, with all that goes wrong on the way."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import random
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
import zipfile
from collections import namedtuple
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from filelock import FileLock

from core.datasets import download, published, transfer
from core.datasets.download import WORKING_FOLDER, FetchProgress, fetch_dataset, published_archives
from core.datasets.opening import open_dataset
from core.datasets.published import PUBLISHED
from core.errors import DatasetError
from tests.conftest import PROJECT
from tests.core.datasets.pictures import jpeg, sizes, tree
from tests.hub_server import HubServer, Manners

TRAIN = "Abyssinian_1 1 1 1\nbeagle_2 5 2 4\n"
TEST = "Abyssinian_3 1 1 1\n"
NAMES = ("Abyssinian_1", "beagle_2", "Abyssinian_3")
# Much larger than what the server sends at once, so that there is a middle to cut at.
NOISE = random.Random(0).randbytes(400_000)


def tarred(members) -> bytes:
    """A tar.gz of (name or TarInfo, content) pairs."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, content in members:
            info = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


ANNOTATIONS = tarred(
    [
        ("annotations/trainval.txt", TRAIN.encode()),
        ("./annotations/test.txt", TEST.encode()),
        ("annotations/._test.txt", b"of a Mac"),
        ("annotations/trimaps/beagle_2.png", b"x"),
        ("annotations/README", b"x"),
    ]
)
IMAGES = tarred([(f"images/{name}.jpg", jpeg(seed) + NOISE) for seed, name in enumerate(NAMES)])
MIDDLE = 600_000


def zip_of_cats_and_dogs() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for label, name in enumerate(("Cat", "Dog")):
            for number in range(6):
                archive.writestr(f"PetImages/{name}/{number}.jpg", jpeg(10 * label + number))
            archive.writestr(f"PetImages/{name}/Thumbs.db", b"x")
        archive.writestr("readme[1].txt", b"x")
        archive.writestr("PetImages/Cat/../../evil.jpg", b"x")
    return out.getvalue()


FILES = {
    "annotations.tar.gz": ANNOTATIONS,
    "images.tar.gz": IMAGES,
    "kagglecatsanddogs_5340.zip": zip_of_cats_and_dogs(),
}


@contextlib.contextmanager
def serving(monkeypatch, files=None, manners=None):
    """The archives come from a server here; sizes and checksums are theirs."""
    files = FILES | (files or {})
    with HubServer({"data/sets": files}, manners) as server:
        for name, archives in list(PUBLISHED.items()):
            monkeypatch.setitem(PUBLISHED, name, tuple(made(archive, files, server.url) for archive in archives))
        yield server


def made(archive, files, url):
    content = files[archive.file]
    algorithm = archive.checksum.split(":")[0]
    return replace(
        archive,
        url=f"{url}/data/sets/resolve/main/{archive.file}",
        size_bytes=len(content),
        checksum=f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}",
    )


@pytest.fixture
def data(tmp_path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def short_patience(monkeypatch):
    monkeypatch.setattr(transfer, "PATIENCE_SECONDS", 0.4)


def fetched(name: str, data: Path) -> list[FetchProgress]:
    return list(fetch_dataset(name, data=data))


def refusal(name: str, data: Path) -> str:
    with pytest.raises(DatasetError) as raised:
        fetched(name, data)
    assert str(data) not in str(raised.value)
    return str(raised.value)


def part(data: Path, file: str = "images.tar.gz") -> Path:
    return data / WORKING_FOLDER / f"{file}.part"


def has_only_the_data_sets(data: Path) -> bool:
    return all(name.endswith(".lock") for name in tree(data / WORKING_FOLDER))


def ranges(server: HubServer, file: str = "images.tar.gz") -> list[str | None]:
    return [request.range for request in server.downloads if request.path.endswith(file)]


def wait_for_threads() -> None:
    """Until no download is at work any more."""
    for thread in threading.enumerate():
        if thread.name.startswith("fetch "):
            thread.join(10)
            assert not thread.is_alive()


# On a good day


def test_oxford_pets_come_complete(data, monkeypatch):
    with serving(monkeypatch):
        progress = fetched("oxford-pets", data)
    assert tree(data / "oxford-iiit-pet") == {
        "annotations/trainval.txt",
        "annotations/test.txt",
        *(f"images/{name}.jpg" for name in NAMES),
    }
    assert sizes(open_dataset("oxford-pets", data=data)) == {"train": 2, "test": 1}
    assert (data / "oxford-iiit-pet" / "images" / "beagle_2.jpg").read_bytes() == jpeg(1) + NOISE
    assert has_only_the_data_sets(data)
    total = len(ANNOTATIONS) + len(IMAGES)
    assert progress[-1] == FetchProgress("ready", total, total)


def test_cats_and_dogs_come_complete(data, monkeypatch):
    with serving(monkeypatch):
        fetched("cats-vs-dogs", data)
    expected = {f"{name}/{number}.jpg" for name in ("Cat", "Dog") for number in range(6)}
    assert tree(data / "PetImages") == expected
    assert sizes(open_dataset("cats-vs-dogs", data=data)) == {"train": 10, "test": 2}
    assert has_only_the_data_sets(data)
    assert not list(data.parent.rglob("evil*"))


def test_progress_shows_the_bytes(data, monkeypatch):
    with serving(monkeypatch, manners=Manners(bytes_per_second=2e6)):
        progress = fetched("oxford-pets", data)
    received = [one.received_bytes for one in progress if one.phase == "downloading"]
    assert received == sorted(received)
    assert len(set(received)) >= 3
    assert {one.total_bytes for one in progress} == {len(ANNOTATIONS) + len(IMAGES)}
    assert max(one.received_bytes for one in progress) <= progress[0].total_bytes


def test_species_are_the_same_download(data, monkeypatch):
    with serving(monkeypatch) as server:
        fetched("oxford-pets-species", data)
        asked = len(server.requests)
        assert [one.phase for one in fetched("oxford-pets", data)] == ["ready"]
        assert len(server.requests) == asked


def test_pictures_that_lie_there_stay_as_they_are(data, monkeypatch):
    mine = data / "oxford-iiit-pet" / "images" / "mine.jpg"
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"mine")
    with serving(monkeypatch):
        fetched("oxford-pets", data)
    assert tree(data / "oxford-iiit-pet" / "images") == {"mine.jpg"}
    assert (data / "oxford-iiit-pet" / "annotations" / "test.txt").is_file()


def test_empty_folder_is_filled(data, monkeypatch):
    (data / "PetImages").mkdir(parents=True)
    with serving(monkeypatch):
        fetched("cats-vs-dogs", data)
    assert len(tree(data / "PetImages")) == 12


# Cut, killed, resumed


def test_cut_connection_is_continued(data, monkeypatch):
    with serving(monkeypatch, manners=Manners(cut_at=MIDDLE, cuts=1)) as server:
        fetched("oxford-pets", data)
        assert ranges(server) == [None, f"bytes={MIDDLE}-"]
    assert len(tree(data / "oxford-iiit-pet" / "images")) == 3


def test_server_without_ranges_sends_it_all_again(data, monkeypatch):
    with serving(monkeypatch, manners=Manners(cut_at=MIDDLE, cuts=1, knows_ranges=False)) as server:
        fetched("oxford-pets", data)
        assert ranges(server) == [None, f"bytes={MIDDLE}-"]
    assert (data / "oxford-iiit-pet" / "images" / "beagle_2.jpg").read_bytes() == jpeg(1) + NOISE


@pytest.mark.parametrize(
    ("status", "told", "error", "message"),
    [
        (206, "bytes 5-99/100", httpx.RemoteProtocolError, "another part"),
        (206, "bytes 10-99", httpx.RemoteProtocolError, "another part"),
        (206, "", httpx.RemoteProtocolError, "another part"),
        (206, "bytes 10-100/101", DatasetError, "its size is wrong"),
        (416, "bytes */8", DatasetError, "its size is wrong"),
    ],
)
def test_answer_with_another_range_is_not_appended(tmp_path, status, told, error, message):
    file = tmp_path / "a.zip.part"
    file.write_bytes(bytes(10))
    answer = httpx.Response(status, headers={"Content-Range": told}, request=httpx.Request("GET", "http://there/a.zip"))
    with pytest.raises(error, match=message):
        transfer._start_of(answer, 10, 100, file)
    assert not file.exists()


def test_server_that_always_begins_anew_and_breaks_is_given_up(data, monkeypatch):
    with serving(monkeypatch, manners=Manners(cut_at=MIDDLE, knows_ranges=False)) as server:
        assert "the connection breaks each time" in refusal("oxford-pets", data)
        assert len(ranges(server)) == 4


def test_shorter_file_without_a_size_is_told(data, monkeypatch):
    with serving(monkeypatch, manners=Manners(tells_size=False)) as server:
        server.files["data/sets"] = FILES | {"images.tar.gz": IMAGES[:MIDDLE]}
        assert "its size is wrong" in refusal("oxford-pets", data)


def test_connection_that_always_breaks_is_given_up_and_kept(data, monkeypatch):
    with serving(monkeypatch, manners=Manners(cut_at=MIDDLE)):
        assert "the connection breaks each time" in refusal("oxford-pets", data)
        assert part(data).read_bytes() == IMAGES[:MIDDLE]
    with serving(monkeypatch) as server:
        fetched("oxford-pets", data)
        assert ranges(server) == [f"bytes={MIDDLE}-"]


@pytest.mark.parametrize("size", [1, MIDDLE, len(IMAGES) - 1, len(IMAGES)])
def test_part_that_a_killed_process_left_is_continued(data, monkeypatch, size):
    part(data).parent.mkdir(parents=True)
    part(data).write_bytes(IMAGES[:size])
    with serving(monkeypatch) as server:
        fetched("oxford-pets", data)
        assert ranges(server) == ([f"bytes={size}-"] if size < len(IMAGES) else [])
    assert len(tree(data / "oxford-iiit-pet" / "images")) == 3


@pytest.mark.parametrize("size", [MIDDLE, len(IMAGES), len(IMAGES) + 1, 2 * len(IMAGES)])
def test_part_of_another_file_is_thrown_away(data, monkeypatch, size):
    part(data).parent.mkdir(parents=True)
    part(data).write_bytes(bytes(size))
    with serving(monkeypatch) as server:
        fetched("oxford-pets", data)
        assert ranges(server)[-1] is None
    assert (data / "oxford-iiit-pet" / "images" / "beagle_2.jpg").read_bytes() == jpeg(1) + NOISE


def test_folder_left_half_unpacked_is_thrown_away(data, monkeypatch):
    """Killed while it unpacked: the archive is complete and checked, its folder is not."""
    work = data / WORKING_FOLDER
    (work / "images.tar.gz.unpacked").mkdir(parents=True)
    (work / "images.tar.gz.unpacked" / "Abyssinian_1.jpg").write_bytes(b"half")
    (work / "images.tar.gz").write_bytes(IMAGES)
    with serving(monkeypatch) as server:
        fetched("oxford-pets", data)
        assert ranges(server) == []
    assert len(tree(data / "oxford-iiit-pet" / "images")) == 3
    assert (data / "oxford-iiit-pet" / "images" / "Abyssinian_1.jpg").read_bytes() == jpeg(0) + NOISE
    assert has_only_the_data_sets(data)


CHILD = """
import json, sys
from dataclasses import replace
from pathlib import Path
from core.datasets.published import PUBLISHED
from core.datasets.download import fetch_dataset
data, fields = Path(sys.argv[1]), json.loads(sys.argv[2])
PUBLISHED["oxford-pets"] = tuple(replace(a, **f) for a, f in zip(PUBLISHED["oxford-pets"], fields))
for progress in fetch_dataset("oxford-pets", data=data):
    print(progress.phase, progress.received_bytes, flush=True)
"""


def child(data: Path) -> subprocess.Popen:
    fields = [
        {"url": archive.url, "size_bytes": archive.size_bytes, "checksum": archive.checksum}
        for archive in PUBLISHED["oxford-pets"]
    ]
    command = [sys.executable, "-c", CHILD, str(data), json.dumps(fields)]
    return subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True)


def test_killed_process_is_continued_by_the_next(data, monkeypatch):
    with serving(monkeypatch, manners=Manners(stall_at=MIDDLE)) as server:
        process = child(data)
        for line in process.stdout:
            if line.split()[0] == "downloading" and int(line.split()[1]) >= MIDDLE + len(ANNOTATIONS):
                break
        process.send_signal(signal.SIGKILL)
        process.wait(20)
        process.stdout.close()
        # what was not yet written out is lost with the process: less than a buffer
        kept = part(data).stat().st_size
        assert MIDDLE - 100_000 < kept <= MIDDLE
        server.mend()
        fetched("oxford-pets", data)
        assert ranges(server)[-1] == f"bytes={kept}-"
    assert sizes(open_dataset("oxford-pets", data=data)) == {"train": 2, "test": 1}


def test_two_processes_take_turns(data, monkeypatch):
    with serving(monkeypatch, manners=Manners(bytes_per_second=3e6)) as server:
        process = child(data)
        fetched("oxford-pets", data)
        output, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        assert output.splitlines()[-1].startswith("ready")
        assert ranges(server) == [None]
    assert len(tree(data / "oxford-iiit-pet" / "images")) == 3
    assert has_only_the_data_sets(data)


# Two at once, and who stops


def test_who_asks_for_the_same_watches_the_same_download(data, monkeypatch):
    with serving(monkeypatch, manners=Manners(stall_at=MIDDLE)) as server:
        one, other = (fetch_dataset("oxford-pets", data=data) for _ in range(2))
        while next(one).received_bytes < MIDDLE:
            pass
        assert next(other).received_bytes >= MIDDLE
        server.mend()
        assert [one.phase for one in (list(one)[-1], list(other)[-1])] == ["ready", "ready"]
        assert ranges(server) == [None]


def test_download_goes_on_while_somebody_watches(data, monkeypatch):
    with serving(monkeypatch, manners=Manners(stall_at=MIDDLE)) as server:
        one, other = (fetch_dataset("oxford-pets", data=data) for _ in range(2))
        next(one)
        while next(other).received_bytes < MIDDLE:
            pass
        one.close()
        server.mend()
        assert list(other)[-1].phase == "ready"
        assert ranges(server) == [None]


def test_who_stops_ends_the_download_and_the_next_continues_it(data, monkeypatch):
    with serving(monkeypatch, manners=Manners(bytes_per_second=4e5)) as server:
        running = fetch_dataset("oxford-pets", data=data)
        while next(running).received_bytes < 100_000:
            pass
        running.close()
        wait_for_threads()
        kept = part(data).stat().st_size
        assert 50_000 < kept < len(IMAGES)
        assert not download._under_way
        server.mend()
        fetched("oxford-pets", data)
        assert ranges(server) == [None, f"bytes={kept}-"]


def test_who_comes_back_at_once_continues_too(data, monkeypatch):
    with serving(monkeypatch, manners=Manners(bytes_per_second=4e5)) as server:
        running = fetch_dataset("oxford-pets", data=data)
        while next(running).received_bytes < 100_000:
            pass
        running.close()
        server.manners = Manners()
        assert fetched("oxford-pets", data)[-1].phase == "ready"
    assert len(tree(data / "oxford-iiit-pet" / "images")) == 3


def test_other_process_at_work_is_waited_for(data, monkeypatch):
    with serving(monkeypatch) as server:
        part(data).parent.mkdir(parents=True)
        part(data).write_bytes(bytes(12_345))
        lock = FileLock(data / WORKING_FOLDER / "images.tar.gz.lock")
        with lock:
            running = fetch_dataset("oxford-pets", data=data)
            while True:
                progress = next(running)
                if progress.phase == "waiting" and progress.received_bytes:
                    break
            assert progress.received_bytes == len(ANNOTATIONS) + 12_345
            images = data / "oxford-iiit-pet" / "images"
            images.mkdir()
            (images / "by_the_other.jpg").write_bytes(b"x")
        assert list(running)[-1].phase == "ready"
        assert ranges(server) == []


# Refused


def test_wrong_checksum_is_told_and_nothing_kept(data, monkeypatch):
    with serving(monkeypatch) as server:
        server.files["data/sets"] = FILES | {"images.tar.gz": IMAGES[:-1] + b"!"}
        assert "its checksum is wrong" in refusal("oxford-pets", data)
        assert has_only_the_data_sets(data)
        assert not (data / "oxford-iiit-pet" / "images").exists()
        server.files["data/sets"] = FILES
        fetched("oxford-pets", data)


@pytest.mark.parametrize("content", [IMAGES[:-1], IMAGES + b"!", b"<html>Sign in</html>"])
def test_file_of_another_size_is_told_before_it_is_fetched(data, monkeypatch, content):
    with serving(monkeypatch) as server:
        server.files["data/sets"] = FILES | {"images.tar.gz": content}
        assert "its size is wrong" in refusal("oxford-pets", data)
        assert not part(data).exists()


def test_endless_answer_without_a_size_is_cut_off(data, monkeypatch):
    with serving(monkeypatch, manners=Manners(tells_size=False)) as server:
        server.files["data/sets"] = FILES | {"images.tar.gz": IMAGES + bytes(5_000_000)}
        assert "its size is wrong" in refusal("oxford-pets", data)
        assert part(data).stat().st_size <= len(IMAGES)


def test_missing_file_is_told(data, monkeypatch):
    with serving(monkeypatch) as server:
        server.files["data/sets"] = {}
        assert "has no file annotations.tar.gz any more (error 404)" in refusal("oxford-pets", data)


def test_refusing_server_is_told(data, monkeypatch):
    with serving(monkeypatch, manners=Manners(gated=True)):
        assert "does not give annotations.tar.gz (error 403)" in refusal("oxford-pets", data)


@pytest.mark.usefixtures("short_patience")
def test_silent_server_is_given_up(data, monkeypatch):
    with serving(monkeypatch, manners=Manners(silent_to=("GET",))):
        assert "127.0.0.1 has sent nothing for" in refusal("oxford-pets", data)


@pytest.mark.usefixtures("short_patience")
def test_server_that_falls_silent_is_given_up_and_continued_later(data, monkeypatch):
    with serving(monkeypatch, manners=Manners(stall_at=MIDDLE)) as server:
        assert "what is here already is kept" in refusal("oxford-pets", data)
        server.mend()
        fetched("oxford-pets", data)
        assert ranges(server) == [None, f"bytes={MIDDLE}-"]


def test_server_out_of_reach_is_told(data, monkeypatch):
    with serving(monkeypatch):
        pass
    assert "127.0.0.1 cannot be reached" in refusal("oxford-pets", data)


def test_host_may_forbid_it(data, monkeypatch):
    monkeypatch.setenv("PETLENS_FETCH", "0")
    with serving(monkeypatch) as server:
        assert "PETLENS_FETCH=0" in refusal("oxford-pets", data)
        assert server.requests == []
    assert not data.exists()


@pytest.mark.parametrize("name", ["drawn-pets", "imagenet"])
def test_other_names_are_refused(data, name):
    assert f"nothing to download for {name}" in refusal(name, data)


def test_full_disk_is_told_before(data, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**12, 10**12 - 10**9, 10**9))
    with serving(monkeypatch) as server:
        assert "The disk is nearly full" in refusal("oxford-pets", data)
        assert server.requests == []


def test_folder_that_cannot_be_written_is_told(data, monkeypatch):
    data.write_text("a file where the folder should be")
    with serving(monkeypatch):
        assert "cannot be written" in refusal("oxford-pets", data)


# What is in an archive


def test_archive_that_holds_something_else_is_thrown_away(data, monkeypatch):
    with serving(monkeypatch, {"images.tar.gz": tarred([("other/1.jpg", b"x")])}):
        assert "does not hold what it should" in refusal("oxford-pets", data)
    assert has_only_the_data_sets(data)
    assert not (data / "oxford-iiit-pet" / "images").exists()


@pytest.mark.parametrize(
    "content", [IMAGES[:MIDDLE], b"no archive", b"\x1f\x8b" + bytes(50)], ids=["cut", "text", "odd gzip"]
)
def test_archive_that_cannot_be_read_is_thrown_away(data, monkeypatch, content):
    with serving(monkeypatch, {"images.tar.gz": content}):
        assert "damaged" in refusal("oxford-pets", data)
    assert has_only_the_data_sets(data)
    assert not (data / "oxford-iiit-pet" / "images").exists()


def test_links_devices_and_paths_in_a_tar_are_not_followed(data, monkeypatch, tmp_path):
    secret = tmp_path / "secret.jpg"
    secret.write_bytes(b"secret")
    odd = []
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE):
        info = tarfile.TarInfo(f"images/link{kind.decode()}.jpg")
        info.type, info.linkname = kind, str(secret)
        odd.append((info, b""))
    outside = ["../evil.jpg", "images/../../evil.jpg", "/evil.jpg", str(tmp_path / "evil.jpg"), "images/a/../b.jpg"]
    members = [("images/good.jpg", b"good"), *odd, *((name, b"evil") for name in outside)]
    with serving(monkeypatch, {"images.tar.gz": tarred(members)}):
        fetched("oxford-pets", data)
    assert tree(data / "oxford-iiit-pet" / "images") == {"good.jpg"}
    assert not list(tmp_path.rglob("evil*"))


def test_archive_that_holds_too_much_is_thrown_away(data, monkeypatch):
    monkeypatch.setattr(published, "_MAX_FILES", 2)
    with serving(monkeypatch):
        assert "holds more than it should" in refusal("oxford-pets", data)
    assert has_only_the_data_sets(data)


def test_addresses_and_checksums_are_whole():
    lengths = {"md5": 32, "sha256": 64}
    for name in ("oxford-pets", "oxford-pets-species", "cats-vs-dogs"):
        for archive in published_archives(name):
            algorithm, digits = archive.checksum.split(":")
            assert len(bytes.fromhex(digits)) * 2 == lengths[algorithm]
            assert archive.url.startswith("https://")
            assert archive.url.endswith("/" + archive.file)


def test_checksums_of_oxford_pets_are_those_of_torchvision():
    from torchvision.datasets import OxfordIIITPet

    ours = {(archive.url, archive.checksum) for archive in published_archives("oxford-pets")}
    assert ours == {(url, f"md5:{digits}") for url, digits in OxfordIIITPet._RESOURCES}
