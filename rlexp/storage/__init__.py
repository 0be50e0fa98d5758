"""Runs and sweeps in a store such as `s3://lab/runs`: machines work on copies of their own and keep the store up.

In `buckets`, `local_copies` maps addresses to local folders, `bucket` reads and writes a store, `mirror` copies one
folder there and back, `sync` does so while a run trains, `record_fetch` and `fetch` download what others have made.
"""
