"""
Where what belongs to a job is, in the buckets.

Names only: nothing is read or written here. The keys that carry counts are in `receipts`.
"""

from urllib.parse import quote

JOBS = "jobs/"
MEMORY = "memory/"
SCRAPERS = "scrapers/"
STATES = "state/"
SUBMITTED = "submitted/"  # in the input bucket: lists that are no jobs by being uploaded
SCHEDULED = "scheduled/"  # likewise: lists of schedules, which stay


def job_prefix(job: str) -> str:
    return f"{JOBS}{job}/"


def manifest_key(job: str) -> str:
    return f"{job_prefix(job)}manifest.json"


def run_key(job: str) -> str:
    """Return the key of what a folder of local runs knows of the last run of a job."""
    return f"{job_prefix(job)}run.json"


def cancelled_key(job: str) -> str:
    """Return the key of the object that tells workers to stop; its content says nothing."""
    return f"{job_prefix(job)}cancelled"


def limit_key(job: str) -> str:
    """Return the key of the object that tells workers that a crawl has all its pages."""
    return f"{job_prefix(job)}limit"


def submitted_key(job: str, name: str) -> str:
    """Return the key in the input bucket of a list that a `submit.v1` message is about."""
    return f"{SUBMITTED}{job}/{name}"


def scheduled_key(schedule: str, name: str) -> str:
    """Return the key in the input bucket of a list that a schedule submits each time."""
    return f"{SCHEDULED}{schedule}/{name}"


def turn_key(name: str) -> str:
    """Return the key of the object that tells which job of a name was the last to start."""
    return f"turns/{quote(name, safe='')}.json"


def plan_prefix(job: str) -> str:
    return f"{job_prefix(job)}plan/"


def plan_key(job: str, shard: int) -> str:
    """Return the key of a shard's plan: its messages, written before the first of them is sent."""
    return f"{plan_prefix(job)}{shard:05d}.gz"


def rejected_key(job: str, shard: int) -> str:
    return f"{job_prefix(job)}rejected/{shard:05d}.jsonl"


def summary_key(job: str) -> str:
    return f"{job_prefix(job)}summary.json"


def redriven_key(job: str, batch: str) -> str:
    """Return the key of the object that tells that what died in a batch gets another life."""
    return f"{redriven_folder(job)}{batch}"


def announced_key(job: str) -> str:
    """Return the key of the object that tells that the job's end was announced."""
    return f"{job_prefix(job)}announced"


def ticks_prefix(job: str) -> str:
    return f"{job_prefix(job)}ticks/"


def tick_key(job: str, number: int) -> str:
    """Return the key of the object that tells that the tick after this one was sent."""
    return f"{ticks_prefix(job)}{number:05d}"


def fold_key(job: str) -> str:
    """
    Return the key of what a job's receipts add up to so far.

    Release 0.1 has a form of its own in `fold.json`, and fails on any other.
    """
    return f"{job_prefix(job)}fold-2.json"


def checked_key(job: str) -> str:
    """Return the key of the object that tells that a job was looked at early, and what was told."""
    return f"{job_prefix(job)}checked"


def last_jobs_folder(scraper: str) -> str:
    return f"{SCRAPERS}{_as_name(scraper)}/"


def last_job_key(scraper: str, list_id: str) -> str:
    """Return the key of what the last healthy job of a list was like."""
    return f"{last_jobs_folder(scraper)}{_as_name(list_id)}.json"


def seen_folder(job: str) -> str:
    return f"{job_prefix(job)}seen/"


def seen_key(job: str, partition: int) -> str:
    """Return the key of what a partition has taken of a job's pages."""
    return f"{seen_folder(job)}{partition}"


def sweep_key(job: str) -> str:
    """Return the key of the partitions that are swept at the end of a job."""
    return f"{job_prefix(job)}sweep.json"


def swept_folder(job: str) -> str:
    return f"{job_prefix(job)}swept/"


def memory_folder(scraper: str) -> str:
    """Return the folder of what is remembered of a scraper's URLs and rows."""
    return f"{MEMORY}{_as_name(scraper)}/"


def memory_key(scraper: str, partition: int, path: str = "") -> str:
    """Return the key of what is remembered of a partition, or of a part of it."""
    return f"{memory_folder(scraper)}{partition}{path and '.'}{path}"


def changes_prefix(job: str) -> str:
    return f"changes/job={job}/"


def changes_key(job: str, batch: str) -> str:
    return f"{changes_prefix(job)}{batch}.jsonl.gz"


def pages_prefix(job: str) -> str:
    return f"pages/job={job}/"


def pages_key(job: str, batch: str, working: str) -> str:
    """Return the key of the pages of a batch that were kept by one who worked on it."""
    return f"{pages_prefix(job)}{batch}.{working}.warc.gz"


def results_prefix(job: str) -> str:
    return f"results/job={job}/"


def results_key(job: str, batch: str) -> str:
    return f"{results_prefix(job)}{batch}.jsonl.gz"


def state_key(partition: int) -> str:
    return f"{STATES}{partition}.json"


def receipts_folder(job: str) -> str:
    return f"{job_prefix(job)}receipts/"


def receipts_prefix(job: str, shard: int) -> str:
    return f"{receipts_folder(job)}{shard:05d}-"


def dispatched_folder(job: str) -> str:
    return f"{job_prefix(job)}dispatched/"


def dispatched_prefix(job: str, shard: int) -> str:
    """Return what the key of a shard begins with, and perhaps that of one above 99,999."""
    return f"{dispatched_folder(job)}{shard:05d}"


def redriven_folder(job: str) -> str:
    return f"{job_prefix(job)}redriven/"


def _as_name(text: str) -> str:
    """Return a text as one part of a key, and of a path: without slashes and escapes of URLs."""
    return quote(text.replace("~", "~7E"), safe="").replace("%", "~")
