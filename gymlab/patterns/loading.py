"""An extraction read back from its folder, checked before it is believed."""

import json
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gymlab.actions.channels import Channel, FittedChannel
from gymlab.actions.encoding import Encoding
from gymlab.actions.windows import Windows
from gymlab.clustering import Quality
from gymlab.errors import InputError
from gymlab.patterns.config import ExtractionConfig
from gymlab.patterns.result import Extraction
from gymlab.patterns.saved import (
    ACTIONS,
    ARRAYS,
    DIGEST,
    LABEL,
    MANIFEST,
    SCHEMA,
    SILHOUETTE,
    WINDOWS,
    checked_path,
    checksums,
    digest_of,
)
from gymlab.patterns.significance.result import PatternSignificance, Significance
from gymlab.patterns.stats import ExtractionStats
from gymlab.patterns.temporal import TemporalPattern

T = TypeVar("T")


def load_extraction(folder: str | Path) -> Extraction:
    """Read an extraction that :meth:`gymlab.Extraction.save` wrote.

    Parameters
    ----------
    folder
        The folder.

    Returns
    -------
    Extraction
        It gives the same answers as the one that was saved. A matrix of distances stays in its file and is read
        as it is needed.

    Raises
    ------
    InputError
        If the folder is no saved extraction, is damaged, or was written by a later version.

    Examples
    --------
    >>> import gymlab, tempfile
    >>> log = gymlab.select_actions(gymlab.read_actions(gymlab.sample_path()), agent="Alternator")
    >>> extraction = gymlab.extract_patterns(log, gymlab.ExtractionConfig(hop=20, n_clusters=2))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     loaded = gymlab.load_extraction(extraction.save(f"{folder}/alternator"))
    >>> loaded.as_dict() == extraction.as_dict()
    True
    """
    path = checked_path("folder", folder)
    if not path.is_dir():
        what = "is a file, not a folder" if path.exists() else "is not there"
        raise InputError(f"{path} is no saved extraction: it {what}")
    manifest = _checked_manifest(path)
    try:
        return _extraction(path, manifest)
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


def _extraction(folder: Path, manifest: dict[str, Any]) -> Extraction:
    log = pd.read_parquet(folder / ACTIONS)
    log.attrs = dict(manifest["attrs"])
    table = pd.read_parquet(folder / WINDOWS)
    table.attrs = {}
    labels = table.pop(LABEL).to_numpy(dtype=np.int64)
    silhouettes = table.pop(SILHOUETTE).to_numpy(dtype=np.float64)
    encoding = _encoding(manifest["encoding"])
    kept = manifest["windows"]
    unit = kept["unit"]
    values = _values(table, encoding.encode(log), whole=unit == "series")
    windows = Windows(table, values, unit, kept["coverage"], tuple(kept["notes"]))
    curve = {int(k): width for k, width in manifest["quality"].pop("silhouette_by_n_clusters").items()}
    quality = _built(Quality, manifest["quality"], silhouettes=silhouettes, silhouette_by_n_clusters=curve)
    patterns = tuple(
        _built(TemporalPattern, kept, members=np.flatnonzero(labels == kept["label"]))
        for kept in manifest["patterns"]
    )
    arrays = {name: _array(folder / f"{name}.npy") for name in ARRAYS}
    return Extraction(
        actions=log,
        config=_config(manifest["config"]),
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


def _values(
    table: pd.DataFrame, encoded: NDArray[np.float32], *, whole: bool
) -> NDArray[np.float32] | list[NDArray[np.float32]]:
    rows, lengths = table["row"].to_numpy(), table["length"].to_numpy()
    if whole:
        return [encoded[row : row + length] for row, length in zip(rows, lengths, strict=True)]
    values: NDArray[np.float32] = encoded[rows[:, None] + np.arange(lengths[0])]
    return values


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
    named = {name: values for name, values in kept.items() if name.startswith("null_")}
    return {
        **kept,
        **{name: tuple(np.nan if one is None else one for one in values) for name, values in named.items()},
    }


def _config(kept: dict[str, Any]) -> ExtractionConfig:
    if not isinstance(kept["channels"], str):
        kept = {
            **kept,
            "channels": tuple(c if isinstance(c, str) else Channel(**c) for c in kept["channels"]),
        }
    return ExtractionConfig(**kept)


def _built(kind: Callable[..., T], kept: dict[str, Any], **more: object) -> T:
    """Return a dataclass from its fields in JSON, where NaN is null; a field of an earlier version is left out."""
    known = {field.name: field.type for field in fields(kind)}  # type: ignore[arg-type]
    values = {name: value for name, value in {**kept, **more}.items() if name in known}
    for name, type_ in known.items():
        if type_ is float and values.get(name) is None:
            values[name] = float("nan")
    return kind(**values)
