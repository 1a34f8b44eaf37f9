"""The tree over what went under a receipt: its root, and the proof that one payload is in it."""

from __future__ import annotations

import uuid

import pytest

from ledger.canonical import canonical
from ledger.erasure.gone_payloads import GonePaths, gone_leaf, gone_of
from ledger.tree.merkle import hashes_in, root_of_inclusion


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 255, 256, 257, 600])
def test_of_each_payload_it_can_be_shown_that_a_receipt_tells_of_it(size: int) -> None:
    payloads = [(str(uuid.UUID(int=n // 3)), f"name-{n % 3}") for n in range(size)]
    said = gone_of(payloads)
    assert canonical(said)
    leaves = [gone_leaf(*each) for each in payloads]
    paths = GonePaths(leaves)
    for index in {0, size // 2, size - 1}:
        path = hashes_in(paths.of(index))
        root = root_of_inclusion(leaves[index], index, size, path)
        assert root is not None
        assert root.hex() == said["root"]
        other = root_of_inclusion(gone_leaf("x", "y"), index, size, path)
        assert other is not None
        assert other.hex() != said["root"]
    assert said["payloads"] == size
