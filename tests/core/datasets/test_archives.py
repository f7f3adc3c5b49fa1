"""Zips that people make, and zips that somebody made to do harm."""

from __future__ import annotations

import io
import itertools
import os
import random
import stat
import struct
import threading
import unicodedata
import zipfile
import zlib
from pathlib import Path

import pytest

from core.datasets import archives
from core.datasets.archive_limits import ArchiveLimits
from core.datasets.archives import read_contents, unpack
from core.datasets.entries import plan
from core.datasets.opening import open_dataset, open_gradually
from core.errors import DatasetError, SettingsError
from tests.core.datasets.pictures import jpeg, picture, saved, sizes, tree

MB = 1_000_000
PLAIN = {
    f"{name}/{number}.jpg": jpeg(10 * label + number)
    for label, name in enumerate(("cat", "dog"))
    for number in range(6)
}


def zipped(path: Path, entries, **options) -> Path:
    """A zip of (name or ZipInfo, content) pairs, or of a mapping."""
    with zipfile.ZipFile(path, "w", **options) as archive:
        for name, content in entries.items() if hasattr(entries, "items") else entries:
            archive.writestr(name, content)
    return path


def finished(path: Path, **options) -> Path:
    *_, last = unpack(path, **options)
    return last.folder


def unpacked(path: Path, **options) -> tuple[set[str], dict[str, str]]:
    """Names of the files that were taken, and of those that were not, with reasons."""
    files, left_out = read_contents(finished(path, **options))
    assert all(file.path.is_file() for file in files)
    return {file.name for file in files}, {one.name: one.reason for one in left_out}


def refusal(path: Path, **options) -> str:
    """The message that a zip is refused with; nothing of it stays on the disk."""
    with pytest.raises(DatasetError) as raised:
        finished(path, **options)
    assert str(path.parent) not in str(raised.value)
    home = Path(os.environ["PETLENS_HOME"])
    assert not tree(home) if home.is_dir() else True
    assert not list((home / "unpacked").glob("*")) if home.is_dir() else True
    return str(raised.value)


@pytest.fixture
def path(tmp_path) -> Path:
    (tmp_path / "upload").mkdir()
    return tmp_path / "upload" / "pets.zip"


# Zips that people make


@pytest.mark.parametrize("around", ["", "pets/", "a/b/"])
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_zip_of_class_folders_is_a_data_set(path, around, method):
    zipped(path, {around + name: content for name, content in PLAIN.items()}, compression=method)
    dataset = open_dataset(path)
    assert dataset.class_names == ("cat", "dog")
    assert dataset.name == "pets"
    assert sizes(dataset) == {"train": 10, "test": 2}
    for images in dataset.splits.values():
        for item, label in zip(images.items, images.labels, strict=True):
            assert item.read_bytes() in [
                content for name, content in PLAIN.items() if name.startswith(("cat", "dog")[label])
            ]


def test_given_split_inside_is_taken(path):
    names = [f"x/{split}/{name}" for split in ("train", "val", "test") for name in PLAIN]
    zipped(path, {name: jpeg(seed) for seed, name in enumerate(names)})
    assert sizes(open_dataset(path)) == {"train": 12, "validation": 12, "test": 12}
    assert sizes(open_dataset(path, splits=("test",))) == {"test": 12}


def test_too_few_pictures_are_told_by_class(path):
    zipped(path, {name: content for name, content in PLAIN.items() if name != "dog/0.jpg" and name != "dog/1.jpg"})
    with pytest.raises(DatasetError, match="dog needs 1 more"):
        open_dataset(path)


def test_what_systems_leave_behind_is_ignored(path):
    junk = {"__MACOSX/cat/._0.jpg": b"x", ".DS_Store": b"x", "cat/Thumbs.db": b"x", "dog/._1.jpg": b"x", "empty/": b""}
    assert unpacked(zipped(path, PLAIN | junk)) == (set(PLAIN), {})


def test_files_that_are_no_pictures_are_reported(path):
    assert unpacked(zipped(path, PLAIN | {"README.md": b"x", "cat/run.exe": b"MZ", "cat/noname": b"x"})) == (
        set(PLAIN),
        {"README.md": "not a picture", "cat/run.exe": "not a picture", "cat/noname": "not a picture"},
    )


