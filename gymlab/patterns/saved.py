"""An extraction in a folder: Parquet, JSON and .npy, whole or not at all; checksums are checked when it is read."""

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Callable
from dataclasses import asdict, fields
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from gymlab.actions.channels import Channel, FittedChannel
from gymlab.actions.encoding import Encoding
from gymlab.actions.windows import Windows
from gymlab.arguments import shown
from gymlab.clustering import Quality
from gymlab.errors import InputError, OutputError
from gymlab.patterns.config import ExtractionConfig
from gymlab.patterns.extraction_data import ExtractionData, ExtractionStats
from gymlab.patterns.placement import windows_at
from gymlab.patterns.significance.pattern_significance import PatternSignificance, Significance, plain
from gymlab.patterns.temporal import TemporalPattern

T = TypeVar("T")
AnyExtraction = TypeVar("AnyExtraction", bound=ExtractionData)

# Of the folder. A reader refuses a later one.
SCHEMA = 1

MANIFEST = "extraction.json"
DIGEST = "digest"
ACTIONS = "actions.parquet"
WINDOWS = "windows.parquet"

# Arrays in files of their own; None is no file.
ARRAYS = ("distances", "linkage", "sample", "representatives", "representative_labels")

# Columns of the windows' file beside those of their table.
LABEL, SILHOUETTE = "label", "silhouette"


def write_extraction(extraction: ExtractionData, folder: Path) -> Path:
    """Write an extraction to a new folder; see :meth:`gymlab.Extraction.save`."""
    target = folder.absolute()
    require_new_folder(target)
    unfinished = target.with_name(f".{target.name}.{secrets.token_hex(4)}.partial")
    try:
        try:
            unfinished.mkdir()
            _write_files(extraction, unfinished)
            # The manifest is last: a folder without one is none of ours.
            manifest = {**_manifest(extraction), "files": checksums(unfinished)}
            manifest[DIGEST] = digest_of(manifest)
            text = json.dumps(manifest, indent=1, ensure_ascii=False, allow_nan=False)
            (unfinished / MANIFEST).write_text(text, encoding="utf-8")
            unfinished.rename(target)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    except OSError as error:
        raise OutputError(f"cannot write {folder}: {error.strerror or error}") from error
    return target


def checked_path(name: str, value: object) -> Path:
    """Return an argument that has to be the path of a folder.

    Raises
    ------
    InputError
        If it is no text and no path.
    """
    path = os.fspath(value) if isinstance(value, (str, os.PathLike)) else None
    if not isinstance(path, str) or not path or "\0" in path:
        raise InputError(f"{name} is {shown(value)}; give the path of a folder")
    return Path(path)


def require_new_folder(folder: Path) -> None:
    """Refuse a folder that exists, or that is in none.

    Raises
    ------
    OutputError
        If it is so.
    """
    if folder.exists() or folder.is_symlink():
        raise OutputError(f"{folder} is there already; give the name of a new folder")
    if not folder.absolute().parent.is_dir():
        raise OutputError(f"cannot write {folder}: give a name in a folder that exists")


def checksums(folder: Path) -> dict[str, str]:
    """Return the BLAKE2b hash of each file of a folder by name, without the manifest."""
    found = {}
    for path in sorted(folder.iterdir()):
        if path.name != MANIFEST:
            with path.open("rb") as file:
                found[path.name] = hashlib.file_digest(
                    file, partial(hashlib.blake2b, digest_size=32)
                ).hexdigest()
    return found


def digest_of(manifest: dict[str, Any]) -> str:
    """Return the BLAKE2b hash of what a manifest says, itself left out."""
    content = {name: value for name, value in manifest.items() if name != DIGEST}
    return hashlib.blake2b(json.dumps(content, sort_keys=True).encode(), digest_size=32).hexdigest()


def _write_files(extraction: ExtractionData, folder: Path) -> None:
    log = extraction.actions.copy(deep=False)
    log.attrs = {}
    log.to_parquet(folder / ACTIONS, index=False)
    table = extraction.windows.table.assign(
        **{LABEL: extraction.labels, SILHOUETTE: extraction.quality.silhouettes}
    )
    table.to_parquet(folder / WINDOWS, index=False)
    for name in ARRAYS:
        array = getattr(extraction, name)
        if array is not None:
            np.save(folder / f"{name}.npy", array, allow_pickle=False)


def _manifest(extraction: ExtractionData) -> dict[str, Any]:
    log, windows = extraction.actions, extraction.windows
    return {
        "format": "gymlab extraction",
        "schema": SCHEMA,
        "attrs": plain(dict(log.attrs)),
        "config": extraction.config.as_dict(),
        "encoding": plain(extraction.encoding.as_dict()),
        "windows": {"unit": windows.unit, "coverage": windows.coverage, "notes": list(windows.notes)},
        "patterns": [_fields(pattern, without="members") for pattern in extraction.patterns],
        "quality": _fields(extraction.quality, without="silhouettes"),
        "stats": _fields(extraction.stats),
        "notes": list(extraction.notes),
        "significance": None if extraction.significance is None else plain(asdict(extraction.significance)),
    }


def _fields(record: Any, without: str = "") -> dict[str, Any]:  # noqa: ANN401 - a dataclass
    return {
        field.name: plain(getattr(record, field.name)) for field in fields(record) if field.name != without
    }


