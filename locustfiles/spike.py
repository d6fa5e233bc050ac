"""Spike: Poisson arrivals at several times the peak rate.

Run by `fireai run`; by hand `locust -f locustfiles/spike.py` opens Locust's page on 127.0.0.1 (`--headless` goes
without). FIREAI_PROFILE (smoke), FIREAI_TARGET (embedded) and FIREAI_SEED (1) choose what runs.
"""

from fireai_analysis.collect.locust_user import user_class

SpikeUser = user_class("spike")
