"""How alerts leave the monitor: to an Alertmanager, to a webhook, and into the log."""
