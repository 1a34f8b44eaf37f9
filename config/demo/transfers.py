"""Changes what is in demo accounts, once per idempotency key."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Mapping

from django.db import transaction
from django.db.models import QuerySet

from config.demo.models import DemoAccount, DemoTransfer
from executions.capability_registry import Permanent, Result
from ledger.clock import now
from ledger.tenancy import set_tenant, tenant_scope

BANK = "bank"
CUSTOMER = "customer"
OPENING_BALANCES = {BANK: 1_000_000, CUSTOMER: 0}


def open_accounts(tenant_id: uuid.UUID, balances: dict[str, int] | None = None) -> None:
    """Create the named accounts (default: bank and customer) where they do not exist yet."""
    with transaction.atomic(durable=True):
        set_tenant(tenant_id)
        DemoAccount.objects.bulk_create(
            [
                DemoAccount(tenant_id=tenant_id, name=name, balance=balance)
                for name, balance in (balances or OPENING_BALANCES).items()
            ],
            ignore_conflicts=True,
        )


def _accounts(tenant_id: uuid.UUID) -> QuerySet[DemoAccount]:
    return DemoAccount.objects.filter(tenant_id=tenant_id)


def _transfers(tenant_id: uuid.UUID) -> QuerySet[DemoTransfer]:
    return DemoTransfer.objects.filter(tenant_id=tenant_id)


def balances(tenant_id: uuid.UUID) -> dict[str, int]:
    """Return every account's balance in minor units, by name."""
    with tenant_scope(tenant_id):
        return dict(_accounts(tenant_id).order_by("name").values_list("name", "balance"))


def transfers(tenant_id: uuid.UUID) -> list[tuple[str, str, int]]:
    """Return (source, target, amount) of every movement, oldest first."""
    with tenant_scope(tenant_id):
        return list(_transfers(tenant_id).order_by("id").values_list("source", "target", "amount"))


def state_version(found: Mapping[str, int]) -> str:
    """Return the version of accounts: what is in them, by name."""
    return ", ".join(f"{name} {found[name]}" for name in sorted(found))


def version_of(tenant_id: uuid.UUID, names: Collection[str]) -> str:
    """Return the version at which these accounts are now."""
    with tenant_scope(tenant_id):
        rows = _accounts(tenant_id).filter(name__in=names)
        return state_version(dict(rows.values_list("name", "balance")))


def move(
    tenant_id: uuid.UUID, key: str, *, source: str, target: str, amount: int, simulate: bool
) -> Result:
    """Move `amount` from `source` to `target`, or return what the same key did before.

    The image and output are by account name: {name: balance}. Raises Permanent for an unknown
    account, one account named twice, or too little money.
    """
    if source == target:
        raise Permanent(f"cannot move money from {source!r} to itself")
    with transaction.atomic(durable=True):
        set_tenant(tenant_id)
        rows = _accounts(tenant_id).filter(name__in=[source, target])
        if not simulate:
            # The accounts are locked before the key is looked up: of two calls with one key, the
            # second waits here and then finds the first one's row. What only reads locks nothing.
            rows = rows.select_for_update()
        accounts = {row.name: row for row in rows.order_by("name")}
        done = _transfers(tenant_id).filter(idempotency_key=key).first()
        if done is not None:
            return Result(done.output, done.before, done.after, state_version(done.after))
        missing = sorted({source, target} - set(accounts))
        if missing:
            raise Permanent(f"there is no account named {missing[0]!r}")
        payer, payee = accounts[source], accounts[target]
        if payer.balance < amount:
            raise Permanent(
                f"account {source!r} holds {payer.balance}, which is less than {amount}"
            )
        before = {source: payer.balance, target: payee.balance}
        after = {source: payer.balance - amount, target: payee.balance + amount}
        if not simulate:
            payer.balance, payee.balance = after[source], after[target]
            payer.save(update_fields=["balance"])
            payee.save(update_fields=["balance"])
            DemoTransfer(
                tenant_id=tenant_id,
                idempotency_key=key,
                source=source,
                target=target,
                amount=amount,
                output=after,
                before=before,
                after=after,
                created_at=now(),
            ).save(force_insert=True)
    # A simulation shows what would be, in a state that stays as it is.
    return Result(after, before, after, state_version(before if simulate else after))


def set_balance(
    tenant_id: uuid.UUID, key: str, *, account: str, wanted: Callable[[int], int]
) -> Result:
    """Set the balance of an account to what is `wanted` of what is in it, or return what the same
    key did before. Image and output are as those of `move`. Raises Permanent for an unknown
    account, or for less than nothing."""
    with transaction.atomic(durable=True):
        set_tenant(tenant_id)
        # Locked before the key is looked up, as in `move`.
        row = _accounts(tenant_id).select_for_update().filter(name=account).first()
        done = _transfers(tenant_id).filter(idempotency_key=key).first()
        if done is not None:
            return Result(done.output, done.before, done.after)
        if row is None:
            raise Permanent(f"there is no account named {account!r}")
        before, after = {account: row.balance}, {account: wanted(row.balance)}
        if after[account] < 0:
            raise Permanent(f"account {account!r} cannot hold {after[account]}")
        row.balance = after[account]
        row.save(update_fields=["balance"])
        DemoTransfer(
            tenant_id=tenant_id,
            idempotency_key=key,
            source=account,
            target=account,
            amount=after[account] - before[account],
            output=after,
            before=before,
            after=after,
            created_at=now(),
        ).save(force_insert=True)
    return Result(after, before, after)
