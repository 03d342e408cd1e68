"""What every test without a cluster goes by."""

from hypothesis import settings

# A busy machine is slow, not wrong.
settings.register_profile("lockflight", deadline=None)
settings.load_profile("lockflight")
