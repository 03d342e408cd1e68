"""``lockflight`` and ``kubectl lockflight``: what people and pipelines do, as themselves, never elevated."""
