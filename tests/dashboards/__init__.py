"""What the dashboards show of an installation under load, without a Grafana: recorded, and drawn for the docs."""
