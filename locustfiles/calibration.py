"""Calibration of the generator against a server that does nothing.

Started by `fireai run`, once a machine and version.
"""

from fireai_analysis.collect.calibrating import user_class

CalibrationUser = user_class()
