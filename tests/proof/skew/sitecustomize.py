"""Imported by Python processes under libfaketime: its clock_nanosleep refuses what Python asks for."""

import select
import time
from typing import SupportsIndex


def _sleep(seconds: float | SupportsIndex, /) -> None:
    select.select([], [], [], float(seconds))


time.sleep = _sleep
