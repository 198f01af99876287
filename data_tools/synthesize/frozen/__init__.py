"""The small set inside the package, rorem/samples: how it was made, and how it is made again."""
