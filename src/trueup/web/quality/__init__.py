"""Agreement, activity and the items behind figures, over the API and on pages."""
