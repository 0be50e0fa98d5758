"""Runs and sweeps in a store such as `s3://lab/runs`: machines work on copies of their own and keep the store up.

`places` says where a copy lies, `store` speaks to the store, `mirror` brings one folder there and back, `keeping`
does so while a run trains, `records` and `fetching` bring what others have made.
"""
