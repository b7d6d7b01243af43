"""The documentation as a site: ``make docs`` builds it from the same files that you read in the repository.

``links`` tells where a link in a file leads on the site, and mkdocs calls ``hooks``.
"""
