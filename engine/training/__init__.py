"""Trainings: their settings (`recipe`), what one will cost (`estimate`), starting and keeping them (`runs`), and the
job itself (`sft`, with `rows`, `live` and `watch`). Only the job loads torch."""
