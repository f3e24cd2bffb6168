"""What the operator's tests share; the API server itself comes from tests/conftest.py."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.operator.support.world import World

from falcon_operator.clients import api


@pytest.fixture
async def world(kubeconfig: Path, tmp_path: Path) -> AsyncIterator[World]:
    """A prepared, empty part of the cluster."""
    async with await api.connect(kubeconfig) as connected:
        made = World(connected, kubeconfig, tmp_path)
        try:
            await made.prepare()
            yield made
        finally:
            await made.clean()
