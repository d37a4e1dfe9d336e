import os

from scatterfetch.localcloud.forkserver import Forked


def test_who_has_forgotten_a_process_reads_nothing_that_is_told_to_others() -> None:
    """A closed descriptor's number is given to whoever opens something next."""
    told, telling = os.pipe()
    forked = Forked(told)
    os.write(telling, b"4711\n-9\n")
    assert (forked.poll(), forked.pid) == (-9, 4711)

    forked.close()
    os.close(telling)
    read, write = os.pipe()
    os.write(write, b"for others")
    assert told in {read, write}

    assert (forked.poll(), forked.pid) == (-9, 4711)
    assert os.read(read, 64) == b"for others"
    os.close(read)
    os.close(write)
