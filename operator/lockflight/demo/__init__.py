"""The demo: a release climbs to production on a real API server, told step by step."""
