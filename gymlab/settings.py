"""Where gymlab keeps things, and what it may use; every value can be set by an environment variable."""

from pathlib import Path

import platformdirs
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

_PACKAGE = Path(__file__).resolve().parent


def checkout() -> Path | None:
    """Return the root of the source checkout that this package runs from, or None when it is installed."""
    root = _PACKAGE.parent
    return root if (root / "notebooks").is_dir() and (root / "pyproject.toml").is_file() else None


def _default_home() -> Path:
    return checkout() or Path(platformdirs.user_data_dir("gymlab", appauthor=False))


class Settings(BaseSettings):
    """Settings from the environment, read when created.

    Attributes
    ----------
    home
        ``GYMLAB_HOME``: the folder under which the database and the reports lie. A checkout is its own home;
        an installed gymlab uses the user's data folder. Never the current folder.
    memory_fraction
        ``GYMLAB_MEMORY_FRACTION``: how much of the memory that is free when work starts it may take.
    """

    model_config = SettingsConfigDict(env_prefix="GYMLAB_")

    home: Path = Field(default_factory=_default_home)
    memory_fraction: float = Field(default=0.6, gt=0, le=1)

    @property
    def database_url(self) -> str:
        """URL of the embedded database."""
        return f"sqlite+aiosqlite:///{self.home / 'data' / 'gymlab.db'}"

    @property
    def reports(self) -> Path:
        """Folder of the report runs."""
        return self.home / "reports"


def resource(*parts: str) -> Path:
    """Return the path of a bundled file: in the checkout, else inside the installed package."""
    return (checkout() or _PACKAGE / "resources").joinpath(*parts)


def sample_path() -> Path:
    """Return the path of the bundled sample log.

    The sample is 840 matches of the iterated prisoner's dilemma between classic rules (83,223 actions).

    Examples
    --------
    >>> sample_path().name
    'axelrod_canonical.parquet'
    """
    return resource("data", "axelrod_canonical.parquet")


def notebook_path(name: str) -> Path:
    """Return the path of a bundled notebook, by its file name with or without ``.ipynb``.

    Raises
    ------
    FileNotFoundError
        If no such notebook is bundled.

    Examples
    --------
    >>> notebook_path("04_optimization_report").suffix
    '.ipynb'
    """
    path = resource("notebooks", name if name.endswith(".ipynb") else f"{name}.ipynb")
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in resource("notebooks").glob("*.ipynb")))
        raise FileNotFoundError(f"no notebook {name!r}; the bundled ones are {known}")
    return path
