"""Labels: what people say about removals, kept so that no answer is ever lost.

- Kept: `event` is one answer, never updated; `tables`, `database` and `store` hold events and items in SQLite or
  PostgreSQL; `verify` says whether they are sound. `current` says which answers hold.
- Asked: `items` come from sets of triplets by `filling`, and from visitors by `sharing`, `public`, `voting` and
  `withdrawal`, their pictures in `kept_pictures`. The `queue` hands them out and takes answers: `plan` has its rules,
  `choosing` finds the next item, `lending` hands it out, `answering` takes what is said, `counts` keeps count.
  `identity` knows people by a pseudonym only.
- Read: `aggregation`, `agreement`, `annotator_stats`, `leaderboard`; `stats`, `findings`, `plots` and `report` tell of
  them; `exchange` writes and reads files.
- On the Hub: `syncing` pushes when it is time, `pushing` makes one push of `shards` and `card` by `push_plan`, under a
  `lease`; `hub_repository` and `hub_removal` alone write there. `hub_losses` holds what was pushed to what is there,
  `hub_folder` has files on their way. `restore` brings everything back to an empty disk, with `relending` and
  `recount`; `dataset` reads it for training.
"""
