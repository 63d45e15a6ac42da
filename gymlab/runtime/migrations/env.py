"""Alembic runs this to apply the versions over the connection that it was given."""

from alembic import context

from gymlab.db_models import GymlabTable
from gymlab.runtime.migrations import VERSION_TABLE

# There is a configuration only while Alembic runs this file.
if hasattr(context, "config"):
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=GymlabTable.metadata,
        version_table=VERSION_TABLE,
        # SQLite changes a table by copying it.
        render_as_batch=True,
    )
    context.run_migrations()
