"""Models in and out: load, save, chat templates and samplers."""