def test_class_names_come_in_any_script(path):
    names = ["кошка", "小狗", "قطة", "🐭", 'C\'est "un" <b>']
    zipped(path, {f"{name}/{n}.jpg": jpeg(10 * k + n) for k, name in enumerate(names) for n in range(5)})
    assert set(open_dataset(path).class_names) == set(names)


def entry_with_raw_name(raw: bytes, flags: int = 0, extra: bytes = b"") -> bytes:
    """A zip of one stored entry, written by hand: name, flags and extra field as given."""
    content = jpeg(1)
    crc, size = zlib.crc32(content), len(content)
    local = struct.pack("<4s5H3I2H", b"PK\3\4", 20, flags, 0, 0, 33, crc, size, size, len(raw), 0)
    central = struct.pack(
        "<4s6H3I5H2I", b"PK\1\2", 20, 20, flags, 0, 0, 33, crc, size, size, len(raw), len(extra), 0, 0, 0, 0, 0
    )
    start = len(local) + len(raw) + size
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 1, 1, len(central) + len(raw) + len(extra), start, 0)
    return local + raw + content + central + raw + extra + end


@pytest.mark.parametrize(
    ("raw", "flags", "extra", "expected"),
    [
        ("chat é/1.jpg".encode("cp437"), 0, b"", "chat é/1.jpg"),
        ("кот/1.jpg".encode(), 0x800, b"", "кот/1.jpg"),
        ("кот/1.jpg".encode(), 0, b"", "кот/1.jpg"),
        (unicodedata.normalize("NFD", "é/1.jpg").encode(), 0x800, b"", "é/1.jpg"),
        ("小狗/1.jpg".encode("gb18030"), 0, "小狗/1.jpg".encode(), "小狗/1.jpg"),
        (b"cat\\1.jpg", 0, b"", "cat/1.jpg"),
    ],
    ids=["cp437", "UTF-8", "UTF-8 without the flag", "letters of macOS", "Unicode path", "backslashes"],
)
def test_names_are_read_as_they_were_written(path, raw, flags, extra, expected):
    if extra:
        extra = struct.pack("<HHBI", 0x7075, 5 + len(extra), 1, zlib.crc32(raw)) + extra
    path.write_bytes(entry_with_raw_name(raw, flags, extra))
    assert unpacked(path) == ({expected}, {})


def test_unicode_path_of_another_name_is_not_believed(path):
    extra = struct.pack("<HHBI", 0x7075, 5 + 9, 1, 12345) + b"x/2.jpeg!"
    path.write_bytes(entry_with_raw_name(b"cat/1.jpg", 0, extra))
    assert unpacked(path) == ({"cat/1.jpg"}, {})


def test_zip_with_something_before_it_opens(path):
    zipped(path, PLAIN)
    path.write_bytes(b"#!/bin/sh\n" * 50 + path.read_bytes())
    assert unpacked(path)[0] == set(PLAIN)


# Nothing outside, nothing believed


OUTSIDE = [
    "../evil.jpg",
    "cat/../../evil.jpg",
    "cat/../dog/7.jpg",
    "/etc/evil.jpg",
    "//host/share/evil.jpg",
    "\\\\host\\share\\evil.jpg",
    "..\\evil.jpg",
    "cat\\..\\..\\evil.jpg",
    "cat/..\\..\\evil.jpg",
    "C:/evil.jpg",
    "c:evil.jpg",
    "C:\\Windows\\evil.jpg",
]


@pytest.mark.parametrize("name", OUTSIDE)
def test_path_that_leads_out_is_left_out(path, tmp_path, name):
    before = tree(tmp_path)
    info = zipfile.ZipInfo("x")
    info.filename = name  # as it is: the constructor would tidy it
    taken, left_out = unpacked(zipped(path, [*PLAIN.items(), (info, jpeg(77))]))
    assert taken == set(PLAIN)
    assert set(left_out.values()) == {"its path leads out of the zip"}
    new = {name for name in tree(tmp_path) - before if not name.startswith("home/unpacked/")}
    assert new == {"upload/pets.zip"}


