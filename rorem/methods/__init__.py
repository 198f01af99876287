"""Removal methods: one file a method, and `catalog`, the one list of them all."""
