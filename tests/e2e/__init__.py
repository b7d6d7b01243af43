"""The chart on a real cluster: whatever ``KUBECONFIG`` names. ``make e2e`` runs it."""
