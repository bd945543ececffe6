"""Named stages and the recipes that chain them."""
