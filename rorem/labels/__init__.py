"""Labels: what people say about removals, kept so that no answer is ever lost.

`event` is one answer, never updated. `tables`, `database` and `store` keep events and items in SQLite or PostgreSQL.
`items` come from sets of triplets and from visitors; `queue` hands them out and takes answers. `identity` knows people
by a pseudonym only.
"""
