"""Every rule of the triplet format, held to a whole set: `python -m data_tools.check SET`.

`check` is the function behind the command, `look` tells what is wrong with one record, and `fix` writes what can be
mended into a new folder.
"""

from data_tools.check.checking import Checked, check
from data_tools.check.fixing import Fixed, fix
from data_tools.check.problem import KINDS, Problem
from data_tools.check.rules import Rules, look

__all__ = ["KINDS", "Checked", "Fixed", "Problem", "Rules", "check", "fix", "look"]
