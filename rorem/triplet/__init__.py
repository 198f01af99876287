"""Source, mask, result and truth: the record that everything exchanges, and the sets it comes in."""
