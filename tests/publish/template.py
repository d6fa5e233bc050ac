"""What the ticket's report template holds: every heading, every label, every token that must be gone, in its order."""

HEADINGS = """\
# FM-ENH-005: Performance Validation Report Template
## Executive Summary
### Key Findings
### Critical Metrics
## Test Environment Configuration
### Infrastructure
### Environment Variables
### Test Duration
## Test Scenarios Executed
### Test 1: Sustained Baseline Load
### Test 2: Peak Load Validation
### Test 3: Spike/Burst Load
### Test 4: CRDT Stress Testing
## Performance Metrics Analysis
### Latency Distribution
### Throughput Analysis
### Memory Usage Patterns
## Aurora vs PostgreSQL Considerations
### Current PostgreSQL Performance
### Aurora PostgreSQL Scaling Expectations
#### Auto-Scaling Configuration
#### Expected Scaling Behavior
#### Aurora Benefits for 100k req/day
#### Migration Considerations
## Memory Profiling Results
### Go Service Memory Analysis
#### Heap Allocation Patterns
#### Garbage Collection Analysis
#### Goroutine Analysis
#### Memory Hotspots
### Memory Optimization Recommendations
## Bottleneck Analysis
### Database Layer
### Application Layer
### Infrastructure Layer
### Identified Bottlenecks
## Acceptance Criteria Validation
### P95 Latency <300ms at 100k req/day
### Zero Data Loss in CRDT Conflicts (1000+ concurrent)
### Aurora Auto-scaling Validation (2 ACU → 16 ACU)
### Go Service Memory <512MB under Sustained Load
## Recommendations
### Immediate Actions (P0)
### Short-term Improvements (P1)
### Long-term Optimizations (P2)
### Aurora Migration Plan
## Monitoring and Alerting
### Key Metrics to Monitor
### Aurora Scaling Monitoring
## Appendix: Raw Data
### Test Execution Logs
### Performance Profiles
### Configuration Files
## Conclusion""".splitlines()
"""A tick or cross stands where the mark of the verdict now stands, so it is not part of the words."""

