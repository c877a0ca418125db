"""The station file at the web: its keys as forms, differences in words, copies that leave the station."""
