"""A run as one zip, for anyone: with Pet Lens, or with `predict.py` alone. And such a zip, back among the runs.

A zip that comes from elsewhere may be anything. Only files of a run are taken from it, each below its limit in bytes
that really came out; the model card and `predict.py` are made anew, never taken over.
"""

from __future__ import annotations

import dataclasses
import json
import os
import secrets
import shutil
import stat
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from safetensors.torch import load_file

from core.backbones.loading import needs_fetching
from core.classifier import Classifier
from core.errors import CheckpointError
from core.runs.card import model_card
from core.runs.files import (
    BACKBONE_FILE,
    CARD_FILE,
    EVALUATION_FILE,
    HEAD_FILE,
    HISTORY_FILE,
    LIMITS,
    NETWORK_FILE,
    RECORD_FILE,
    find_stored,
    move_folder,
    new_folder,
    stage,
)
from core.runs.loading import load_run
from core.runs.networks import (
    BACKBONE_PREFIX,
    HEAD_PREFIX,
    backbone_tensors,
    check_network,
    head_tensors,
    prefixed,
    read_head,
    write_tensors,
)
from core.runs.record import RunRecord
from core.runs.storage import evaluation_of, fresh_folder, history_of, read_record, reading, store_files

PREDICT_FILE = "predict.py"

# What a zip may hold, and what systems add to it of their own accord.
_TAKEN = (RECORD_FILE, HEAD_FILE, NETWORK_FILE, HISTORY_FILE, EVALUATION_FILE)
_MADE_ANEW = (CARD_FILE, PREDICT_FILE)
_LITTER = (".DS_Store", "Thumbs.db", "desktop.ini")
_MAX_ENTRIES = 50

# The end of a zip without a comment (APPNOTE.TXT of PKWARE, sections 4.3.15 and 4.3.16).
_END, _END_BYTES = b"PK\5\6", 22
_LARGE_LOCATOR, _LARGE_LOCATOR_BYTES = b"PK\6\7", 20
_BLOCK = 1 << 20


def zip_run(folder: Path, out: Path, *, whole_network: bool = True) -> Path:
    """One zip with all of a run: record, head, curves, evaluation, card; with the network, also `predict.py`.

    Args:
        folder: of the run.
        out: the file to write; there is either the whole zip or what was there before.
        whole_network: with the weights of the network too, so that nothing else is needed. Without them the zip is
            small, and whoever opens it needs the published network. A network that was trained always comes along.

    Raises:
        CheckpointError: the run is damaged, or the zip cannot be written.
        BackboneError: its network is not to be had.
    """
    return reading(folder, lambda record: _zip(folder, record, out, whole_network))


def open_zip(zip_path: Path, into: Path) -> Path:
    """Make a run of a zip that `zip_run` wrote, after checking everything in it.

    Args:
        zip_path: the zip; may come from anywhere.
        into: the folder that holds runs, `places.runs_folder()` for instance.

    Returns:
        the folder of the new run, a fresh one in `into`.

    Raises:
        CheckpointError: this is no zip of a run, or it is damaged, too large, or holds what no run has.
        BackboneError: timm does not have its network.
    """
    with new_folder(into) as building:
        unpacked, complete = building / "unpacked", building / "complete"
        unpacked.mkdir()
        complete.mkdir()
        _unpack(zip_path, unpacked)
        record = read_record(unpacked)
        _take_over(unpacked, record, complete)
        _check(complete)
        target = fresh_folder(into, record.name)
        move_folder(complete, target)
    return target


