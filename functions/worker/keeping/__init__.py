"""
The pages that a job keeps as they came, for people and programs to look at later.

Owns the objects below `pages/`. Start at `Keeping`.
"""
