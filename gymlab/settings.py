"""The settings of gymlab, each with an environment variable, and the paths of bundled files."""

from pathlib import Path
from typing import Any

import platformdirs
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from gymlab.arguments import instance
from gymlab.errors import InputError

_PACKAGE = Path(__file__).resolve().parent


def checkout() -> Path | None:
    """Return the root of the source checkout that this package runs from, or None when it is installed."""
    root = _PACKAGE.parent
    return root if (root / "notebooks").is_dir() and (root / "pyproject.toml").is_file() else None


def _default_home() -> Path:
    return checkout() or Path(platformdirs.user_data_dir("gymlab", appauthor=False))


class Settings(BaseSettings):
    """Settings from the environment, which are read when the object is made; an empty variable counts as not set.

    Attributes
    ----------
    home
        ``GYMLAB_HOME``: the folder of the database, the reports and the jobs. Default: the checkout, or the data folder
        of the user for an installed gymlab.
    memory_fraction
        ``GYMLAB_MEMORY_FRACTION``: the share of the free memory that work may take.
    metrics_port
        ``GYMLAB_METRICS_PORT``: the port on 127.0.0.1 at which commands serve metrics of their work to Prometheus; 0 for
        a free one. Default: they serve none.
    """

    model_config = SettingsConfigDict(env_prefix="GYMLAB_", env_ignore_empty=True)

    home: Path = Field(default_factory=_default_home, description="the path of a folder")
    memory_fraction: float = Field(default=0.6, gt=0, le=1, description="a number above 0 and at most 1")
    metrics_port: int | None = Field(default=None, ge=0, le=65_535, description="a port from 0 to 65535")

    def __init__(self, **values: Any) -> None:  # noqa: ANN401 - pydantic checks them
        try:
            super().__init__(**values)
        except ValidationError as error:
            wrong = error.errors()[0]
            name = str(wrong["loc"][0])
            field = type(self).model_fields.get(name)
            wanted = f"must be {field.description}" if field else "is no setting"
            raise InputError(f"GYMLAB_{name.upper()}={str(wrong['input'])[:80]} {wanted}") from error

    @field_validator("home")
    @classmethod
    def _absolute(cls, home: Path) -> Path:
        """Make the path independent of the working directory."""
        return home.absolute()

    @property
    def database_url(self) -> str:
        """URL of the embedded database."""
        # The import is slow, and a caller that needs a database has already made it.
        from sqlalchemy.engine import URL  # noqa: PLC0415

        path = str(self.home / "data" / "gymlab.db")
        return URL.create("sqlite+aiosqlite", database=path).render_as_string(hide_password=False)

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
    InputError
        If `name` is no text.
    FileNotFoundError
        If no such notebook is bundled.

    Examples
    --------
    >>> notebook_path("04_optimization_report").suffix
    '.ipynb'
    """
    instance("name", name, str, "the name of a notebook")
    path = resource("notebooks", name if name.endswith(".ipynb") else f"{name}.ipynb")
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in resource("notebooks").glob("*.ipynb")))
        raise FileNotFoundError(f"no notebook {name!r}; the bundled ones are {known}")
    return path
