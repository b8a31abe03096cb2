"""A tenant of Defender and Graph on this machine, for developing and testing whatever automates them.

`tenant.Tenant` is the state, `app.create_app(tenant)` what answers. Every router hands a request to `gate.admitted`,
which checks the token, counts the documented limits, and lets faults strike; `recorder` writes the log around it.
"""
