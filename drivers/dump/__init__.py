"""Session dumps: frames between connector controller and vehicle -> lines for a technician.

Pure, bounded, and never raises. Sources of the layouts: public documents of GB/T 27930-2015, CHAdeMO and IEC 61851-1.
"""
