"""What `throughput.py` and `scaling.py` measure: a module each, run as a process of its own.

    cd benchmarks && python -m contenders.sb3 "$(python -m contenders.scenarios ppo-cartpole)"

Each takes a scenario as JSON, warms up, measures itself over the scenario's steps and prints one JSON line.
"""