def read_extraction(folder: str | Path, kind: Callable[..., AnyExtraction]) -> AnyExtraction:
    """Read an extraction of a kind from its folder; see :func:`gymlab.load_extraction`."""
    path = checked_path("folder", folder)
    if not path.is_dir():
        what = "is a file, not a folder" if path.exists() else "is not there"
        raise InputError(f"{path} is no saved extraction: it {what}")
    manifest = _checked_manifest(path)
    try:
        return _extraction(path, manifest, kind)
    except (KeyError, TypeError, ValueError, IndexError, OSError) as error:
        raise InputError(f"{path} is damaged: {error!r}") from error


def _checked_manifest(folder: Path) -> dict[str, Any]:
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{folder} is no saved extraction: it has no {MANIFEST}") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{folder} cannot be read: {MANIFEST} is damaged ({error})") from None
    if not isinstance(manifest, dict) or manifest.get("format") != "gymlab extraction":
        raise InputError(f"{folder} is no saved extraction: its {MANIFEST} says something else")
    if manifest.get("schema") != SCHEMA:
        raise InputError(
            f"{folder} has schema {manifest.get('schema')!r} and this gymlab reads {SCHEMA}; find the patterns anew, "
            "or read it with the version that wrote it"
        )
    if manifest.get(DIGEST) != digest_of(manifest):
        raise InputError(f"{folder} is damaged: {MANIFEST} is not the file that was saved")
    try:
        found = checksums(folder)
    except OSError as error:
        raise InputError(f"{folder} cannot be read: {error.strerror or error}") from error
    expected = manifest.get("files")
    if not isinstance(expected, dict) or not {ACTIONS, WINDOWS} <= set(expected):
        raise InputError(f"{folder} is damaged: its {MANIFEST} does not name its files")
    for name in sorted({*expected, *found}):
        if found.get(name) != expected.get(name):
            what = "is missing" if name not in found else "is not the file that was saved"
            raise InputError(f"{folder} is damaged: {name} {what}")
    return manifest


def _extraction(folder: Path, manifest: dict[str, Any], kind: Callable[..., AnyExtraction]) -> AnyExtraction:
    log = pd.read_parquet(folder / ACTIONS)
    log.attrs = dict(manifest["attrs"])
    table = pd.read_parquet(folder / WINDOWS)
    table.attrs = {}
    labels = table.pop(LABEL).to_numpy(dtype=np.int64)
    silhouettes = table.pop(SILHOUETTE).to_numpy(dtype=np.float64)
    encoding = _encoding(manifest["encoding"])
    kept = manifest["windows"]
    unit = kept["unit"]
    places = (table[name].to_numpy() for name in ("row", "length"))
    values = windows_at(encoding.encode(log), *places, as_array=unit == "window")
    windows = Windows(table, values, unit, kept["coverage"], tuple(kept["notes"]))
    curve = {int(k): width for k, width in manifest["quality"].pop("silhouette_by_n_clusters").items()}
    quality = _built(Quality, manifest["quality"], silhouettes=silhouettes, silhouette_by_n_clusters=curve)
    patterns = tuple(
        _built(TemporalPattern, kept, members=np.flatnonzero(labels == kept["label"]))
        for kept in manifest["patterns"]
    )
    arrays = {name: _array(folder / f"{name}.npy") for name in ARRAYS}
    return kind(
        actions=log,
        config=ExtractionConfig(**manifest["config"]),
        encoding=encoding,
        windows=windows,
        labels=labels,
        patterns=patterns,
        quality=quality,
        stats=_built(ExtractionStats, manifest["stats"]),
        notes=tuple(manifest["notes"]),
        significance=_significance(manifest.get("significance")),
        **arrays,
    )


def _array(path: Path) -> Any:  # noqa: ANN401 - an array of the field's type, or None
    # Mapped, since a matrix may be large and is often not asked for.
    return np.load(path, allow_pickle=False, mmap_mode="r") if path.exists() else None


def _encoding(kept: dict[str, Any]) -> Encoding:
    channels = tuple(
        FittedChannel(**{**one, "channel": Channel(**one["channel"]), "levels": tuple(one["levels"])})
        for one in kept["channels"]
    )
    return Encoding(channels, tuple(kept["notes"]))


def _significance(kept: dict[str, Any] | None) -> Significance | None:
    if kept is None:
        return None
    patterns = tuple(_built(PatternSignificance, _with_quantiles(one)) for one in kept["patterns"])
    more = {"patterns": patterns, "notes": tuple(kept["notes"])}
    return _built(Significance, _with_quantiles(kept), **more)


def _with_quantiles(kept: dict[str, Any]) -> dict[str, Any]:
    return {
        name: tuple(np.nan if one is None else one for one in value) if name.startswith("null_") else value
        for name, value in kept.items()
    }


def _built(kind: Callable[..., T], kept: dict[str, Any], **more: object) -> T:
    """Return a dataclass from its fields in JSON, where NaN is null; a field of an earlier version is left out."""
    known = {field.name: field.type for field in fields(kind)}  # type: ignore[arg-type]
    values = {name: value for name, value in {**kept, **more}.items() if name in known}
    for name, type_ in known.items():
        if type_ is float and values.get(name) is None:
            values[name] = float("nan")
    return kind(**values)
