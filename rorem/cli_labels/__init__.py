"""`rorem labels`: the answers that people give on removals, from filling the queue to what came out of it."""

from __future__ import annotations

import typer

from rorem.cli_labels import exchanging, filling, hub, making, operating, telling

app = typer.Typer(no_args_is_help=True, help="The answers that people give on removals: see docs/label.md.")

app.command("add")(filling.add)
app.command("gold")(filling.gold)
app.command("make")(making.make)
app.command("stats")(telling.stats)
app.command("report")(telling.report)
app.command("leaderboard")(telling.leaderboard)
app.command("verify")(telling.verify)
app.command("export")(exchanging.export)
app.command("import")(exchanging.bring_in)
app.command("pending")(operating.pending)
app.command("approve")(operating.approve)
app.command("refuse")(operating.refuse)
app.command("withdraw")(operating.withdraw)
app.command("sync")(hub.sync)
app.command("restore")(hub.restore)