LABELS = """\
**Ticket:** FM-ENH-005 - Scale Load Tests to 100k Requests/Day (5x Current Target)
**Priority:** P2
**Effort:** 13 story points
**Generated:**
This report validates the performance of the Fire-AI compliance platform at 100k requests per day scale, representing \
a 5x increase from the current 20k req/day baseline.
- **Overall Status:**
- **Tests Executed:**
- **Target Scale:** 100k req/day (5x current target)
- **Acceptance Criteria:**
| Metric | Target | Actual | Status |
| P95 Latency | ≤ 300ms |
| Memory Usage | < 512MB |
| CRDT Data Loss | 0 |
| Error Rate | ≤ 5% |
- **FastAPI Service:**
- **Go Service:**
- **Database:** PostgreSQL (
- **Load Testing:** Locust
- **Profiling:** Go pprof (Port 6060)
FASTAPI_BASE_URL=
GO_SERVICE_URL=
DATABASE_URL=
INTERNAL_JWT_SECRET_KEY=
- **Total Test Time:**
- **Analysis Time:**
**Objective:** Validate memory leaks and connection stability over extended period
**Configuration:**
- Users: 5 concurrent
- Duration: 4 hours
- Rate: ~1.2 req/sec sustained
- Target: 4,800 requests total
**Results:**
- **Status:**
- **Total Requests:**
- **Success Rate:**
- **Average Latency:**
- **P95 Latency:**
- **Memory Growth:**
- **Connection Stability:**
**Analysis:**
**Objective:** Validate p95 latency <300ms under realistic business hours load
**Configuration:**
- Users: 50 concurrent
- Duration: 1 hour
- Rate: 20-50 req/sec
- Target: ~120,000 requests total
**Results:**
- **Status:**
- **Total Requests:**
- **Success Rate:**
- **Average Latency:**
- **P95 Latency:**
**CRITICAL METRIC**
- **P99 Latency:**
- **Requests/Second:**
**Analysis:**
**Objective:** Validate Aurora auto-scaling and system resilience under traffic bursts
**Configuration:**
- Users: 200 concurrent
- Duration: 5 minutes
- Rate: 166 req/sec (10k requests in 5min)
- Target: 10,000 requests total
**Results:**
- **Status:**
- **Total Requests:**
- **Success Rate:**
- **Dropped Requests:**
- **Average Latency:**
- **P95 Latency:**
- **Scaling Response:**
**Analysis:**
**Objective:** Validate zero data loss with 1000+ concurrent CRDT conflicts
**Configuration:**
- Users: 1000 concurrent
- Duration: 10 minutes
- Rate: Variable (conflict generation)
- Target: 1000+ concurrent conflicts
**Results:**
- **Status:**
- **Total CRDT Operations:**
- **Conflicts Detected:**
- **Data Loss Events:**
**CRITICAL METRIC**
- **Conflict Resolution Time:**
- **Idempotency Violations:**
**Analysis:**
| Percentile | Sustained | Peak | Spike | CRDT Stress |
| P50 |
| P95 |
| P99 |
| Max |
| Test | Target RPS | Actual RPS | Efficiency |
| Sustained | 1.2 |
| Peak | 35.0 |
| Spike | 166.0 |
| CRDT Stress | 50.0 |
| Test | Initial MB | Peak MB | Final MB | Growth MB |
| Sustained |
| Peak |
| Spike |
| CRDT Stress |
- **Connection Pool:** 30 max connections, 5 min connections
- **Query Performance:**
- **Scaling Limitations:** Manual scaling required
Aurora Serverless v2 Configuration:
  Min ACU: 2 (baseline performance)
  Max ACU: 16 (peak load handling)
  Target CPU: 70% (trigger scaling)
  Scale Cooldown: 5 minutes
  Scale-up Cooldown: 15 seconds
  Scale-down Cooldown: 5 minutes
| Load Pattern | Expected ACU | Scaling Time | Performance Impact |
| Sustained (1.2 RPS) | 2-4 ACU | N/A | None |
| Peak (35 RPS) | 8-12 ACU | 1-2 minutes | Minimal |
| Spike (166 RPS) | 12-16 ACU | 30-60 seconds | Brief latency increase |
| CRDT Stress | 8-10 ACU | 1-2 minutes | Minimal |
- **Automatic Scaling:** No manual intervention required
- **Cost Optimization:** Pay only for compute used
- **High Availability:** Multi-AZ deployment
- **Performance:** Up to 3x faster than regular PostgreSQL
- **Monitoring:** CloudWatch integration for scaling events
- **Connection String Changes:** Minimal (same PostgreSQL protocol)
- **Application Changes:** None required
- **Performance Improvements:** Expected 20-30% improvement
- **Cost Impact:** Estimated 40-60% cost reduction vs provisioned
- **Initial Heap:**
- **Peak Heap:**
- **Final Heap:**
- **Memory Growth Rate:**
- **GC Frequency:**
- **GC CPU Fraction:**
- **GC Pause Time:**
- **Memory Efficiency:**
- **Initial Goroutines:**
- **Peak Goroutines:**
- **Final Goroutines:**
- **Goroutine Leaks:**
1. **Heap Optimization:**
2. **Goroutine Management:**
3. **Connection Pooling:**
4. **Cache Implementation:**
- **Connection Pool Utilization:**
- **Query Performance:**
- **Lock Contention:**
- **Index Usage:**
- **FastAPI Performance:**
- **Go Service Performance:**
- **Schema Validation Overhead:**
- **CRDT Processing:**
- **CPU Utilization:**
- **Memory Utilization:**
- **Network I/O:**
- **Disk I/O:**
- **Requirement:** P95 latency must be ≤ 300ms
- **Test:** Peak Load Test (Test 2)
- **Result:**
- **Status:**
- **Analysis:**
- **Requirement:** All CRDT operations must succeed without data loss
- **Test:** CRDT Stress Test (Test 4)
- **Result:**
- **Status:**
- **Analysis:**
- **Requirement:** Aurora must scale automatically without manual intervention
- **Test:** Spike/Burst Test (Test 3)
- **Result:**
- **Status:**
- **Analysis:**
- **Requirement:** Memory usage must stay below 512MB
- **Test:** All tests with profiling
- **Result:**
- **Status:**
- **Analysis:**
1. **Phase 1:** Aurora Serverless v2 setup and configuration
2. **Phase 2:** Load testing with Aurora
3. **Phase 3:** Production migration
4. **Phase 4:** Performance validation and optimization
- **P95 Latency:** Alert if > 300ms
- **Error Rate:** Alert if > 5%
- **Memory Usage:** Alert if > 400MB (80% of limit)
- **Database Connections:** Alert if > 25 (83% of pool)
- **CRDT Conflicts:** Monitor for anomalies
- **ACU Utilization:** Track scaling events
- **Scaling Latency:** Alert if > 2 minutes
- **Cost Tracking:** Monitor ACU usage patterns
- **Locust Logs:**
- **Profiling Logs:**
- **System Logs:**
- **Heap Profiles:**
- **CPU Profiles:**
- **Memory Monitoring:**
- **Test Configurations:**
- **Environment Variables:**
- **Database Schema:**
**Final Status:**
for 100k req/day production deployment
**Confidence Level:**
based on test results and analysis
**Recommended Actions:**""".splitlines()

TOKENS = """\
[TIMESTAMP]
[PASSED/FAILED]
[X/4]
[ACTUAL]
[✅/❌]
[URL]
[VERSION]
[CONFIG]
[CONNECTION_STRING]
[SECRET]
[DURATION]
[COUNT]
[RATE]
[LATENCY]
[GROWTH]
[STABLE/UNSTABLE]
[Detailed analysis of sustained load performance, memory trends, and connection pool behavior]
[Detailed analysis of peak load performance, latency distribution, and bottleneck identification]
[Detailed analysis of burst handling, auto-scaling behavior, and system resilience]
[Detailed analysis of CRDT conflict handling, vector clock merging, and data consistency]
[RPS]
[TIMING]
[ms]
[%]
[MB]
[METRICS]
[MB/hour]
[DETECTED/NONE]
[Analysis of memory allocation hotspots from pprof profiles]
[RECOMMENDATIONS]
[ANALYSIS]
[BOTTLENECK 1]
[BOTTLENECK 2]
[BOTTLENECK 3]
[DESCRIPTION AND IMPACT]
[DETAILED ANALYSIS]
[DATA_LOSS_COUNT]
[SCALING_BEHAVIOR]
[PEAK_MEMORY]
[CRITICAL ISSUE 1]
[CRITICAL ISSUE 2]
[ACTION REQUIRED]
[IMPROVEMENT 1]
[IMPROVEMENT 2]
[IMPLEMENTATION PLAN]
[OPTIMIZATION 1]
[OPTIMIZATION 2]
[ROADMAP]
[FILE_PATHS]
[Executive summary of findings, overall system readiness for 100k req/day scale, and next steps for production \
deployment]
[READY/NOT_READY]
[HIGH/MEDIUM/LOW]
[Priority-ordered list of required actions before production deployment]
✅
❌
⭐
Locust 2.28.0
4 comprehensive test scenarios""".splitlines()
