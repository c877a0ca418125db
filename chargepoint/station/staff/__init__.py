"""The station's side of the service menu: who is at work, and what is tested, asked and exercised for him."""
