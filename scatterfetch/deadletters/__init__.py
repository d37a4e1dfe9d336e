"""
What was given up on, and giving it another life.

A dead letter of DispatchDLQ holds dead targets as the dispatcher takes them, one of WorkDLQ.fifo
a batch that no worker could bring to an end. So a redrive is moving messages, and since their
batch ids are fixed, nothing is fetched twice that was committed once. The queues of a local run
end with it: there the results say what is dead. Nothing here knows the command line.
"""
