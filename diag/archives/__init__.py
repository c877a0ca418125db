"""Day archives and the support bundle: what of the station's records goes into one zip file."""