def test_files_are_written_under_numbers(path, home):
    names = [
        "cat/CON.jpg",
        "cat/a:b?.jpg",
        "cat/ 1 .jpg",
        "cat/x\x01y.jpg",
        "cat/-rf.png",
        "cat/$(rm).jpg",
        "cat/%2e%2e.jpg",
    ]
    zipped(path, {name: jpeg(n) for n, name in enumerate(names)})
    folder = finished(path)
    written = sorted(file.name for file in folder.iterdir())
    assert len(written) == len(names) + 1
    for name in written:
        assert name == "contents.json" or (name[:6].isdecimal() and name[6] == "-")
        assert set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")
    assert tree(home / "unpacked") == {f"{folder.name}/{name}" for name in written}


def test_links_are_left_out(path, tmp_path):
    (tmp_path / "secret.jpg").write_bytes(jpeg(1))
    link = zipfile.ZipInfo("cat/link.jpg")
    link.create_system = 3
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    pipe = zipfile.ZipInfo("cat/pipe.jpg")
    pipe.create_system = 3
    pipe.external_attr = (stat.S_IFIFO | 0o777) << 16
    taken, left_out = unpacked(zipped(path, [*PLAIN.items(), (link, str(tmp_path / "secret.jpg")), (pipe, b"")]))
    assert taken == set(PLAIN)
    assert left_out == {"cat/link.jpg": "a link", "cat/pipe.jpg": "not a file"}


def test_archives_inside_are_not_opened(path):
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("cat/9.jpg", jpeg(9))
    taken, left_out = unpacked(zipped(path, PLAIN | {"cat/more.zip": inner.getvalue(), "dog.tar.gz": b"x"}))
    assert taken == set(PLAIN)
    assert set(left_out.values()) == {"an archive inside the archive: unpack it first"}


def test_zip_of_a_zip_is_refused_with_the_reason(path):
    assert "an archive inside the archive" in refusal(zipped(path, {"a/pets.zip": b"PK"}))


def test_zip_called_as_a_picture_is_left_out_as_broken(path):
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("cat/9.jpg", jpeg(9))
    dataset = open_dataset(zipped(path, PLAIN | {"cat/9.jpg": inner.getvalue()}))
    assert [one.name for one in dataset.left_out] == ["cat/9.jpg"]


