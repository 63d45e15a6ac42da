"""The parameters cell of a notebook: its values, which are read without running the cell."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat

from gymlab.arguments import shortened
from gymlab.errors import InputError

_TAG = "parameters"

# The syntax allowed in a constant. It has no call, no attribute and no power, since 10**10**10 would never end.
_CONSTANT = (
    *(ast.Constant, ast.Tuple, ast.List, ast.Set, ast.Dict, ast.Starred, ast.Name, ast.expr_context),
    *(ast.JoinedStr, ast.FormattedValue, ast.UnaryOp, ast.unaryop, ast.BinOp),
    *(ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod),
)
_BINDS_NO_PARAMETER = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True)
class ParametersCell:
    """The names that a parameters cell binds.

    Attributes
    ----------
    place
        The cell, as error messages name it.
    read
        By name, the values that are constants.
    unread
        By name, the line and the text of the statement, if it binds the name to a value that is no constant.
    """

    place: str
    read: dict[str, Any] = field(default_factory=dict)
    unread: dict[str, tuple[int, str]] = field(default_factory=dict)

    @property
    def names(self) -> set[str]:
        """All names that the cell binds."""
        return {*self.read, *self.unread}

    def with_values(self, chosen: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values of the cell, with chosen values in place of those in the cell.

        Raises
        ------
        InputError
            If a value is no constant and no other value is chosen for its name.
        """
        for name, (line, text) in self.unread.items():
            if name not in chosen:
                raise InputError(
                    f"{self.place}, line {line}: {shortened(' '.join(text.split()))} is no constant, so {name} cannot "
                    f"be read; write its value there, or set it with --set {name}=…"
                )
        return {**self.read, **chosen}


def parameters_cell(notebook: Path) -> ParametersCell:
    r"""Read the parameters cell of a notebook: constants, arithmetic on them, and names bound before.

    Parameters
    ----------
    notebook
        Path of the notebook.

    Raises
    ------
    InputError
        If the file is no notebook, if it does not have exactly one parameters cell, or if the cell is no Python.

    Examples
    --------
    >>> import tempfile
    >>> cell = nbformat.v4.new_code_cell("window: int = 20\nhop = window // 2", metadata={"tags": ["parameters"]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "copy.ipynb")
    ...     nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
    ...     parameters_cell(path).read
    {'window': 20, 'hop': 10}
    """
    source = _source(notebook)
    cell = ParametersCell(f"{notebook}, parameters cell")
    try:
        statements = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        where = f", line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        raise InputError(f"{cell.place}{where}: is no Python: {getattr(error, 'msg', error)}") from error
    for statement in statements:
        _bind(cell, statement, source)
    return cell


def _source(notebook: Path) -> str:
    try:
        # nbformat converts notebooks of older formats.
        cells = nbformat.read(notebook, as_version=4).cells
        tagged = [
            (str(one.cell_type), str(one.source)) for one in cells if _TAG in one.metadata.get("tags", [])
        ]
    except OSError as error:
        raise InputError(f"{notebook}: cannot be read: {error.strerror or error}") from error
    except Exception as error:  # a file that is no notebook raises errors of many kinds
        raise InputError(f"{notebook}: is no notebook that can be read") from error
    kinds = [kind for kind, _ in tagged]
    if kinds != ["code"]:
        found = (
            f"{len(kinds)} cells are tagged {_TAG!r} ({', '.join(kinds)})" if kinds else "no cell is tagged"
        )
        raise InputError(f"{notebook}: {found}; give the tag {_TAG!r} to the one code cell that sets them")
    return tagged[0][1]


def _bind(cell: ParametersCell, statement: ast.stmt, source: str) -> None:
    """Add the names that a statement binds to the cell."""
    if isinstance(statement, _BINDS_NO_PARAMETER) and not any(
        isinstance(part, ast.Global) for part in ast.walk(statement)
    ):
        return
    names = list(_bound(statement))
    if _is_constant(statement, cell.read):
        # An annotation may have names that are not bound here.
        plain = (
            ast.copy_location(ast.Assign([statement.target], statement.value), statement)
            if isinstance(statement, ast.AnnAssign) and statement.value is not None
            else statement
        )
        values = dict(cell.read)
        try:
            exec(compile(ast.Module([plain], []), "cell", "exec"), {"__builtins__": {}}, values)  # noqa: S102 - constants only
        except Exception:  # noqa: BLE001, S110 - the notebook raises the same error when it runs
            pass
        else:
            cell.read.update(values)
            for name in names:
                cell.unread.pop(name, None)
            return
    for name in names:
        # A call of a method, as in print(x.strip()), may concern names that are no parameters.
        if isinstance(statement, ast.Expr) and name not in cell.names:
            continue
        cell.read.pop(name, None)
        cell.unread[name] = (statement.lineno, ast.get_source_segment(source, statement) or "")


def _is_constant(statement: ast.stmt, known: Mapping[str, Any]) -> bool:
    if not isinstance(statement, (ast.Assign, ast.AugAssign, ast.AnnAssign)) or statement.value is None:
        return False
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    parts = [part for one in (*targets, statement.value) for part in ast.walk(one)]
    read = {part.id for part in ast.walk(statement.value) if isinstance(part, ast.Name)}
    return all(isinstance(part, _CONSTANT) for part in parts) and read <= set(known)


def _bound(statement: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement binds or whose values it changes, without the variables of comprehensions."""
    inner = [part.target for part in ast.walk(statement) if isinstance(part, ast.comprehension)]
    own = {part for target in inner for part in ast.walk(target)}
    for part in ast.walk(statement):
        if isinstance(part, ast.Name) and not isinstance(part.ctx, ast.Load) and part not in own:
            yield part.id
        elif isinstance(part, (ast.Global, ast.Nonlocal)):
            yield from part.names
        # A method may change a list, and an assignment may change an item.
        changed = part.func if isinstance(part, ast.Call) else part
        if isinstance(changed, (ast.Attribute, ast.Subscript)) and (
            changed is not part or not isinstance(changed.ctx, ast.Load)
        ):
            yield from (one.id for one in ast.walk(changed.value) if isinstance(one, ast.Name))
