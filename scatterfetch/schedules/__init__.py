"""
Schedules of a stack: jobs that a stack starts by itself, on EventBridge Scheduler.

Start reading at `schedule`, which is what a schedule sends. `scheduler` is the only module that
speaks to EventBridge Scheduler. What becomes of a message is the dispatcher's business.
"""
