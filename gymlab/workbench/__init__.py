"""The parts that people see: figures, tables, widgets, the measured claims, and the report."""
