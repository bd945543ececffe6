"""Items out to reviewers and labels back: what is asked, who holds what, which labels may stand."""
