"""The policies that hold in the API server, written once here and shipped as YAML: see ``shipped``."""
