"""The documentation as a site: ``make docs`` builds it of the same files that one reads in the repository.

``links`` says where a link of a file leads in the site, and ``hooks`` is what mkdocs calls.
"""
