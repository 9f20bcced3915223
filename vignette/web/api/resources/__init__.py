"""
The JSON that goes out, as types: what the code answers with, and what the OpenAPI document is made from. A module for
each kind of resource.
"""
