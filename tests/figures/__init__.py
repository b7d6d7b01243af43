"""The product's figures: each module measures one subject and prints what it found.

``make figures`` runs all, ``make figures F="relay outage"`` some. Nothing here
asserts a time: this is for people to read, on a machine they know.
"""
