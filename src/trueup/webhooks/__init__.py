"""Webhooks: queue changes sent to other programs, signed, in order, and until they arrive.

Messages are signed as the Standard Webhooks specification says (standardwebhooks.com). They carry
ids and never a text or a label: a receiver asks the API for these, which knows who may read what
and writes it down. `deliver` is the worker that the service runs.
"""

from trueup.store.webhooks import Webhook
from trueup.webhooks._hooks import (
    NewWebhook,
    add_webhook,
    list_webhooks,
    remove_webhook,
    resume_webhook,
    try_webhook,
)
from trueup.webhooks._urls import Network, networks_of
from trueup.webhooks._worker import Sending, deliver

__all__ = [
    "Network",
    "NewWebhook",
    "Sending",
    "Webhook",
    "add_webhook",
    "deliver",
    "list_webhooks",
    "networks_of",
    "remove_webhook",
    "resume_webhook",
    "try_webhook",
]
