# To type checkers everything of transformers is Any: its own annotations contradict what it does.
from typing import Any

def __getattr__(name: str) -> Any: ...