def _zip(folder: Path, record: RunRecord, out: Path, whole_network: bool) -> Path:
    kept = {name: stored for name, stored in record.files.items() if name in _TAKEN}
    if HEAD_FILE not in kept:
        raise CheckpointError("{name} has no trained head yet: there is nothing to take away.", name=record.name)
    more: dict[str, Any] = {}
    temporary = out.with_name(f".{out.name}.{secrets.token_hex(4)}")
    try:
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=".zip-") as scratch:
            made = Path(scratch)
            if whole_network or record.backbone.weights == "here":
                classifier = load_run(folder).classifier
                kept[NETWORK_FILE] = stage(made, NETWORK_FILE, lambda path: _write_network(classifier, path))
                (made / PREDICT_FILE).write_bytes(Path(__file__).with_name("predict_template.py").read_bytes())
                more["predict"] = _what_predict_reads(classifier, record)
            told = dataclasses.replace(record, files=kept)
            stored = {**json.loads(told.to_json()), **more}
            (made / RECORD_FILE).write_text(json.dumps(stored, ensure_ascii=False, indent=1), encoding="utf-8")
            (made / CARD_FILE).write_text(model_card(record), encoding="utf-8")
            sources = {name: made / name for name in (CARD_FILE, PREDICT_FILE, RECORD_FILE) if (made / name).exists()}
            for name, stored in kept.items():
                sources[name] = find_stored(made if name == NETWORK_FILE else folder, name, stored)
            _write_zip(temporary, sources, told)
        os.replace(temporary, out)
    except OSError as error:
        raise CheckpointError(
            "The zip cannot be written: {value}.", value=error.strerror or "the disk refuses"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)
    return out


def _what_predict_reads(classifier: Classifier, record: RunRecord) -> dict[str, Any]:
    """How pictures are shown to the network and how it is built, worked out, so that `predict.py` can be short.

    It lies in the zip's `run.json`, and is not read when the zip comes back: a record says the same.
    """
    backbone, stored = classifier.backbone, record.backbone
    return {
        "network": {"model_name": stored.architecture, **stored.create_kwargs, "num_classes": stored.class_count},
        "transform": dict(backbone.preprocessing),
        "mean": backbone.mean.flatten().tolist(),
        "std": backbone.std.flatten().tolist(),
        "mirrored": classifier.mirrored,
    }


def _write_network(classifier: Classifier, path: Path) -> None:
    network = prefixed(backbone_tensors(classifier.backbone), BACKBONE_PREFIX)
    write_tensors(path, network | prefixed(head_tensors(classifier.head), HEAD_PREFIX))


def _write_zip(path: Path, sources: dict[str, Path], record: RunRecord) -> None:
    inside = fresh_folder(path.parent, record.name).name
    with zipfile.ZipFile(path, "w") as archive:
        for name, source in sources.items():
            entry = zipfile.ZipInfo(f"{inside}/{name}", record.created_at.timetuple()[:6])
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            # weights do not get smaller
            packs = name.endswith(".safetensors")
            entry.compress_type = zipfile.ZIP_STORED if packs else zipfile.ZIP_DEFLATED
            entry.file_size = source.stat().st_size
            with source.open("rb") as content, archive.open(entry, "w") as packed:
                shutil.copyfileobj(content, packed, _BLOCK)
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _unpack(zip_path: Path, folder: Path) -> None:
    _check_end(zip_path)
    try:
        with zipfile.ZipFile(zip_path) as archive:
            for name, entry in _entries(archive).items():
                _unpack_one(archive, entry, folder / name)
    except CheckpointError:
        raise
    except Exception as error:  # zipfile and zlib say a damaged zip in a dozen ways
        raise CheckpointError("This zip is damaged. Download it again.") from error


def _check_end(zip_path: Path) -> None:
    """Refuse a list of contents that is too long before zipfile reads it into memory."""
    try:
        if not zip_path.exists():
            raise CheckpointError("There is no such file.")
        if not zip_path.is_file() or zip_path.stat().st_size > sum(LIMITS.values()):
            raise CheckpointError("This is not a zip of a run, or it is too large.")
        with zip_path.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(-min(file.tell(), _END_BYTES + _LARGE_LOCATOR_BYTES), os.SEEK_END)
            tail = file.read()
    except OSError as error:
        raise CheckpointError("This zip cannot be opened.") from error
    end = tail[-_END_BYTES:]
    if len(end) < _END_BYTES or not end.startswith(_END) or tail.startswith(_LARGE_LOCATOR):
        raise CheckpointError("This is not a zip of a run, or it was cut short on its way. Download it again.")
    entries, length = int.from_bytes(end[10:12], "little"), int.from_bytes(end[12:16], "little")
    if entries > _MAX_ENTRIES or length > _MAX_ENTRIES * 1000:
        raise CheckpointError("This is not a zip of a run: it holds too many files.")


