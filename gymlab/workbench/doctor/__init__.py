"""What is installed and usable here: one line for each thing that a report or a speed depends on.

Nothing is made or changed: no folder, no database. What is absent is said, with what would change it.
"""

from gymlab.workbench.doctor.examination import as_dict, examine, listing
from gymlab.workbench.doctor.finding import Finding, State

__all__ = ["Finding", "State", "as_dict", "examine", "listing"]
