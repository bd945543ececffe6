"""The claims assistant: an application with known flaws for the loop to find and mend."""
