"""Tiny checkpoints with random weights in the layouts in which the real ones are published. One file a family."""
