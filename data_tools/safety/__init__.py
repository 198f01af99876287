"""An optional filter: leaves out records in which a published safety checker sees what should not be passed on.

    python -m data_tools.safety SET --out DIR

Nothing calls it unless asked. `screen` is the function behind the command.
"""

from data_tools.safety.screening import Screened, Settings, screen

__all__ = ["Screened", "Settings", "screen"]