def encrypted(names: set[str]) -> bytes:
    """The plain zip with the flag of encryption set for some names, in both places."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in PLAIN.items():
            archive.writestr(name, content)
        infos = archive.infolist()
    data = bytearray(out.getvalue())
    for info in infos:
        if info.filename in names:
            data[info.header_offset + 6] |= 1
            data[data.rindex(b"PK\1\2", 0, data.rindex(info.filename.encode())) + 8] |= 1
    return bytes(data)


@pytest.mark.parametrize("names", [set(PLAIN), {"dog/3.jpg"}], ids=["all", "one"])
def test_encrypted_zip_is_refused(path, names):
    path.write_bytes(encrypted(names))
    assert "protected by a password" in refusal(path)


def test_names_that_differ_in_capitals_only_do_not_meet(path):
    zipped(path, PLAIN | {"cat/A.jpg": jpeg(70), "cat/a.jpg": jpeg(71), "cat/a.JPG": jpeg(72)})
    files, _ = read_contents(finished(path))
    contents = {file.name: file.path.read_bytes() for file in files}
    assert [contents[f"cat/{name}"] for name in ("A.jpg", "a.jpg", "a.JPG")] == [jpeg(70), jpeg(71), jpeg(72)]
    assert len({file.path.name.casefold() for file in files}) == len(files)


def test_classes_that_differ_in_capitals_only_are_refused(path):
    with pytest.raises(DatasetError, match="called Cat and cat"):
        open_dataset(zipped(path, PLAIN | {"Cat/7.jpg": jpeg(70)}))


def test_second_file_of_the_same_name_is_left_out(path):
    with pytest.warns(UserWarning, match="Duplicate name"):
        zipped(path, [*PLAIN.items(), ("cat/0.jpg", jpeg(70))])
    files, left_out = read_contents(finished(path))
    assert len(files) == len(PLAIN)
    assert next(file.path.read_bytes() for file in files if file.name == "cat/0.jpg") == PLAIN["cat/0.jpg"]
    assert [(one.name, one.reason) for one in left_out] == [("cat/0.jpg", "there is another file of this name")]


# Too much


def limits(**options) -> ArchiveLimits:
    return ArchiveLimits(**options)


def test_limits_come_from_the_environment(monkeypatch):
    assert ArchiveLimits.from_environment() == ArchiveLimits(max_images=20_000, max_unpacked_bytes=2_000 * MB)
    monkeypatch.setenv("PETLENS_MAX_IMAGES", "7")
    monkeypatch.setenv("PETLENS_MAX_UNPACKED_MB", "3")
    assert ArchiveLimits.from_environment() == ArchiveLimits(max_images=7, max_unpacked_bytes=3 * MB)


@pytest.mark.parametrize("value", ["many", "0", "-1", "1.5", "٣", " 3"])
@pytest.mark.parametrize("variable", ["PETLENS_MAX_IMAGES", "PETLENS_MAX_UNPACKED_MB"])
def test_limit_that_is_no_number_is_refused(monkeypatch, variable, value):
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match=variable):
        ArchiveLimits.from_environment()


def test_hundred_thousand_files_are_refused_at_once(path):
    path.write_bytes(overlapping(100_000, jpeg(1)))
    assert "holds more than 20,000 pictures, which the host of this app allows (PETLENS_MAX_IMAGES)" in refusal(path)


def test_as_many_pictures_as_allowed_pass(path):
    zipped(path, PLAIN)
    assert unpacked(path, limits=limits(max_images=12))[0] == set(PLAIN)


def test_one_picture_over_the_limit_is_refused(path):
    assert "more than 11 pictures" in refusal(zipped(path, PLAIN), limits=limits(max_images=11))


def test_table_of_contents_of_millions_of_files_is_not_read(path):
    path.write_bytes(overlapping(600_000, jpeg(1)))
    assert "more files than can be opened" in refusal(path)


def test_report_on_many_files_stays_short(path):
    zipped(path, [*PLAIN.items(), *((f"cat/{number}.txt", b"") for number in range(5000))])
    _, left_out = unpacked(path)
    assert len(left_out) == 1001
    assert left_out["4,000 files more"] == "left out for such reasons, too"


def test_bomb_is_left_out(path):
    zipped(path, PLAIN | {"cat/bomb.bmp": bytes(50 * MB)}, compression=zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < MB
    taken, left_out = unpacked(path)
    assert taken == set(PLAIN)
    assert left_out == {"cat/bomb.bmp": "unpacks to more than 200 times its size"}


def test_flat_drawing_is_no_bomb(path):
    flat = saved(picture(1).resize((400, 400)).convert("L").point(lambda _: 0), "BMP")
    zipped(path, PLAIN | {"cat/flat.bmp": flat}, compression=zipfile.ZIP_DEFLATED)
    assert "cat/flat.bmp" in unpacked(path)[0]


def test_many_small_bombs_are_refused_together(path):
    entries = [(f"cat/{number}.bmp", bytes(900_000)) for number in range(30)]
    zipped(path, entries, compression=zipfile.ZIP_DEFLATED)
    assert "more than 20 MB" in refusal(path, limits=limits(max_unpacked_bytes=20 * MB))


def test_file_over_the_limit_is_left_out(path):
    zipped(path, PLAIN | {"cat/big.jpg": random.Random(0).randbytes(2 * MB)})
    taken, left_out = unpacked(path, limits=limits(max_file_bytes=MB))
    assert taken == set(PLAIN)
    assert left_out == {"cat/big.jpg": "larger than 1 MB"}


def test_bytes_are_counted_as_they_come_out(path, tmp_path):
    """Should ever a file pass the table of contents, it is stopped while it is unpacked."""
    zipped(path, {"cat/big.jpg": random.Random(0).randbytes(3 * MB)})
    with zipfile.ZipFile(path) as archive:
        ((entry,), _) = plan(archive.infolist(), limits())
        size, reason = archives._write(archive, entry, tmp_path / "out.jpg", limits(max_file_bytes=MB))
    assert (size <= 2 * archives._PIECE_BYTES, reason) == (True, "larger than 1 MB")
    assert not (tmp_path / "out.jpg").exists()


def lying(path: Path, name: str, content: bytes, said: int) -> Path:
    """A zip whose table of contents, and local header, say that a packed file has `said` bytes."""
    zipped(path, PLAIN | {name: content}, compression=zipfile.ZIP_DEFLATED)
    data = bytearray(path.read_bytes())
    central = data.rindex(b"PK\1\2")
    local = struct.unpack_from("<I", data, central + 42)[0]
    struct.pack_into("<I", data, central + 24, said)
    struct.pack_into("<I", data, local + 22, said)
    path.write_bytes(data)
    return path


def test_file_that_says_it_is_small_is_counted_as_it_is(path, home):
    lying(path, "cat/liar.bmp", bytes(80 * MB), said=1000)
    taken, left_out = unpacked(path)
    assert taken == set(PLAIN)
    assert left_out == {"cat/liar.bmp": "damaged in the zip"}
    assert sum(file.stat().st_size for file in (home / "unpacked").rglob("*")) < MB


def test_file_that_says_it_is_large_is_left_out(path):
    assert unpacked(lying(path, "cat/liar.jpg", jpeg(70), said=50 * MB))[1] == {
        "cat/liar.jpg": "unpacks to more than 200 times its size"
    }


def test_sizes_that_sum_to_more_than_allowed_are_refused_before_unpacking(path):
    lying(path, "cat/liar.jpg", jpeg(70), said=1_900_000)
    running = unpack(path, limits=limits(max_unpacked_bytes=MB, ratio_from_bytes=2 * MB))
    assert next(running).done == 0
    with pytest.raises(DatasetError, match="more than 1 MB"):
        next(running)


def overlapping(count: int, content: bytes = bytes(900_000)) -> bytes:
    """A zip whose many entries all are the same packed bytes, as the smallest bombs are built."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("cat/000000.bmp", content)
    data = out.getvalue()
    start = data.index(b"PK\1\2")
    central = data[start : data.index(b"PK\5\6")]
    table = b"".join(central.replace(b"000000", b"%06d" % number) for number in range(count))
    return (
        data[:start]
        + table
        + struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, count % 65536, count % 65536, len(table), start, 0)
    )


