"""``make pictures``: those of the documentation, of the examples. ``__main__`` takes them, ``small`` packs them."""
