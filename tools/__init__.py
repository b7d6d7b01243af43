"""Programs for those who build Runtail."""
