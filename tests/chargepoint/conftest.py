"""Hundreds of tests here check a station file; what its sections may hold is found out once for all of them."""

import functools

from chargepoint import config_schema

config_schema.struct_info = functools.cache(config_schema.struct_info)
