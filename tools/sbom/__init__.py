"""The lists of the packages in the locks, in ``requirements/sbom``, and whether their licences fit.

``make sbom`` writes them, in CycloneDX's form: one for each image, and one for all that only builds and tests. ``make
scan`` compares them with the locks. Nothing in them depends on the machine or on the time.
"""
