"""
What the use cases ask of the outside, cut by who asks. Each adapter keeps these promises; `tests/contract` holds it to
them.
"""
