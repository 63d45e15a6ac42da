"""What people see: figures, tables, the claims measured again, and the report."""
