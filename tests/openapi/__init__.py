"""The API's description, looked at by what others look at it with: Redocly and Spectral (``make lint-api``)."""
