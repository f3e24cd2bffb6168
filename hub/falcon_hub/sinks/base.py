"""What every sink takes and gives: the contract between `routing` and the receivers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from falcon_hub import alerts


class Unusable(Exception):
    """A sink cannot work as set (a missing library, a bad address); the text says what to do. Never a secret in it."""


class Refused(Exception):
    """The receiver will never take this message, however often it is sent: it becomes a dead letter."""


class Failed(Exception):
    """Nothing is known to be there; the same may succeed later.

    retry_after: seconds the receiver asks to be left alone for. broken: it is the sink that is wrong (a revoked key, a
    channel that is gone), so sending another message would not help either. answered: the receiver is there and failed
    on what it was sent, so it may be this message that it cannot bear.
    """

    def __init__(
        self, reason: str, retry_after: float | None = None, broken: bool = False, answered: bool = False
    ) -> None:
        super().__init__(reason)
        self.retry_after = retry_after
        self.broken = broken
        self.answered = answered


@dataclass(frozen=True, slots=True)
class Tally:
    """A line of a digest: how many alerts of a rule."""

    rule: str
    priority: str
    count: int


@dataclass(frozen=True, slots=True)
class Message:
    """One thing to deliver: an alert, or several told as one.

    key: the idempotency key, the same whenever this is sent again: the alert's uuid, or a uuid made from those it
    stands for. alert: what it tells; of repeats the latest. count: how many alerts it stands for. tallies: for a
    digest of different alerts, by rule, the most urgent first. title, text: rendered, their values already escaped
    for the receiver (`Sink.escape`). first_ns, last_ns: when the first and the last happened. link: the alert on the
    hub's page, when its address is known.
    """

    key: str
    alert: alerts.Alert
    title: str
    text: str
    count: int = 1
    tallies: tuple[Tally, ...] = ()
    first_ns: int = 0
    last_ns: int = 0
    link: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a batch. done: how many from its front need no further attempt; refused: which of those (by
    index in the batch) the receiver will never take, and why. failure: why the rest has to wait; None when all is done.
    """

    done: int
    refused: dict[int, str] = field(default_factory=dict)
    failure: Failed | None = None


class Sink(Protocol):
    """One receiver. A sink is used by one task at a time, always in the same event loop."""

    batch: int
    """Messages given to `send` at once, at most."""

    def escape(self, value: str) -> str:
        """A value from an alert as it may stand in this receiver's text: it stays text, whatever an attacker chose."""

    async def send(self, batch: Sequence[Message]) -> Outcome:
        """Sends the messages in order. Never raises for what a receiver does; takes as long as the receiver does, so
        the caller bounds it."""

    async def close(self) -> None:
        """Lets connections go. Nothing is sent afterwards."""


async def one_by_one(batch: Sequence[Message], send: Callable[[Message], Awaitable[None]]) -> Outcome:
    """For receivers that take a message a request. send: raises Refused or Failed."""
    refused: dict[int, str] = {}
    for index, message in enumerate(batch):
        try:
            await send(message)
        except Refused as refusal:
            refused[index] = str(refusal)
        except Failed as failure:
            return Outcome(index, refused, failure)
    return Outcome(len(batch), refused)


async def halving(batch: Sequence[Message], send: Callable[[Sequence[Message]], Awaitable[None]]) -> Outcome:
    """For receivers that take or refuse a batch as a whole: a refused one is halved until the message at fault is
    alone. send: raises Refused or Failed."""
    try:
        await send(batch)
    except Failed as failure:
        return Outcome(0, {}, failure)
    except Refused as refusal:
        if len(batch) == 1:
            return Outcome(1, {0: str(refusal)})
    else:
        return Outcome(len(batch))
    middle = len(batch) // 2
    left = await halving(batch[:middle], send)
    if left.failure:
        return left
    right = await halving(batch[middle:], send)
    moved = {index + middle: reason for index, reason in right.refused.items()}
    return Outcome(middle + right.done, left.refused | moved, right.failure)
