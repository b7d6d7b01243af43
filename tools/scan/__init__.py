"""What looks for mistakes that let somebody in: ``make scan`` runs these programs beside Semgrep."""
