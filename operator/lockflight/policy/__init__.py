"""Decisions: pure functions of what was gathered and of a time that is passed in."""
