"""The Merkle tree over what was recorded: sealing, checkpoints, proofs, anchors.

Each tenant has a tree of its own (ADR 0031). The recording door appends to the chain of one subject
and knows nothing of it; a trigger remembers each new entry as unsealed. The sealer gives unsealed
entries a dense index, stores the tiles that are full, and signs a checkpoint, all in one
transaction, so that the size of the tree is always that of its newest checkpoint.
"""
