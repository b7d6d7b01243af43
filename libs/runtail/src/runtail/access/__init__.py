"""Access: rights, grants of rights, principals, and the one function that decides. Pure.

=================  ==========================================================================
:mod:`.rights`     the rights, and the roles that bundle them
:mod:`.labels`     what the labels of tasks and runs may be
:mod:`.policy`     the text that says who has which grants
:mod:`.explain`    which grant gives which right, for people
:mod:`.principal`  the one who asks, with the grants that apply
:mod:`.decision`   :func:`~.decision.allowed`: may this principal do this with this thing?
=================  ==========================================================================

There are no rules that forbid: an action is refused if no grant allows it.
"""
