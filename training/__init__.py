"""Training scripts: each reads like the paper's algorithm box, over one shared loop."""
