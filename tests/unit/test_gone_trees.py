"""The tree over what went under a receipt: its root, and the proof that one payload is in it."""

from __future__ import annotations

import tracemalloc
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
    wanted = sorted({0, size // 2, size - 1})
    paths = GonePaths()
    for index, leaf in enumerate(leaves):
        paths.push(leaf, wanted=index in wanted)
    proofs = paths.proofs()
    assert [index for index, _proof in proofs] == wanted
    for index, proof in proofs:
        path = hashes_in(proof)
        root = root_of_inclusion(leaves[index], index, size, path)
        assert root is not None
        assert root.hex() == said["root"]
        other = root_of_inclusion(gone_leaf("x", "y"), index, size, path)
        assert other is not None
        assert other.hex() != said["root"]
    assert said["payloads"] == size


def test_of_a_tree_no_more_is_kept_than_what_is_shown_needs() -> None:
    """However many payloads went: 200,000 leaves alone would be 6 MB, with their objects 15."""
    leaf, wanted = gone_leaf(str(uuid.UUID(int=1)), "outcome"), {0, 77_777, 199_999}
    paths = GonePaths()
    tracemalloc.start()
    try:
        for index in range(200_000):
            paths.push(leaf, wanted=index in wanted)
        proofs = dict(paths.proofs())
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()
    assert sorted(proofs) == sorted(wanted)
    roots = {root_of_inclusion(leaf, n, 200_000, hashes_in(p)) for n, p in proofs.items()}
    assert len(roots) == 1
    assert None not in roots