def _entries(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """The files of a run in a zip, by name. They lie at its top or together in one folder."""
    found: dict[str, zipfile.ZipInfo] = {}
    folders = set()
    for entry in archive.infolist():
        folder, _, name = entry.filename.rpartition("/")
        if entry.is_dir() or name in _LITTER or folder.split("/")[0] == "__MACOSX":
            continue
        folders.add(folder)
        kind = stat.S_IFMT(entry.external_attr >> 16)
        # "/" in the folder: also "../x" and "/x"
        strange = name not in _TAKEN + _MADE_ANEW or "/" in folder or folder == ".." or name in found
        if strange or len(folders) > 1 or kind not in (0, stat.S_IFREG):
            raise CheckpointError("This is not a zip of a run: it holds {value!r}.", value=entry.filename[:80])
        if entry.flag_bits & 1 or entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise CheckpointError("This zip is encrypted, or packed in a way that is not read here.")
        found[name] = entry
    if RECORD_FILE not in found or HEAD_FILE not in found:
        raise CheckpointError(
            "This is not a zip of a run: it has no {record_file} or no {head_file}.",
            record_file=RECORD_FILE,
            head_file=HEAD_FILE,
        )
    return {name: entry for name, entry in found.items() if name in _TAKEN}


def _unpack_one(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path) -> None:
    left = LIMITS[path.name]
    with archive.open(entry) as packed, path.open("xb") as file:
        while block := packed.read(_BLOCK):
            left -= len(block)
            if left < 0:
                raise CheckpointError(
                    "{name} is too large: at most {limits} MB.",
                    name=path.name,
                    limits=LIMITS[path.name] >> 20,
                )
            file.write(block)


def _take_over(unpacked: Path, record: RunRecord, complete: Path) -> None:
    """Put a run of unpacked files together, each checked against the record."""
    present = [name for name in _TAKEN if name in record.files]
    paths = {name: find_stored(unpacked, name, record.files[name]) for name in present}
    if HEAD_FILE not in paths or (record.backbone.weights == "here" and NETWORK_FILE not in paths):
        raise CheckpointError("This zip is not complete: its run needs weights that are not in it.")
    read_head(paths[HEAD_FILE], record.backbone, record.class_names)
    history_of(unpacked, record)
    evaluation_of(unpacked, record)
    writes = {
        name: _copying(path) for name, path in paths.items() if name in (HEAD_FILE, HISTORY_FILE, EVALUATION_FILE)
    }
    if NETWORK_FILE in paths:
        network = paths[NETWORK_FILE]
        check_network(network, record.backbone, prefix=BACKBONE_PREFIX)
        writes[BACKBONE_FILE] = lambda path: _write_backbone(network, path)
    store_files(complete, dataclasses.replace(record, files={}), writes)


def _write_backbone(network: Path, path: Path) -> None:
    tensors = load_file(network)
    own = {name.removeprefix(BACKBONE_PREFIX): t for name, t in tensors.items() if name.startswith(BACKBONE_PREFIX)}
    write_tensors(path, own)


def _check(folder: Path) -> None:
    """Does the run load? Without fetching anything for it: its owner is asked before that."""
    record = read_record(folder)
    if BACKBONE_FILE in record.files or not needs_fetching(record.backbone.name):
        load_run(folder)


def _copying(source: Path):
    return lambda path: shutil.copyfile(source, path)
