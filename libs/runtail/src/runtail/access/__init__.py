"""Who may do what: rights, grants of rights, principals, and the one function that decides. Pure.

=================  ==========================================================================
:mod:`.rights`     the rights, and the roles that bundle them
:mod:`.principal`  whoever asks, with the grants that apply
:mod:`.decision`   :func:`~.decision.allowed`: may this principal do this with this thing?
=================  ==========================================================================

Nothing is forbidden by a rule: what no grant allows is not allowed.
"""
