"""Making a release: versions, changelog, commits and published artifacts.

``make release VERSION=1.2.3`` runs this from a clean checkout. It commits and tags
on this machine and leaves the artifacts in ``build/release/1.2.3``; it pushes nothing.
"""
