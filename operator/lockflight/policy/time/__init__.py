"""Wall clocks, recurrences and business days as instants: pure, bounded, and the same on every machine."""
