"""Who may do what: accounts, sessions, API tokens and the rights of roles.

`roles.Role` orders volunteer < investigator < curator < administrator. `rights.RIGHTS` is the one table of routes and
the lowest role each needs; a route that is not in it is for administrators. `access.require_access` checks every
request against it: pages redirect to /sign-in, /v1 answers 401 or 403 as a problem. A route gets the sender of a
request by the dependency `access.VisitorDep`, and calls `visitor.require(Role.X)` where the right depends on the
request's content. In templates the account is `viewer`.
"""
