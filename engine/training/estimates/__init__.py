"""How long a training will take and what memory it needs, calibrated by short measurements on this machine."""
