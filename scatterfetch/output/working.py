"""What workers of this machine do, in a line."""

from scatterfetch.machine.news import Work
from scatterfetch.output.sentences import counted, rounded
from shared.outcomes import Kind


def progress_line(work: Work, rate: float) -> str:
    """Return what was done, how many URLs a second were lately, and what is under way."""
    parts = [f"{counted(work.done, 'URL')} done"]
    if rate:
        parts.append(f"{rounded(rate)}/s")
    parts += [f"{work.outcomes[kind]:,} {kind}" for kind in Kind if work.outcomes.get(kind)]
    if work.in_hand:
        batches = counted(work.in_hand, "batch", "batches")
        hosts = counted(work.hosts, "host")
        parts.append(f"{work.under_way:,} under way at {hosts}, in {batches}")
    return ", ".join(parts)
