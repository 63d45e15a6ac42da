"""Saved extractions: a folder of Parquet, JSON and .npy files, with checksums that are compared when it is read."""

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
from gymlab.patterns.significance.pattern_significance import (
    PatternSignificance,
    Quantiles,
    Significance,
    plain,
)
from gymlab.patterns.temporal import TemporalPattern

T = TypeVar("T")
AnyExtraction = TypeVar("AnyExtraction", bound=ExtractionData)

# The version of the folder's layout. Folders with another version are not read.
SCHEMA = 1

MANIFEST = "extraction.json"
DIGEST = "digest"
ACTIONS = "actions.parquet"
WINDOWS = "windows.parquet"

# The arrays with their own file. An array that is None has no file.
ARRAYS = ("distances", "linkage", "sample", "representatives", "representative_labels")

# The columns of the file of windows that the table of windows does not have.
LABEL, SILHOUETTE = "label", "silhouette"

_blake2b = partial(hashlib.blake2b, digest_size=32)


def write_extraction(extraction: ExtractionData, folder: Path) -> Path:
    """Write an extraction to a new folder; see :meth:`gymlab.Extraction.save`."""
    target = folder.absolute()
    require_new_folder(target)
    unfinished = target.with_name(f".{target.name}.{secrets.token_hex(4)}.partial")
    try:
        try:
            unfinished.mkdir()
            _write_files(extraction, unfinished)
            # The manifest comes last, since it holds the checksums of the other files.
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
    """Check an argument that has to be the path of a folder, and return it as a path.

    Raises
    ------
    InputError
        If the value is no path.
    """
    path = os.fspath(value) if isinstance(value, (str, os.PathLike)) else None
    if not isinstance(path, str) or not path or "\0" in path:
        raise InputError(f"{name} is {shown(value)}; give the path of a folder")
    return Path(path)


def require_new_folder(folder: Path) -> None:
    """Check that a folder can be made.

    Raises
    ------
    OutputError
        If the folder exists, or the folder that would hold it does not exist.
    """
    if folder.exists() or folder.is_symlink():
        raise OutputError(f"{folder} is there already; give the name of a new folder")
    if not folder.absolute().parent.is_dir():
        raise OutputError(f"cannot write {folder}: give a name in a folder that exists")


def checksums(folder: Path) -> dict[str, str]:
    """Return the BLAKE2b hash of each file of a folder except the manifest, by name."""
    found = {}
    for path in sorted(folder.iterdir()):
        if path.name != MANIFEST:
            with path.open("rb") as file:
                found[path.name] = hashlib.file_digest(file, _blake2b).hexdigest()
    return found


def digest_of(manifest: dict[str, Any]) -> str:
    """Return the BLAKE2b hash of a manifest without its digest."""
    content = {name: value for name, value in manifest.items() if name != DIGEST}
    return _blake2b(json.dumps(content, sort_keys=True).encode()).hexdigest()


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
    windows, significance = extraction.windows, extraction.significance
    manifest: dict[str, Any] = plain(
        {
            "format": "gymlab extraction",
            "schema": SCHEMA,
            "attrs": dict(extraction.actions.attrs),
            "config": extraction.config.as_dict(),
            "encoding": extraction.encoding.as_dict(),
            "windows": {"unit": windows.unit, "coverage": windows.coverage, "notes": windows.notes},
            "patterns": [_fields(pattern, without="members") for pattern in extraction.patterns],
            "quality": _fields(extraction.quality, without="silhouettes"),
            "stats": vars(extraction.stats),
            "notes": extraction.notes,
            "significance": None if significance is None else asdict(significance),
        }
    )
    return manifest


def _fields(record: object, *, without: str) -> dict[str, Any]:
    return {name: value for name, value in vars(record).items() if name != without}


def read_extraction(folder: str | Path, kind: Callable[..., AnyExtraction]) -> AnyExtraction:
    """Read an extraction from its folder, as an object of class ``kind``; see :func:`gymlab.load_extraction`."""
    path = checked_path("folder", folder)
    if not path.is_dir():
        what = "is a file, not a folder" if path.exists() else "does not exist"
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
        raise InputError(f"{folder} is no saved extraction: its {MANIFEST} belongs to something else")
    if manifest.get("schema") != SCHEMA:
        raise InputError(
            f"{folder} has schema {manifest.get('schema')!r}, and this version of gymlab reads schema {SCHEMA}; extract "
            "the patterns again, or read the folder with the version that wrote it"
        )
    if manifest.get(DIGEST) != digest_of(manifest):
        raise InputError(f"{folder} is damaged: {MANIFEST} was changed after it was saved")
    try:
        found = checksums(folder)
    except OSError as error:
        raise InputError(f"{folder} cannot be read: {error.strerror or error}") from error
    expected = manifest.get("files")
    if not isinstance(expected, dict) or not {ACTIONS, WINDOWS} <= set(expected):
        raise InputError(f"{folder} is damaged: its {MANIFEST} does not name its files")
    for name in sorted({*expected, *found}):
        if found.get(name) != expected.get(name):
            what = (
                "is missing" if name not in found else "was changed or added after the extraction was saved"
            )
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
    # Memory-mapped, since a matrix may be large and is often not needed.
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
    patterns = tuple(_built(PatternSignificance, one) for one in kept["patterns"])
    return _built(Significance, kept, patterns=patterns, notes=tuple(kept["notes"]))


def _built(kind: Callable[..., T], kept: dict[str, Any], **more: object) -> T:
    """Return a dataclass from its fields in JSON, without the fields that only earlier versions have."""
    values = {**kept, **more}
    known = {field.name: field.type for field in fields(kind)}  # type: ignore[arg-type]
    found = {name: _value(type_, values.get(name)) for name, type_ in known.items()}
    return kind(**{name: value for name, value in found.items() if name in values or known[name] is float})


def _value(type_: object, value: Any) -> Any:  # noqa: ANN401 - a value of JSON, and a value of a field
    """Return a value of a field from JSON, where NaN is null and a tuple of quantiles is a list."""
    if type_ == Quantiles and value is not None:
        return tuple(_value(float, one) for one in value)
    return np.nan if type_ is float and value is None else value
