"""The RORem app. On a Space this file is run as it is; on a machine: `python app.py --help`."""

from __future__ import annotations

import argparse
import os
import sys

from pydantic.fields import FieldInfo

from rorem.errors import RoremError
from rorem.ui.settings import PREFIX, Settings, read


def options(arguments: list[str]) -> dict[str, object]:
    parser = argparse.ArgumentParser(
        prog="app.py",
        description="Starts the RORem app.",
        epilog=f"Each option is also an environment variable: {PREFIX}PORT=7861.",
    )
    for name, field in Settings.model_fields.items():
        flag = f"--{name.replace('_', '-')}"
        if field.annotation is bool:
            parser.add_argument(flag, action=argparse.BooleanOptionalAction, default=None, help=field.description)
        else:
            parser.add_argument(
                flag, default=None, metavar="VALUE", help=f"{field.description} Default: {_shown(field)}."
            )
    return vars(parser.parse_args(arguments))


def _shown(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True)
    told = ",".join(value) if isinstance(value, tuple) else str(value)
    return told.replace("%", "%%") or "nothing"


def main(arguments: list[str]) -> None:
    try:
        settings = read(options(arguments), os.environ)
        from rorem.ui import suite  # Gradio takes seconds to import: not before the options are known to be right

        suite.serve(settings, lambda address: print(f"RORem is ready: {address}", flush=True))
    except RoremError as error:
        sys.exit(error.advice)
    except OSError as error:
        sys.exit(f"The app could not start: {error}")


if __name__ == "__main__":
    main(sys.argv[1:])
