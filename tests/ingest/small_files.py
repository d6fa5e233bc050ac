"""Small files of other tools, written by tests: JMeter rows, vegeta rows, Locust totals, wrk2's histogram."""

from collections.abc import Sequence

STARTED_MS = 1_764_000_000_000
HEADER = "timeStamp,elapsed,label,responseCode,responseMessage,threadName,dataType,success,bytes,grpThreads,allThreads"


def jtl(
    elapsed_ms: Sequence[int],
    *,
    step_ms: int = 100,
    label: str = "POST /v1/classify",
    failed: int = 0,
    threads: int = 5,
    started_ms: int = STARTED_MS,
) -> bytes:
    """Return a JMeter JTL: one request each step, so many of them failed with 500, evenly spread."""
    lines = [HEADER]
    bad = {len(elapsed_ms) * place // failed for place in range(failed)}
    for number, took in enumerate(elapsed_ms):
        good = number not in bad
        status, word = (200, "OK") if good else (500, "Internal Server Error")
        at = started_ms + number * step_ms
        thread = number % threads + 1
        lines.append(f"{at},{took},{label},{status},{word},Group 1-{thread},text,{str(good).lower()},100,5,5")
    return ("\n".join(lines) + "\n").encode()


LOCUST_STATS = b"""Type,Name,Request Count,Failure Count,Median Response Time,Average Response Time,Min Response Time,\
Max Response Time,Average Content Size,Requests/s,Failures/s,50%,66%,75%,80%,90%,95%,98%,99%,99.9%,99.99%,100%
POST,/v1/classify,9000,90,120,130.5,10.0,900.0,100.0,30.0,0.3,120,140,150,160,200,300,400,500,800,900,900
POST,/v1/evidence,1000,10,110,120.5,11.0,800.0,100.0,3.3,0.03,110,130,140,150,190,290,390,490,790,800,800
,Aggregated,10000,100,120,129.5,10.0,900.0,100.0,33.3,0.33,120,140,150,160,200,300,400,500,800,900,900
"""
LOCUST_FAILURES = b"""Method,Name,Error,Occurrences
POST,/v1/classify,HTTPError('500 Server Error'),90
POST,/v1/evidence,ConnectionResetError(104),10
"""
VEGETA = b"".join(
    b"%d,200,%d,10,20,,Ym9keQ==,attack,%d\n" % (STARTED_MS * 10**6 + number * 10**8, 5_000_000 + number, number)
    for number in range(50)
)
