"""Second looks: disagreements settled, labels checked, reviewers tried."""
