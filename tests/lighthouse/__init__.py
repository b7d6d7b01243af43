"""Lighthouse, by the makers of Chromium, judges the list and a run."""
