"""A judge of the sharing of power: days of made-up stations, an exact program to compare with, its own checks."""
