"""Runs and sweeps in a bucket: machines work on copies of their own and keep the bucket up to date."""
