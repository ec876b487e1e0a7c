"""Who may do what: accounts, sessions, API tokens and the rights of roles.

`roles.Role` orders volunteer < investigator < curator < administrator. `rights.RIGHTS` is the one table of routes and
the least role each needs; a route that it does not name is for administrators. `access.allowed` holds every request to
it: a page sends its reader to /sign-in, /v1 answers 401 or 403 as a problem. A route asks `access.TheVisitor` who is
there, and `visitor.require(Role.X)` where the right depends on what is asked. Templates find the account as `viewer`.
"""
