"""
What the use cases ask of the outside: a protocol for each kind of use. Each adapter keeps these promises, and
`tests/contract` checks that it does.
"""
