"""Curricula: task spaces, teachers that choose tasks, and the way of a task to an environment and of its outcome back.

A teacher is pure: it knows nothing of Ray, RLlib or environments. It turns outcomes of episodes into a small
directive; env runners draw a task from it for each episode.
"""
