"""Governance documents: what the objects and the audit records say, in one model that writers turn into files. Pure."""
