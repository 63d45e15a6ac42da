"""An extraction in a folder: Parquet, JSON and .npy, whole or not at all, every file with its checksum."""

import hashlib
import json
import math
import os
import secrets
import shutil
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from gymlab.arguments import shown
from gymlab.errors import InputError, OutputError

if TYPE_CHECKING:
    from gymlab.patterns.result import Extraction

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


def write_extraction(extraction: "Extraction", folder: Path) -> Path:
    """Write an extraction to a new folder; see :meth:`gymlab.Extraction.save`."""
    target = folder.absolute()
    require_new_folder(target)
    partial = target.with_name(f".{target.name}.{secrets.token_hex(4)}.partial")
    try:
        try:
            partial.mkdir()
            _write_files(extraction, partial)
            # The manifest is last: a folder without one is none of ours.
            manifest = {**_manifest(extraction), "files": checksums(partial)}
            manifest[DIGEST] = digest_of(manifest)
            text = json.dumps(manifest, indent=1, ensure_ascii=False, allow_nan=False)
            (partial / MANIFEST).write_text(text, encoding="utf-8")
            partial.rename(target)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
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
                found[path.name] = hashlib.file_digest(file, _digest).hexdigest()
    return found


def digest_of(manifest: dict[str, Any]) -> str:
    """Return the BLAKE2b hash of what a manifest says, itself left out."""
    content = {name: value for name, value in manifest.items() if name != DIGEST}
    found = _digest()
    found.update(json.dumps(content, sort_keys=True).encode())
    digest: str = found.hexdigest()
    return digest


def _digest() -> Any:  # noqa: ANN401 - hashlib has no public type of its hashes
    return hashlib.blake2b(digest_size=32)


def _write_files(extraction: "Extraction", folder: Path) -> None:
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


def _manifest(extraction: "Extraction") -> dict[str, Any]:
    log, windows = extraction.actions, extraction.windows
    return {
        "format": "gymlab extraction",
        "schema": SCHEMA,
        "attrs": plain(dict(log.attrs)),
        "config": extraction.config.as_dict(),
        "encoding": plain(extraction.encoding.as_dict()),
        "windows": {"unit": windows.unit, "coverage": windows.coverage, "notes": list(windows.notes)},
        "patterns": [
            {
                field.name: plain(getattr(pattern, field.name))
                for field in fields(pattern)
                if field.name != "members"
            }
            for pattern in extraction.patterns
        ],
        "quality": {
            field.name: plain(getattr(extraction.quality, field.name))
            for field in fields(extraction.quality)
            if field.name != "silhouettes"
        },
        "stats": {
            field.name: plain(getattr(extraction.stats, field.name)) for field in fields(extraction.stats)
        },
        "notes": list(extraction.notes),
        "significance": None if extraction.significance is None else plain(asdict(extraction.significance)),
    }


def plain(value: Any) -> Any:  # noqa: ANN401 - whatever JSON can hold
    """Return a value as JSON has it: NaN as null, tuples as lists, numpy's numbers as Python's."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if isinstance(value, pd.Timestamp):
        return value.isoformat()
    return value
