"""Who may look, and do what: passwords, OpenID Connect, sessions, roles, the audit log.

    who = await access.require(request, roles.VIEWER)      401 or 403 is raised, CSRF is checked

Two roles: a viewer reads, an admin acknowledges and silences too. Programs come with a token, people with a
cookie. Who may send alerts is another matter, and another token (`api.tokens`).
"""
