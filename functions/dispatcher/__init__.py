"""
The dispatcher: the only door to the work queue.

Starts jobs, cuts their lists into batches, passes deferred batches on, and closes jobs. Fetches
nothing from websites, and knows nothing of workers but the messages that they take. Start reading
at `handler`, then `dispatch`. Others may import `counts`, `lists`, `names`, `plan`, `specs`,
`summary` and `written`; a test holds them to it.
"""
