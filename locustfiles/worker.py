"""One of several generator processes; its master tells it which scenario it takes part in.

Started by `fireai run --processes N`, or on another machine by `fireai run --worker --master-host HOST`.
"""

from fireai_analysis.collect.locust_user import worker_class

WorkerUser = worker_class()
