"""The Tombola service: API, domain and store. No torch in here."""