def test_overlapping_entries_do_not_multiply(path, home):
    path.write_bytes(overlapping(3000))
    assert "more than 2,000 MB" in refusal(path)


# Damaged, or no zip at all


@pytest.mark.parametrize(
    "content",
    [b"", b"PK", b"PK\5\6" + bytes(18), b"no zip", b"\x1f\x8b" + bytes(100), jpeg(1), b"PK\5\6" + b"\xff" * 18],
    ids=["empty", "two bytes", "zip of nothing", "text", "gzip", "picture", "absurd end"],
)
def test_what_is_no_zip_is_refused(path, content):
    path.write_bytes(content)
    assert refusal(path)


def test_folder_and_missing_file_are_refused(path):
    assert "is not a file" in refusal(path)
    path.mkdir()
    assert "is not a file" in refusal(path)


def test_truncated_zip_is_refused(path):
    zipped(path, PLAIN)
    path.write_bytes(path.read_bytes()[:-100])
    assert "damaged, cut short, or of another kind" in refusal(path)


def test_damaged_file_is_left_out_and_the_rest_kept(path):
    zipped(path, PLAIN)
    data = bytearray(path.read_bytes())
    data[data.index(PLAIN["cat/3.jpg"]) + 50] ^= 0xFF
    path.write_bytes(data)
    assert unpacked(path) == (set(PLAIN) - {"cat/3.jpg"}, {"cat/3.jpg": "damaged in the zip"})
    assert len(list(finished(path).iterdir())) == len(PLAIN)  # the list of contents is one of them


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, 9])
def test_unusual_packing_is_left_out(path, method):
    usual = zipfile.ZIP_STORED if method == 9 else method
    info = zipfile.ZipInfo("cat/odd.jpg")
    info.compress_type = usual
    zipped(path, [*PLAIN.items(), (info, jpeg(70))])
    if method == 9:  # deflate64, which Windows uses for large files
        data = bytearray(path.read_bytes())
        struct.pack_into("<H", data, data.rindex(b"PK\1\2") + 10, 9)
        path.write_bytes(data)
    assert unpacked(path)[1] == {"cat/odd.jpg": "packed in a way that is not opened here: use the usual one (deflate)"}


