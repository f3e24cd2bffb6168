"""The process cache: which image a process ran at a time.

Successful execs are streamed, clone and exit are not. So a process that never exec'd has no entry
until it is asked for; its image is then what its parent ran when it was forked:

      parent (bash)   exec /bin/bash -----fork------ exec /usr/bin/sleep ------ asked now
      child                                +----------------------------------- asked now
                                           the child still runs /bin/bash

For the process that caused a record the kernel says which exec its image is from (`layout.HEAD`,
`image`), so that even orphans of double forks are told for certain. For ancestors, and for images
from before us until one of their processes shows up in a record, it is worked out:

- A child keeps its parent's comm: a parent with another one is not believed.
- The parent of a record is the parent *now*, and an orphan's is the init of its pid namespace or a
  subreaper: where the parent is such an init, /proc is asked and nothing is guessed. A process that
  names itself like its init must not be taken for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from falcon_sensor.records import decode
from falcon_sensor.state import cache, images, procfs

PID_BITS = 22
"""The kernel's PID_MAX_LIMIT is 2**22."""

PID_MASK = (1 << PID_BITS) - 1


def key_of(pid: int, start: int) -> int:
    """A process for good: its pid and its start in ticks, in one small integer. start: ns."""
    return procfs.ticks(start) << PID_BITS | pid & PID_MASK


class Processes:
    """max_processes: entries kept; what was not used lately goes first, and the dead before the living.

    max_bytes: bound of the packed records. Entries go by age when either bound is met. The
    images alive are those of the last three generations, so each may take a third of it.
    """

    def __init__(self, proc: procfs.Procfs, max_processes: int, max_bytes: int) -> None:
        self._proc = proc
        self._shelf = images.Shelf()
        self._generation_bytes = max(max_bytes // 3, 1)
        self._images: cache.Generations[int, images.Image] = cache.Generations(max_processes, self._living)
        self._by_file: cache.Generations[int, images.Image] = cache.Generations(max_processes, self._current)
        self._by_file_generation = 0

    def __len__(self) -> int:
        return len(self._images)

    @property
    def packed_bytes(self) -> int:
        """Bytes of records in the current generation; at most a third of `max_bytes` and a block."""
        return self._shelf.held

    def scan(self) -> int:
        """Learn the processes that are there already; returns how many are new to the cache."""
        return sum(self._from_proc(pid, None) is not None for pid in self._proc.pids())

    def observe(self, record: decode.Record) -> None:
        """Take note of a successful exec."""
        head = record.head
        if head.result != 0:
            return
        key = key_of(head.pid, head.start)
        image = images.Image(head.time, record.data, self._shelf, head.image)
        image.older = self._images.get(key)
        image.trim()
        self._put(key, image)
        if head.image:
            self._remember_file(head.image, image)

    def image(
        self, process: decode.Ancestor, time: int, above: Sequence[decode.Ancestor], file: int = 0
    ) -> images.Image | None:
        """What `process` ran at `time` (ns, CLOCK_BOOTTIME).

        above: its ancestors, parent first. file: the record's `image` where the process is the
        record's own, else 0.
        """
        known = self._known(process, time)
        if known is not None and file and known.file != file:
            known = self._verified(process, known, file)
        if known is None and file:
            known = self._by_file.get(file)
            if known is not None:
                known.renew()
                self._adopt(process, known)
        if known is None:
            known = self._worked_out(process, above, file)
        if known is not None and file and not known.file:
            known.file = file
            self._remember_file(file, known)
        return known

    def last_ancestors(self, process: decode.Ancestor) -> tuple[decode.Ancestor, ...]:
        """The ancestors that the process had when it last exec'd; empty when it is not known to have."""
        newest = self._images.get(key_of(process.pid, process.start))
        if newest is None or newest.facts.pid != process.pid:
            return ()
        return newest.facts.ancestors

    def _put(self, key: int, image: images.Image) -> None:
        self._images.put(key, image)
        if self._shelf.held > self._generation_bytes:
            self._images.turn()

    def _known(self, process: decode.Ancestor, time: int) -> images.Image | None:
        newest = self._images.get(key_of(process.pid, process.start))
        if newest is None:
            return None
        newest.renew()
        return newest.at(time)

    def _verified(self, process: decode.Ancestor, known: images.Image, file: int) -> images.Image | None:
        """`known` if it may be the image `file`. If it is not, an exec was missed: what was cached is out of date."""
        if known.file == 0:
            return known
        self._images.discard(key_of(process.pid, process.start))
        return None

    def _worked_out(self, process: decode.Ancestor, above: Sequence[decode.Ancestor], file: int) -> images.Image | None:
        if above and above[0].vpid == 1:
            return self._from_proc(process.pid, process.start)
        return self._inherited(process, above, file) or self._from_proc(process.pid, process.start)

    def _inherited(self, process: decode.Ancestor, above: Sequence[decode.Ancestor], file: int) -> images.Image | None:
        """The image of the nearest forebear that has one, as it was when the line forked away from it."""
        born = process.start
        for parent in above:
            image = self._known(parent, born)
            if image is not None:
                if process.comm not in (parent.comm, image.facts.comm) or (file and image.file):
                    return None
                self._adopt(process, image)
                return image
            if parent.comm != process.comm:
                return None
            born = parent.start
        return None

    def _adopt(self, process: decode.Ancestor, image: images.Image) -> None:
        """Remember an inherited image: the parent may be gone or forgotten when next asked."""
        key = key_of(process.pid, process.start)
        if self._images.get(key) is None:
            self._put(key, image)

    def _from_proc(self, pid: int, start: int | None) -> images.Image | None:
        """The image as /proc shows it now; None where the cache knows execs already, and better."""
        raw = self._proc.record(pid, start)
        if raw is None:
            return None
        head = decode.Record(raw).head
        key = key_of(pid, head.start)
        if self._images.get(key) is not None:
            return None
        image = images.Image(head.time, raw, self._shelf)
        self._put(key, image)
        return image

    def _living(self, forgotten: dict[int, images.Image]) -> Iterator[tuple[int, images.Image]]:
        """A generation ends: of the entries about to be forgotten those whose pid lives on."""
        self._shelf.next_generation()
        return self._renewed(forgotten, set(self._proc.pids()))

    def _remember_file(self, file: int, image: images.Image) -> None:
        if self._by_file_generation != self._shelf.generation:
            self._by_file_generation = self._shelf.generation
            self._by_file.turn()
        self._by_file.put(file, image)

    def _current(self, forgotten: dict[int, images.Image]) -> Iterator[tuple[int, images.Image]]:
        """Of the images to be forgotten by their files those that a living process has kept."""
        return (entry for entry in forgotten.items() if not entry[1].is_stale)

    def _renewed(self, forgotten: dict[int, images.Image], alive: set[int]) -> Iterator[tuple[int, images.Image]]:
        for key, image in forgotten.items():
            if self._shelf.held > self._generation_bytes // 2:
                return
            if key & PID_MASK in alive:
                image.renew()
                yield key, image
