"""Alerts: what needs somebody is told to a webhook, once, and once more when it is good again.

What belongs here: incidents and what is due of them (`incident`), where they are kept (`book`), the messages on their
way (`outbox`), what they say and their signature (`message`), posting one (`post`), and the loop (`dispatch`). What
does not: finding out what is wrong (`orchestration.alerts`), and Dagster.
"""
