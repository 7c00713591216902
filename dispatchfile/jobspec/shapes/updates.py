"""The words of update and migrate blocks, which have no effect on batch jobs."""

from typing import Final

from dispatchfile.jobspec.shapes.model import MINUTE, SECOND, BlockSchema, duration, flag, number, text

UPDATE: Final = BlockSchema(
    key="Update",
    fields={
        "auto_promote": flag("AutoPromote"),
        "auto_revert": flag("AutoRevert"),
        "canary": number("Canary"),
        "health_check": text("HealthCheck", "checks"),
        "healthy_deadline": duration("HealthyDeadline", 5 * MINUTE),
        "max_parallel": number("MaxParallel", 1),
        "min_healthy_time": duration("MinHealthyTime", 10 * SECOND),
        "progress_deadline": duration("ProgressDeadline", 10 * MINUTE),
        "stagger": duration("Stagger", 30 * SECOND),
    },
)

MIGRATE: Final = BlockSchema(
    key="Migrate",
    fields={
        "health_check": text("HealthCheck", "checks"),
        "healthy_deadline": duration("HealthyDeadline", 5 * MINUTE),
        "max_parallel": number("MaxParallel", 1),
        "min_healthy_time": duration("MinHealthyTime", 10 * SECOND),
    },
)