def test_random_damage_is_refused_or_left_out_but_never_escapes(path, tmp_path):
    whole = zipped(path, dict(itertools.islice(PLAIN.items(), 3)), compression=zipfile.ZIP_DEFLATED).read_bytes()
    table = whole.index(b"PK\1\2")
    chance = random.Random(0)
    for number in range(300):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            # mostly in the table of contents: what is in the files is checked by its sums
            position = chance.randrange(table, len(data)) if chance.random() < 0.8 else chance.randrange(len(data))
            data[position] = chance.randrange(256)
        bad = tmp_path / f"{number}.zip"
        bad.write_bytes(data)
        try:
            folder = finished(bad)
        except DatasetError:
            continue
        assert folder.parent == tmp_path / "home" / "unpacked"
    assert {entry.name for entry in tmp_path.iterdir() if entry.suffix != ".zip"} == {"upload", "home"}
    assert not [entry for entry in (tmp_path / "home" / "unpacked").iterdir() if entry.name.startswith(".")]


# Stopped, repeated, at once


def test_progress_is_shown(path, monkeypatch):
    monkeypatch.setattr(archives, "_SLICE_SECONDS", 0.0)
    zipped(path, PLAIN)
    snapshots = list(unpack(path))
    assert [snapshot.done for snapshot in snapshots] == sorted(snapshot.done for snapshot in snapshots)
    assert snapshots[-1].done == snapshots[-1].total == len(PLAIN)
    assert [snapshot.folder is None for snapshot in snapshots] == [True] * (len(snapshots) - 1) + [False]
    assert {snapshot.phase for snapshot in open_gradually(path.rename(path.with_name("again.zip")))} <= {
        "unpacking",
        "examining",
        "ready",
    }


def test_who_stops_leaves_nothing_behind(path, home, monkeypatch):
    monkeypatch.setattr(archives, "_SLICE_SECONDS", 0.0)
    running = unpack(zipped(path, PLAIN))
    while next(running).done < 3:
        assert not [entry for entry in (home / "unpacked").glob("*") if not entry.name.startswith(".")]
    running.close()
    assert tree(home) == set()
    assert unpacked(path)[0] == set(PLAIN)


def test_same_content_is_unpacked_once(path, tmp_path):
    folder = finished(zipped(path, PLAIN))
    written = {file: file.stat().st_mtime_ns for file in folder.iterdir()}
    other = tmp_path / "renamed.zip"
    other.write_bytes(path.read_bytes())
    assert finished(other) == folder
    assert {file: file.stat().st_mtime_ns for file in folder.iterdir()} == written


def test_two_at_once_get_the_same_folder(path, home):
    zipped(path, PLAIN)
    start = threading.Barrier(4)
    folders = []

    def work() -> None:
        start.wait()
        folders.append(finished(path))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(folders) == 4
    assert [entry.name for entry in (home / "unpacked").iterdir()] == [folders[0].name]
    assert {file.name for file in read_contents(folders[0])[0]} == set(PLAIN)


def test_remains_of_a_killed_process_are_swept_away(path, home):
    remains = home / "unpacked" / ".0123.half"
    remains.mkdir(parents=True)
    (remains / "000000-a.jpg").write_bytes(b"x")
    finished(zipped(path, PLAIN))
    assert remains.is_dir()  # it may still be at work
    os.utime(remains, (0, 0))
    finished(zipped(path, PLAIN | {"cat/7.jpg": jpeg(70)}))
    assert not remains.exists()


def test_folder_that_nobody_opened_for_a_week_is_swept_away(path, tmp_path):
    other, third = tmp_path / "other.zip", tmp_path / "third.zip"
    used, unused = finished(zipped(path, PLAIN)), finished(zipped(other, PLAIN | {"cat/7.jpg": jpeg(70)}))
    for folder in (used, unused):
        os.utime(folder, (0, 0))
    assert finished(path) == used
    finished(zipped(third, PLAIN | {"cat/8.jpg": jpeg(71)}))
    assert used.is_dir()
    assert not unused.exists()


def test_folder_that_cannot_be_written_is_told(path, home):
    home.write_text("a file where the folder should be")
    with pytest.raises(DatasetError, match="cannot be unpacked"):
        finished(zipped(path, PLAIN))
