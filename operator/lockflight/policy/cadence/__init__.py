"""Cadence: sprints, trains, and which release is on which."""
