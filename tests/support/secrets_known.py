"""The secrets that ``secret_app`` gives away, for those who look whether they stand anywhere."""

BY_DEFAULT = "by-default-Kq8zW3"
SCHEDULED = {"token": "scheduled-Vb6nM1", "end": "exit"}
